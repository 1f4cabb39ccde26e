import { setTimeout } from 'node:timers/promises';
import { isBulkheadError } from '../core/errors.ts';
import type { Actor } from '../core/scope.ts';
import type { Operation, OperationStore } from '../registry/registry.ts';

const lookAgainMs = 50;
const looks = 100;

/**
 * Begins an operation. A backfill is short and nobody has asked for it: whoever wants something of its tenant waits until
 * it is over, up to 5 seconds. @throws operation_in_progress
 */
export async function begin(
  operations: OperationStore,
  wanted: Parameters<OperationStore['begin']>[0],
  actor: Actor,
): Promise<Operation> {
  for (let look = 1; ; look += 1) {
    try {
      return await operations.begin(wanted, actor);
    } catch (cause) {
      if (!isBulkheadError(cause, 'operation_in_progress') || look === looks) throw cause;
      const [running] = await operations.list({ tenant: wanted.tenant, state: 'running', limit: 1 });
      if (running !== undefined && running.kind !== 'backfill') throw cause;
    }
    await setTimeout(lookAgainMs);
  }
}
