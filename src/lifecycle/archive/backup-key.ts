import { randomBytes } from 'node:crypto';
import type { TenantId } from '../../core/ids.ts';
import type { Vault } from '../../registry/registry.ts';

/** Under the tenant's own name: an erasure drops what the vault has of the tenant, and with it goes every backup. */
const purpose = 'backup-key';

/** 256 random bits that all backups of the tenant are sealed with, each through a key derived for it alone. */
export async function ensureBackupKey(vault: Vault, tenant: TenantId): Promise<Buffer> {
  const text =
    (await vault.get(tenant, purpose)) ??
    (await vault.putOnce(tenant, purpose, randomBytes(32).toString('base64')));
  return Buffer.from(text, 'base64');
}

/** undefined = the tenant has none, or none any more. */
export async function readBackupKey(vault: Vault, tenant: string): Promise<Buffer | undefined> {
  const text = await vault.get(tenant, purpose);
  return text === undefined ? undefined : Buffer.from(text, 'base64');
}
