import { BulkheadError } from '../../../core/errors.ts';
import type { AdminTransaction } from '../../../drivers/sql.ts';
import { quote } from '../filter.ts';
import type { Table } from '../tables.ts';
import { asMover, type MoveEnd } from './end.ts';
import { readChanges, toTouched, type Touched } from './replay.ts';
import { toKeyedSql } from './row-sql.ts';

interface Counted {
  readonly total: bigint;
  /** Without the rows whose keys are noted and not yet brought over. */
  readonly settled: bigint;
}

/**
 * Compares how many rows each table holds, while the tenant writes. What is noted and not brought over yet is left out at
 * both ends: one snapshot of the source has its rows and its notes, and the target stands still meanwhile.
 *
 * With this the pause need not count a million rows to know the two ends equal. Rows that are noted after this snapshot
 * are compared one by one when they are brought over. All others are as they were here: at the source because a change
 * would have been noted, at the target because nobody but the move writes there. And here they were equal: what was noted
 * before was compared when it was brought over, the rest by the hash of the copy, and a row too many or too few, which
 * neither would have looked at, is what these counts show.
 */
export async function compareCounts(
  ends: { readonly from: MoveEnd; readonly to: MoveEnd },
  tables: readonly Table[],
): Promise<Readonly<Record<string, bigint>>> {
  const { from, to } = ends;
  const source = await from.withAdmin((admin) =>
    asMover(admin, from, {
      as: 'owner',
      snapshot: 'one',
      body: async (tx) => {
        const touched = toTouched(await readChanges(tx, from, undefined), tables);
        return { touched, counts: await countAll(tx, from, { tables, touched }) };
      },
    }),
  );
  const { touched, counts } = source;
  const copy = await to.withAdmin((admin) =>
    asMover(admin, to, { as: 'reader', body: (tx) => countAll(tx, to, { tables, touched }) }),
  );
  const differing = tables
    .map(({ name }) => name)
    .filter((name) => counts.get(name)?.settled !== copy.get(name)?.settled);
  if (differing.length > 0)
    throw new BulkheadError('internal', {
      reason: 'source and target do not hold the same number of rows',
      tables: differing,
    });
  return Object.fromEntries([...counts].map(([name, { total }]) => [name, total]));
}

async function countAll(
  tx: AdminTransaction,
  end: MoveEnd,
  input: { readonly tables: readonly Table[]; readonly touched: readonly Touched[] },
): Promise<ReadonlyMap<string, Counted>> {
  const counted = new Map<string, Counted>();
  for (const table of input.tables) {
    const total = await count(tx, `${quote(table.name)} t where t.tenant_id = $1`, [end.tenant]);
    const noted = input.touched.find((each) => each.table.name === table.name);
    counted.set(table.name, { total, settled: total - (await countNoted(tx, end, { noted, total })) });
  }
  return counted;
}

async function countNoted(
  tx: AdminTransaction,
  end: MoveEnd,
  input: { readonly noted: Touched | undefined; readonly total: bigint },
): Promise<bigint> {
  const { noted, total } = input;
  if (noted === undefined) return 0n;
  // Of a table without a key any row may be meant.
  if (noted.keys.length === 0) return total;
  const from = `${quote(noted.table.name)} t where t.tenant_id = $1 and ${toKeyedSql(noted.table, 't', 2)}`;
  return await count(tx, from, [end.tenant, ...noted.keys]);
}

async function count(tx: AdminTransaction, from: string, values: readonly unknown[]): Promise<bigint> {
  const { rows } = await tx.query<{ count: string }>(`select count(*)::text as count from ${from}`, values);
  return BigInt(rows[0]?.count ?? '0');
}
