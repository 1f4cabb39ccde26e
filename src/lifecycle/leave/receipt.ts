import { createHash } from 'node:crypto';
import { isBulkheadError } from '../../core/errors.ts';
import { toCanonicalJson } from '../../core/canonical-json.ts';
import type { Registry, Signer, StoredReceipt } from '../../registry/registry.ts';
import type { ErasureReceipt, SignedReceipt } from '../leaving.ts';

/** What no erasure reaches, whatever the stores say themselves. */
export const neverCovered: readonly string[] = [
  'backups and write-ahead logs kept outside Bulkhead, until their own retention ends; the ledger of erasures is replayed after a restore',
  'logs and metrics of the process, which hold ids and counts alone',
  'usage that a node had counted and not yet written: it is swept up within the hour',
  'answers kept for repeated requests, sealed and under no name, until they expire within a day',
  'what the tenant exported, and what was sent to others on its behalf',
];

/** Signed, and stored until a later one of the same erasure replaces it. */
export async function storeReceipt(registry: Registry, receipt: ErasureReceipt): Promise<SignedReceipt> {
  const body = toCanonicalJson(receipt);
  const signature = registry.signer.sign(body);
  const { operation, tenant, state } = receipt;
  try {
    await registry.erasures.putReceipt({ operation, tenant, state, body, signature });
  } catch (cause) {
    // Written just before a crash: a complete receipt stays as it is.
    const stored = await registry.erasures.receipt(tenant);
    if (!isBulkheadError(cause, 'conflict') || stored?.operation !== operation) throw cause;
    return toSigned(stored, registry.signer);
  }
  return toSigned({ body, signature }, registry.signer);
}

export function toSigned(
  { body, signature }: Pick<StoredReceipt, 'body' | 'signature'>,
  { publicKey }: Pick<Signer, 'publicKey'>,
): SignedReceipt {
  return {
    // Written by `storeReceipt`, and signed.
    receipt: JSON.parse(body) as ErasureReceipt,
    body,
    sha256: createHash('sha256').update(body).digest('hex'),
    signature,
    publicKey,
  };
}
