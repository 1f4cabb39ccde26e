import { BulkheadError } from '../../../core/errors.ts';
import type { AdminTransaction } from '../../../drivers/sql.ts';
import { quote } from '../filter.ts';
import { copiedColumns, type Table } from '../tables.ts';
import { asMover, type MoveEnd } from './end.ts';
import { packedColumns, toHashSql, toKeyedSql, toPackedSql, toUnpackSql, type PackedRow } from './row-sql.ts';

const changesAtOnce = 2_000;

interface Change extends Record<string, unknown> {
  readonly id: string;
  readonly table: string;
  readonly key: readonly string[];
}

/** Rows of one table that have to be read again. */
export interface Touched {
  readonly table: Table;
  /** One array a column of the key; empty for a table without one, of which every row is meant. */
  readonly keys: readonly (readonly string[])[];
}

/**
 * Brings a handful of noted changes to the target: reads their rows as they are now, replaces them there, and compares.
 * Only then are the notes forgotten, so a crash at any point has this done again. A row that changes meanwhile is noted
 * anew, behind those that were read.
 * @returns how many notes there were; 0 = none are left
 */
export async function replayChanges(
  ends: { readonly from: MoveEnd; readonly to: MoveEnd },
  tables: readonly Table[],
): Promise<number> {
  const changes = await ends.from.withAdmin((admin) => readChanges(admin, ends.from, changesAtOnce));
  if (changes.length === 0) return 0;
  const touched = toTouched(changes, tables);
  const rows = await readTouched(ends.from, touched);
  await writeTouched(ends.to, touched, rows);
  await forgetChanges(
    ends.from,
    changes.map(({ id }) => id),
  );
  return changes.length;
}

/** @param limit undefined = all there are */
export async function readChanges(
  database: Pick<AdminTransaction, 'query'>,
  end: MoveEnd,
  limit: number | undefined,
): Promise<readonly Change[]> {
  const { rows } = await database.query<Change>(
    `select id::text as id, table_name as table, key from bulkhead_wall.move_change
       where tenant_id = $1 and schema_name = $2 order by id limit $3::bigint`,
    [end.tenant, end.schema, limit ?? null],
  );
  return rows;
}

async function forgetChanges(end: MoveEnd, ids: readonly string[]): Promise<void> {
  await end.withAdmin((admin) =>
    admin.query(
      `delete from bulkhead_wall.move_change
         where tenant_id = $1 and schema_name = $2 and id = any ($3::bigint[])`,
      [end.tenant, end.schema, ids],
    ),
  );
}

/** Referenced tables first. */
export function toTouched(changes: readonly Change[], tables: readonly Table[]): readonly Touched[] {
  const keys = new Map<string, Map<string, readonly string[]>>();
  for (const { table, key } of changes) {
    const known = keys.get(table) ?? new Map<string, readonly string[]>();
    keys.set(table, known.set(JSON.stringify(key), key));
  }
  const touched = tables.flatMap((table): readonly Touched[] => {
    const distinct = keys.get(table.name);
    if (distinct === undefined) return [];
    const list = [...distinct.values()];
    return [{ table, keys: table.primaryKey.map((_, index) => list.map((key) => key[index] ?? '')) }];
  });
  if (touched.length < keys.size)
    throw new BulkheadError('internal', { reason: 'a change was noted of a table nobody knows' });
  return touched;
}

function toSelection({ table, keys }: Touched, first: number): string {
  return keys.length === 0 ? '' : ` and ${toKeyedSql(table, 't', first)}`;
}

async function readTouched(from: MoveEnd, touched: readonly Touched[]): Promise<readonly PackedRow[]> {
  return await from.withAdmin((admin) =>
    asMover(admin, from, {
      as: 'reader',
      body: async (tx) => {
        const all: PackedRow[] = [];
        for (const each of touched) {
          const { rows } = await tx.query<PackedRow>(
            `select count(*)::int as count, ${toHashSql(each.table, 't')} as hash, null as last, ${toPackedSql(each.table, 't')}
               from ${quote(each.table.name)} t where t.tenant_id = $1${toSelection(each, 2)}`,
            [from.tenant, ...each.keys],
          );
          all.push(...rows);
        }
        return all;
      },
    }),
  );
}

/** Out and in again: rows that swapped a unique value would stand in each other's way were they updated one by one. */
async function writeTouched(
  to: MoveEnd,
  touched: readonly Touched[],
  rows: readonly PackedRow[],
): Promise<void> {
  await to.withAdmin((admin) =>
    asMover(admin, to, {
      as: 'writer',
      body: async (tx, order) => {
        const pairs = touched.map((each, index) => ({ each, row: rows[index] }));
        if (order === 'by_reference') await upsertInOrder(tx, to, pairs);
        else
          for (const { each, row } of pairs) {
            await removeRows(tx, to, { touched: each, but: 'none' });
            if (row !== undefined && row.count > 0)
              await tx.query(toUnpackSql(each.table), [to.tenant, ...packedColumns(each.table, row)]);
          }
        for (const { each, row } of pairs) await assertEqual(tx, to, { touched: each, row });
      },
    }),
  );
}

type Pair = { readonly each: Touched; readonly row: PackedRow | undefined };

/**
 * Rows first, referenced tables first, so that no row points at nothing; then what is gone, the other way round, when
 * nothing that stays refers to it any more and no cascade takes anything along.
 */
async function upsertInOrder(tx: AdminTransaction, to: MoveEnd, pairs: readonly Pair[]): Promise<void> {
  for (const { each, row } of pairs) {
    if (each.keys.length === 0) await removeRows(tx, to, { touched: each, but: 'none' });
    if (row !== undefined && row.count > 0)
      await tx.query(`${toUnpackSql(each.table)}${toUpsertSql(each)}`, [
        to.tenant,
        ...packedColumns(each.table, row),
      ]);
  }
  for (const { each, row } of pairs.toReversed())
    if (each.keys.length > 0) await removeRows(tx, to, { touched: each, but: row });
}

function toUpsertSql({ table }: Touched): string {
  if (table.primaryKey.length === 0) return '';
  const key = ['tenant_id', ...table.primaryKey].map(quote).join(', ');
  const others = copiedColumns(table).filter(({ name }) => !table.primaryKey.includes(name));
  const sets = others.map(({ name }) => `${quote(name)} = excluded.${quote(name)}`);
  return ` on conflict (${key}) do ${sets.length === 0 ? 'nothing' : `update set ${sets.join(', ')}`}`;
}

/** `but`: rows that were read from the source, and stay. */
async function removeRows(
  tx: AdminTransaction,
  to: MoveEnd,
  input: { readonly touched: Touched; readonly but: PackedRow | 'none' | undefined },
): Promise<void> {
  const { touched, but } = input;
  const { table, keys } = touched;
  const values: unknown[] = [to.tenant, ...keys];
  let staying = '';
  if (but !== 'none' && but !== undefined && but.count > 0) {
    const columns = copiedColumns(table).map(({ name }) => name);
    const packed = packedColumns(table, but);
    const first = values.length + 1;
    for (const name of table.primaryKey) values.push(packed[columns.indexOf(name)] ?? '{}');
    const arrays = table.primaryKey.map((_, index) => `$${first + index}::text::text[]`);
    const texts = table.primaryKey.map((name) => `t.${quote(name)}::text`);
    staying = ` and (${texts.join(', ')}) not in (select * from unnest(${arrays.join(', ')}))`;
  }
  await tx.query(
    `delete from ${quote(table.name)} t where t.tenant_id = $1${toSelection(touched, 2)}${staying}`,
    values,
  );
}

async function assertEqual(
  tx: AdminTransaction,
  to: MoveEnd,
  input: { readonly touched: Touched; readonly row: PackedRow | undefined },
): Promise<void> {
  const { touched, row } = input;
  const { rows } = await tx.query<{ count: number; hash: string }>(
    `select count(*)::int as count, ${toHashSql(touched.table, 't')} as hash
       from ${quote(touched.table.name)} t where t.tenant_id = $1${toSelection(touched, 2)}`,
    [to.tenant, ...touched.keys],
  );
  const [written] = rows;
  if (written?.count !== row?.count || written?.hash !== row?.hash)
    throw new BulkheadError('internal', {
      reason: 'rows that were caught up differ from their source',
      table: touched.table.name,
    });
}
