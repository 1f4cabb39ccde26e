import { BulkheadError } from '../core/errors.ts';
import { parseRowId, type RowId, type TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { deriveEventId, readUuid7Ms } from './ledger/event.ts';
import type { Ledger } from './ledger/ledger.ts';
import { readEvent } from './usage-reads.ts';

export interface CorrectionDeps {
  readonly admin: AdminDatabase;
  readonly ledger: Ledger;
}

/**
 * Takes an event back by another of the same size with the sign turned round, in the hour and month of the first. What
 * should have been recorded is then recorded anew. Asked for twice, it is done once.
 * @returns id of the correction
 * @throws not_found; value_invalid where the event is a correction itself
 */
export async function cancelEvent(
  { admin, ledger }: CorrectionDeps,
  target: { readonly tenant: TenantId; readonly event: string },
  actor: Actor,
): Promise<RowId> {
  await ledger.flush();
  const id = parseRowId(target.event);
  const original = id === undefined ? undefined : await readEvent(admin, target.tenant, id);
  if (id === undefined || original === undefined) throw new BulkheadError('not_found');
  if (original.corrects !== undefined)
    throw new BulkheadError('value_invalid', { field: 'event', reason: 'it is a correction itself' });
  const correction = deriveEventId(readUuid7Ms(id) ?? original.at.getTime(), ['correction', id]);
  await ledger.append([
    {
      id: correction,
      tenant: target.tenant,
      actor,
      atMs: original.at.getTime(),
      meter: original.meter,
      amount: -original.amount,
      model: original.model,
      rate: original.rate,
      costNanoUsd: original.costNanoUsd === undefined ? undefined : -original.costNanoUsd,
      priceVersion: original.priceVersion,
      requestId: original.requestId,
      callId: original.callId,
      corrects: id,
    },
  ]);
  return correction;
}
