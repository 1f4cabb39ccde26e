import { setTimeout as sleep } from 'node:timers/promises';
import type { Bulkhead } from './bulkhead.ts';
import { isBulkheadError, type ErrorCode } from './core/errors.ts';
import type { Actor } from './core/scope.ts';
import type { Tenant } from './core/tenant.ts';
import type { Guests } from './verify/attack/run.ts';
import type { Stirring } from './verify/run-verification.ts';

/** What a busy node may answer to a single statement; the next one is tried all the same. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'pool_saturated',
  'statement_timeout',
  'capability_refused',
  'compartment_unreachable',
  'tenant_inactive',
  'registry_stale',
]);

const pauseMs = 15;

/**
 * Loads the tenants with reads and writes, moves a further one to and fro, and runs migrations over the fleet, until it
 * is told to end. @throws on ending, what broke other than in passing
 */
export async function stir(
  node: Bulkhead,
  input: { readonly tenants: readonly Tenant[]; readonly guests: Guests; readonly actor: Actor },
): Promise<Stirring> {
  const { tenants, guests, actor } = input;
  const moving = await guests.make('shared');
  const counts = { statements: 0, moves: 0, migrations: 0 };
  const state = { isOver: false };

  const load = async ({ id }: Tenant): Promise<void> => {
    while (!state.isOver) {
      try {
        await node.run(id, async () => {
          const documents = node.rows
            .current()
            .table<{ id: string; title: string; content: string }>('documents');
          const made = await documents.create({ title: 'load', content: 'load' });
          await documents.findAll({ limit: 10 });
          await documents.delete(made.id);
        });
        counts.statements += 3;
      } catch (cause) {
        if (!isBulkheadError(cause) || !passing.has(cause.code)) throw cause;
      }
      await sleep(pauseMs);
    }
  };
  const move = async (): Promise<void> => {
    for (let turn = 0; !state.isOver; turn += 1) {
      const isolation = turn % 2 === 0 ? 'schema' : 'shared';
      const { ended } = await node.lifecycle.beginMove({ tenant: moving.id, isolation }, actor);
      await ended;
      await node.lifecycle.confirmMove(moving.id, actor);
      counts.moves += 1;
      await sleep(pauseMs);
    }
  };
  const migrate = async (): Promise<void> => {
    while (!state.isOver) {
      try {
        await node.fleet.migrate({ versions: 'asked' }, actor);
        counts.migrations += 1;
      } catch (cause) {
        if (!isBulkheadError(cause, 'operation_in_progress')) throw cause;
      }
      await sleep(pauseMs * 20);
    }
  };
  const work = Promise.allSettled([...tenants.map(load), load(moving), move(), migrate()]);
  return {
    moving,
    async end() {
      state.isOver = true;
      for (const one of await work) if (one.status === 'rejected') throw one.reason;
      return counts;
    },
  };
}
