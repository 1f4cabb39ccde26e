import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { BlobStore } from '../../core/blob-store.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Vault } from '../../registry/registry.ts';
import type { ArchiveFile } from './read.ts';
import { refused } from './refusal.ts';
import { openSealed, readSealedHead } from './seal.ts';
import { SealedHead, stretch, toKeyId, toPassphraseSecret, type SealingSecret } from './sealed-head.ts';
import { readBackupKey } from './backup-key.ts';

const minPassphrase = 12;

/** @throws value_invalid for one that is guessed too easily */
export async function toSecret(passphrase: string): Promise<SealingSecret> {
  if (passphrase.length < minPassphrase)
    throw new BulkheadError('value_invalid', {
      field: 'passphrase',
      reason: `a passphrase has at least ${minPassphrase} characters`,
    });
  return await toPassphraseSecret(passphrase);
}

const kept = z.object({ key: z.string(), how: SealedHead.shape.key });
const purpose = 'file-key';

/** A passphrase is not kept; what was made of it is, while its operation runs, so that another process can go on with it. */
export async function keepSecret(
  vault: Vault,
  operation: string,
  { key, how }: SealingSecret,
): Promise<void> {
  await vault.put(`operation:${operation}`, purpose, JSON.stringify({ key: key.toString('base64'), how }));
}

export async function readKeptSecret(vault: Vault, operation: string): Promise<SealingSecret | undefined> {
  const text = await vault.get(`operation:${operation}`, purpose);
  if (text === undefined) return undefined;
  const { key, how } = kept.parse(JSON.parse(text));
  return { key: Buffer.from(key, 'base64'), how };
}

/**
 * What values are masked with, so that a step that is done again after a crash masks as before. It is forgotten at the
 * end, and with it the way from a mask back to a value that is guessed.
 */
export function readMaskingSecret(vault: Vault, operation: string): Promise<string> {
  return vault.putOnce(`operation:${operation}`, 'masking-secret', randomBytes(32).toString('hex'));
}

/** At the end of the operation. */
export async function dropSecrets(vault: Vault, operation: string): Promise<void> {
  await vault.drop(`operation:${operation}`);
}

export interface OpenedFile {
  readonly file: ArchiveFile;
  /** What it is sealed with; undefined = it is not. */
  readonly secret: SealingSecret | undefined;
}

/**
 * A stored archive, sealed or not, ready to be read.
 * @throws archive_refused where its passphrase is missing or wrong, or the key of its tenant is gone
 */
export async function openStored(
  parts: { readonly blobs: BlobStore; readonly vault: Vault },
  blob: string,
  known: { readonly passphrase?: string | undefined; readonly secret?: SealingSecret | undefined } = {},
): Promise<OpenedFile> {
  const read = (): AsyncIterable<Uint8Array> => parts.blobs.read(blob);
  const head = await readSealedHead(read);
  if (head === undefined) return { file: { open: read }, secret: undefined };
  const secret = known.secret ?? (await findSecret(parts.vault, head, known.passphrase));
  if (toKeyId(secret.key) !== head.keyId)
    throw refused(
      head.key.kind === 'passphrase'
        ? 'its passphrase is another one'
        : 'it was sealed with a key that its tenant has no more',
    );
  return { file: { open: () => openSealed(read(), secret.key) }, secret };
}

async function findSecret(
  vault: Vault,
  head: SealedHead,
  passphrase: string | undefined,
): Promise<SealingSecret> {
  if (head.key.kind === 'tenant') {
    const key = await readBackupKey(vault, head.tenant);
    if (key === undefined) throw refused('the key of its tenant is gone; nobody can read it any more');
    return { key, how: head.key };
  }
  if (passphrase === undefined)
    throw refused('it is sealed with a passphrase', 'give the passphrase it was exported with');
  return { key: await stretch(passphrase, head.key), how: head.key };
}
