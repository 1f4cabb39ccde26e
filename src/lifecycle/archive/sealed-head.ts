import { hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { z } from 'zod';
import { parseTenantId, type TenantId } from '../../core/ids.ts';

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);
const cost = z.object({
  n: z.int().min(16_384).max(1_048_576),
  r: z.int().min(8).max(16),
  p: z.int().min(1).max(16),
});

/** What a sealed file says of itself in the open: its first line. Every piece of the text is bound to these bytes. */
export const SealedHead = z.object({
  format: z.literal('bulkhead-sealed'),
  formatVersion: z.literal(1),
  tenant: z.string().refine((raw) => parseTenantId(raw) !== undefined),
  /** Of the archive or backup inside. */
  id: z.uuid(),
  key: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('tenant') }),
    z.object({ kind: z.literal('passphrase'), salt: base64url, cost }),
  ]),
  /** Names the key without telling anything about it. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  salt: base64url,
});
export type SealedHead = z.output<typeof SealedHead>;

/** What the text of a file is sealed with, and how its reader comes by it. */
export interface SealingSecret {
  readonly key: Buffer;
  readonly how: SealedHead['key'];
}

export function toSealedHead(
  secret: SealingSecret,
  what: { readonly tenant: TenantId; readonly id: string },
): SealedHead {
  return {
    format: 'bulkhead-sealed',
    formatVersion: 1,
    ...what,
    key: secret.how,
    keyId: toKeyId(secret.key),
    salt: randomBytes(32).toString('base64url'),
  };
}

export function toKeyId(key: Buffer): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'bulkhead sealed file key id', 8)).toString('hex');
}

/** A key for this file alone. */
export function toFileKey(key: Buffer, { salt }: SealedHead): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.from(salt, 'base64url'), 'bulkhead sealed file', 32));
}

/** Of the parameters that OWASP's cheat sheet gives for scrypt, those that take little memory. */
const scryptCost = { n: 32_768, r: 8, p: 3 } as const;

export async function toPassphraseSecret(passphrase: string): Promise<SealingSecret> {
  const salt = randomBytes(32).toString('base64url');
  const how = { kind: 'passphrase', salt, cost: scryptCost } as const;
  return { key: await stretch(passphrase, how), how };
}

/** scrypt, RFC 7914. */
export function stretch(
  passphrase: string,
  how: Extract<SealedHead['key'], { kind: 'passphrase' }>,
): Promise<Buffer> {
  const { n: N, r, p } = how.cost;
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), Buffer.from(how.salt, 'base64url'), 32, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
