import { BulkheadError } from '../../core/errors.ts';
import type { Actor } from '../../core/scope.ts';
import { judge, type IngestDeps } from './ingest.ts';

/**
 * Counts an event that was kept apart, now that its meter or tenant exists. It is taken out when it is in the journal: a
 * crash between the two leaves it in both, and released again it is counted once.
 * @throws not_found; value_invalid with the reason where it still cannot be counted
 */
export async function release(deps: IngestDeps, id: string, actor: Actor): Promise<void> {
  const { quarantine, ledger } = deps;
  const { tenant, event } = await quarantine.read(id);
  const named = tenant === undefined ? event : { ...(event as object), subject: tenant };
  const judged = await judge(deps, { kind: 'operator', actor }, named);
  if (judged.kind === 'refused')
    throw new BulkheadError('value_invalid', { field: 'event', reason: judged.reason });
  await ledger.append([judged.event]);
  await quarantine.remove(id, 'released', actor);
}
