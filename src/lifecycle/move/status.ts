import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Operation, OperationStore } from '../../registry/registry.ts';
import type { MoveStatus } from '../moves.ts';
import { parseOrder, placedBy, type MoveOrder } from './work.ts';

/** Enough to reach back to the last move of a tenant that much is done to. */
const lookedAt = 1_000;

/** What the journal says of the tenant's moves; it is the only memory of them. */
export async function readMoveStatus(operations: OperationStore, tenant: TenantId): Promise<MoveStatus> {
  const all = (await operations.list({ tenant, limit: lookedAt }))
    .filter(({ kind }) => kind === 'move')
    .map((operation) => ({ operation, order: parseOrder(operation) }));
  const last = all.find(({ order }) => order.action === 'move');
  if (last === undefined) return { phase: 'none', operation: undefined, from: [], to: [] };
  const ends = all.filter(({ order }) => order.of === last.operation.id);
  const way = { from: last.order.from, to: placedBy(last.operation) };
  const running = all.find(({ operation }) => operation.state === 'running');
  if (running !== undefined) return { phase: 'moving', operation: running.operation, ...way };
  const end = ends.find(({ operation }) => operation.state === 'done');
  if (end !== undefined)
    return {
      phase: end.order.action === 'confirm' ? 'confirmed' : 'rolled_back',
      operation: end.operation,
      ...way,
    };
  const phase = last.operation.state === 'done' ? 'unconfirmed' : 'failed';
  return { phase, operation: last.operation, ...way };
}

/** The move that waits to be confirmed or taken back. @throws transition_refused */
export async function readUnconfirmed(
  operations: OperationStore,
  tenant: TenantId,
): Promise<{ readonly operation: Operation; readonly order: MoveOrder; readonly status: MoveStatus }> {
  const status = await readMoveStatus(operations, tenant);
  if (status.phase === 'moving') throw new BulkheadError('operation_in_progress', { tenant });
  if (status.phase !== 'unconfirmed' || status.operation === undefined)
    throw new BulkheadError('transition_refused', {
      tenant,
      reason: 'no move waits to be confirmed or taken back',
    });
  return { operation: status.operation, order: parseOrder(status.operation), status };
}
