import type { AdminTransaction } from '../../../drivers/sql.ts';
import { quote } from '../filter.ts';
import type { Table } from '../tables.ts';
import { asMover, type MoveEnd } from './end.ts';
import { addHashes, toHashSql, toLastSql, toPageSql, type Page } from './row-sql.ts';

const pageRows = 50_000;

/** Every row of the tenant in the table, read in pages so that no statement runs long. */
export async function countAndHash(
  end: MoveEnd,
  table: Table,
): Promise<{ readonly count: bigint; readonly hash: string }> {
  let total = { count: 0n, hash: '0' };
  let after: readonly string[] | undefined;
  do {
    const from = after;
    const page = await end.withAdmin((admin) =>
      asMover(admin, end, { as: 'reader', body: (tx) => hashPage(tx, { end, table, after: from }) }),
    );
    total = { count: total.count + BigInt(page.count), hash: addHashes(total.hash, page.hash) };
    after = page.last;
  } while (after !== undefined);
  return total;
}

async function hashPage(
  tx: AdminTransaction,
  input: {
    readonly end: MoveEnd;
    readonly table: Table;
    readonly after: readonly string[] | undefined;
  },
): Promise<Page> {
  const { end, table, after } = input;
  const { rows } = await tx.query<{ count: number; hash: string; last: string[] | null }>(
    `with page as materialized (${toPageSql(table, quote(table.name), { after, limit: pageRows })})
     select count(*)::int as count, ${toHashSql(table, 'p')} as hash, ${toLastSql(table)} as last from page p`,
    [end.tenant, ...(after ?? [])],
  );
  const [row] = rows;
  const full = row?.count === pageRows && table.primaryKey.length > 0;
  return {
    count: row?.count ?? 0,
    hash: row?.hash ?? '0',
    last: full ? (row?.last ?? undefined) : undefined,
  };
}

/** How many rows the tenant has in each table. */
export async function countTables(
  end: MoveEnd,
  tables: readonly Table[],
): Promise<Readonly<Record<string, bigint>>> {
  if (tables.length === 0) return {};
  const counts = tables.map(
    (table, index) =>
      `select ${index} as position, count(*)::text as count from ${quote(table.name)} t where t.tenant_id = $1`,
  );
  const { rows } = await end.withAdmin((admin) =>
    asMover(admin, end, {
      as: 'reader',
      body: (tx) =>
        tx.query<{ position: number; count: string }>(
          `select * from (${counts.join(' union all ')}) c order by position`,
          [end.tenant],
        ),
    }),
  );
  return Object.fromEntries(rows.map(({ position, count }) => [tables[position]?.name ?? '', BigInt(count)]));
}
