import { BulkheadError } from '../../core/errors.ts';
import type { Operation } from '../../registry/registry.ts';
import type { ArchiveReceipt } from '../archives.ts';
import { runSteps } from '../journal.ts';
import type { SealingSecret } from './sealed-head.ts';
import { dropSecrets, readKeptSecret } from './stored-file.ts';
import { endFailed, readLiveTenant, rereadOperation, resultOf, type ArchiveDeps } from './work.ts';
import { writingSteps } from './write-stored.ts';

export function exportBlob(operation: string): string {
  return `exports/${operation}`;
}

/** @throws what the failing step threw, after the file is removed */
export async function runExport(deps: ArchiveDeps, operation: Operation): Promise<ArchiveReceipt> {
  const { vault } = deps.registry;
  const blob = exportBlob(operation.id);
  try {
    const tenant = await readLiveTenant(deps, operation.tenant);
    const secret = operation.input['sealed'] === true ? await readSecret(deps, operation) : undefined;
    const work = { tenant, operation, id: operation.id, blob, secret };
    await runSteps(deps, operation, writingSteps(deps, work));
  } catch (cause) {
    return await endFailed(deps, { operation, cause }, async () => {
      await deps.blobs.remove(blob);
      await dropSecrets(vault, operation.id);
    });
  }
  await dropSecrets(vault, operation.id);
  await deps.operations.end(operation.id, { state: 'done' });
  const receipt = toArchiveReceipt(await rereadOperation(deps, operation.id));
  if (receipt === undefined) throw new BulkheadError('internal', { reason: 'an export without a receipt' });
  return receipt;
}

async function readSecret(deps: ArchiveDeps, { id }: Operation): Promise<SealingSecret> {
  const secret = await readKeptSecret(deps.registry.vault, id);
  if (secret !== undefined) return secret;
  throw new BulkheadError('internal', { reason: 'the key of an export was dropped before its end' });
}

/** What its verification has written down; undefined = it has not come so far. */
export function toArchiveReceipt(operation: Operation): ArchiveReceipt | undefined {
  const result = resultOf(operation, 'verify');
  // Written by this program in `writingSteps`, and by nobody else.
  return result as ArchiveReceipt | undefined;
}
