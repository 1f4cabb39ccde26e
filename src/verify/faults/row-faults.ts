import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import { peekScope, type Scope } from '../../core/scope.ts';
import { attackActor, type AttackedNode, type AttackedRows, type AttackedTable } from '../attack/node.ts';
import { altered, lazily, withHandles, withRows } from './altered.ts';
import type { Between, Fault } from './fault.ts';

type Row = Record<string, unknown>;

/** The handle of somebody whom the statement is not for. */
function handleOf(node: AttackedNode, tenant: Between['victim']): AttackedRows {
  return lazily(async () => node.rows.open(await node.scope(tenant.id, { actor: attackActor })));
}

function withTable(
  handle: AttackedRows,
  changes: (table: AttackedTable, name: string) => Partial<AttackedTable>,
): AttackedRows {
  return altered(handle, {
    table: (name) => {
      const table = handle.table(name);
      return altered(table, changes(table, name));
    },
  });
}

/** Faults of the path from a scope to its rows, and of the pool beneath. */
export const rowFaults: readonly Fault[] = [
  {
    number: 'F13',
    name: 'a row that is not found is looked for everywhere',
    fronts: ['store'],
    plant: (node, { victim }) => ({
      node: withHandles(node, (handle) =>
        altered(handle, {
          sql: async (strings, ...values) => {
            const rows = await handle.sql(strings, ...values);
            return rows.length > 0 ? rows : await handleOf(node, victim).sql(strings, ...values);
          },
        }),
      ),
    }),
  },
  {
    number: 'F9',
    name: 'rows are changed and deleted by id alone',
    fronts: ['scope'],
    plant: (node, { victim }) => ({
      node: withHandles(node, (handle) =>
        withTable(handle, (table, name) => ({
          update: async (id, changes) =>
            (await table.update(id, changes)) ??
            (await handleOf(node, victim).table(name).update(id, changes)),
        })),
      ),
    }),
  },
  {
    number: 'F20',
    name: 'the tenant named in the values is believed',
    fronts: ['scope'],
    plant: (node, { victim }) => ({
      node: withHandles(node, (handle) =>
        withTable(handle, (table, name) => ({
          create: async (values) =>
            values['tenant_id'] === victim.id
              ? await handleOf(node, victim).table(name).create(values)
              : await table.create(values),
        })),
      ),
    }),
  },
  {
    number: 'A20',
    name: 'a value that another tenant has is refused',
    fronts: ['store'],
    plant: (node, { victim }) => ({
      node: withHandles(node, (handle) =>
        altered(handle, {
          transaction: (body) =>
            handle.transaction((tx) =>
              body(
                altered(tx, {
                  sql: async (strings, ...values) => {
                    const taken = await handleOf(node, victim).sql`
                      select 1 from documents where external_id = any (${values.filter((value) => typeof value === 'string')}::text[])`;
                    if (taken.length > 0) throw new BulkheadError('conflict');
                    return await tx.sql(strings, ...values);
                  },
                }),
              ),
            ),
        }),
      ),
    }),
  },
  {
    number: 'F39',
    name: 'an error tells the row it met',
    fronts: ['pool'],
    plant: (node, { victim }) => ({
      node: withHandles(node, (handle) =>
        altered(handle, {
          sql: async (strings, ...values) => {
            try {
              return await handle.sql(strings, ...values);
            } catch (cause) {
              const [row] = await handleOf(node, victim)
                .sql`select content from documents where title = 'canary'`;
              throw new Error(`invalid input: "${String(row?.['content'])}"`, { cause });
            }
          },
        }),
      ),
    }),
  },
  {
    number: 'F34',
    name: 'the context of the statement before stays on the connection',
    fronts: ['pool'],
    plant: (node) => {
      let last: AttackedRows | undefined;
      const makeOver = (handle: AttackedRows): AttackedRows =>
        altered(handle, {
          sql: (strings, ...values) => {
            const stale = last ?? handle;
            last = handle;
            return stale.sql(strings, ...values);
          },
        });
      return { node: withHandles(node, makeOver) };
    },
  },
  {
    number: 'F35',
    name: 'what a cancelled statement left is handed to the next caller',
    fronts: ['pool'],
    plant: (node) => {
      const left: (readonly Row[])[] = [];
      const makeOver = (handle: AttackedRows, scope: Scope): AttackedRows =>
        altered(handle, {
          sql: async (strings, ...values) => {
            const before = left.shift();
            if (before !== undefined) return before;
            try {
              return await handle.sql(strings, ...values);
            } catch (cause) {
              if (isBulkheadError(cause, 'aborted')) {
                const again = await node.scope(scope.tenantId, { actor: attackActor });
                await using rows = await node.rows.open(again);
                left.push(await rows.sql(strings, ...values));
              }
              throw cause;
            }
          },
        });
      return { node: withHandles(node, makeOver) };
    },
  },
  {
    number: 'F34b',
    name: 'a setting of one tenant outlives its statement',
    fronts: ['pool'],
    plant: (node) => {
      const kept = new Map<string, unknown>();
      const makeOver = (handle: AttackedRows): AttackedRows =>
        altered(handle, {
          sql: async (strings, ...values) => {
            const text = strings.join('?');
            if (text.includes(`set_config('app.note'`)) kept.set('note', values[0]);
            const rows = await handle.sql(strings, ...values).catch((cause: unknown) => {
              if (kept.size > 0 && text.includes('set_config')) return [];
              throw cause;
            });
            return text.includes(`current_setting('app.note'`)
              ? rows.map((row) => ({ ...row, ...Object.fromEntries(kept) }))
              : rows;
          },
        });
      return { node: withHandles(node, makeOver) };
    },
  },
  {
    number: 'F10',
    name: 'outside every scope there is a default tenant',
    fronts: ['scope'],
    plant: (node, { victim }) => ({
      node: withRows(node, {
        current: () => (peekScope() === undefined ? handleOf(node, victim) : node.rows.current()),
      }),
    }),
  },
  {
    number: 'A56',
    name: 'an object that looks like a scope is one',
    fronts: ['scope'],
    plant: (node) => ({
      node: withRows(node, {
        open: async (scope) =>
          await node.rows.open(await node.scope(scope.tenantId, { signal: scope.signal })),
      }),
    }),
  },
  {
    number: 'F32',
    name: 'the current tenant is a variable of the module',
    fronts: ['scope'],
    plant: (node) => {
      let here: Scope | undefined;
      return {
        node: {
          ...withRows(node, {
            current: () => {
              const scope = here ?? peekScope();
              return scope === undefined ? node.rows.current() : lazily(() => node.rows.open(scope));
            },
          }),
          run: (tenant, fn, options) =>
            node.run(
              tenant,
              async (scope) => {
                here = scope;
                return await fn(scope);
              },
              options,
            ),
        },
      };
    },
  },
  {
    number: 'F30',
    name: 'permission is asked at the door alone',
    fronts: ['scope', 'registry'],
    plant: (node) => {
      const known = new Map<string, number>();
      const makeOver = (handle: AttackedRows, scope: Scope): AttackedRows =>
        withTable(handle, (table) => ({
          count: async () => {
            const count = await table.count().catch((cause: unknown) => {
              const before = known.get(scope.tenantId);
              if (before === undefined) throw cause;
              return before;
            });
            known.set(scope.tenantId, count);
            return count;
          },
        }));
      return { node: withHandles(node, makeOver) };
    },
  },
  {
    number: 'F41',
    name: 'use is charged to another tenant',
    fronts: ['registry'],
    plant: (node) => {
      // Whoever was asked about last is charged for what is asked about now.
      let last: Placement | undefined;
      return {
        node: withRows(node, {
          usage: (placement) => {
            const charged = last ?? placement;
            last = placement;
            return node.rows.usage(charged);
          },
        }),
      };
    },
  },
  {
    number: 'F55',
    name: 'probes that were never run',
    fronts: ['store'],
    plant: (node) => ({ node: withRows(node, { probe: () => Promise.resolve([]) }) }),
  },
  {
    number: 'F55b',
    name: 'probes that notice nothing',
    fronts: ['store'],
    plant: (node) => ({
      node: withRows(node, {
        probe: async (target) =>
          (await node.rows.probe(target)).map((finding) => ({ ...finding, result: 'held' as const })),
      }),
    }),
  },
];
