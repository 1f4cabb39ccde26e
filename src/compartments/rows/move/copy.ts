import type { CopiedPart, CopyWatch } from '../../../core/relocation.ts';
import { quote } from '../filter.ts';
import type { Table } from '../tables.ts';
import { asMover, type MoveEnd } from './end.ts';
import { copyWithin } from './copy-within.ts';
import { ReadBack } from './compare.ts';
import {
  packedColumns,
  showHash,
  toHashSql,
  toLastSql,
  toPackedSql,
  toPageSql,
  toUnpackSql,
  type PackedRow,
  type Page,
} from './row-sql.ts';

/** A page is as many rows as make about this much text, so that memory is bounded whatever a row is like. */
const pageBytes = 6_000_000;
const rowLimits = { least: 1, first: 500, most: 20_000 } as const;

/**
 * Copies one tenant's rows of one table, in pages by primary key. What the target had of it goes first: a copy that was
 * broken off begins anew. Each page is read back from the target and must hash to what was read from the source.
 */
export async function copyTable(
  ends: { readonly from: MoveEnd; readonly to: MoveEnd },
  table: Table,
  watch: CopyWatch,
): Promise<CopiedPart> {
  await clear(ends.to, table);
  const within = ends.from.container.server === ends.to.container.server && sameDatabase(ends);
  const read = within ? await copyWithin(ends, table, watch) : await copyAcross(ends, table, watch);
  return { part: table.name, count: read.count, hash: showHash(read.hash) };
}

function sameDatabase({ from, to }: { readonly from: MoveEnd; readonly to: MoveEnd }): boolean {
  return from.container.kind !== 'database' && to.container.kind !== 'database';
}

const clearedAtOnce = 20_000;

async function clear(to: MoveEnd, table: Table): Promise<void> {
  for (let removed = clearedAtOnce; removed === clearedAtOnce;) {
    removed = await to.withAdmin((admin) =>
      asMover(admin, to, {
        as: 'writer',
        body: async (tx) => {
          const some = `select t.ctid from ${quote(table.name)} t where t.tenant_id = $1 limit ${clearedAtOnce}`;
          const { rowCount } = await tx.query(
            `delete from ${quote(table.name)} where tenant_id = $1 and ctid = any (array(${some}))`,
            [to.tenant],
          );
          return rowCount;
        },
      }),
    );
  }
}

/** Between databases: the next page is read while the one before is written. */
async function copyAcross(
  ends: { readonly from: MoveEnd; readonly to: MoveEnd },
  table: Table,
  watch: CopyWatch,
): Promise<{ readonly count: bigint; readonly hash: string }> {
  const readBack = new ReadBack(ends.to, table);
  let after: readonly string[] | undefined;
  let page = await readPage(ends.from, table, { after, limit: rowLimits.first });
  for (;;) {
    const { last, count, columns, hash } = page;
    const [next] = await Promise.all([
      last === undefined ? nothing : readPage(ends.from, table, { after: last, limit: nextLimit(page) }),
      count === 0 ? undefined : writePage(ends.to, table, columns),
      readBack.wait(),
    ]);
    readBack.begin({ after, upTo: last, count, hash });
    await watch.copied(count);
    if (last === undefined) break;
    after = last;
    page = next;
  }
  await readBack.end();
  return readBack.total;
}

interface PackedPage extends Page {
  readonly columns: readonly string[];
}

const nothing: PackedPage = { count: 0, hash: '0', last: undefined, columns: [] };

function nextLimit(page: PackedPage): number {
  const bytes = page.columns.reduce((sum, column) => sum + column.length, 0);
  const fitting = Math.floor((pageBytes / Math.max(1, bytes)) * page.count);
  return Math.min(Math.max(rowLimits.least, fitting), rowLimits.most, Math.max(1, page.count) * 8);
}

async function readPage(
  from: MoveEnd,
  table: Table,
  range: { readonly after: readonly string[] | undefined; readonly limit: number },
): Promise<PackedPage> {
  const { rows } = await from.withAdmin((admin) =>
    asMover(admin, from, {
      as: 'reader',
      body: (tx) =>
        tx.query<PackedRow>(
          `with page as materialized (${toPageSql(table, quote(table.name), range)})
           select count(*)::int as count, ${toHashSql(table, 'p')} as hash, ${toLastSql(table)} as last,
             ${toPackedSql(table, 'p')} from page p`,
          [from.tenant, ...(range.after ?? [])],
        ),
    }),
  );
  const [row] = rows;
  if (row === undefined || row.count === 0) return nothing;
  const full = row.count === range.limit && table.primaryKey.length > 0;
  return {
    count: row.count,
    hash: row.hash,
    last: full ? (row.last ?? undefined) : undefined,
    columns: packedColumns(table, row),
  };
}

function writePage(to: MoveEnd, table: Table, columns: readonly string[]): Promise<void> {
  return to.withAdmin((admin) =>
    asMover(admin, to, {
      as: 'writer',
      // The read-back of the page commits behind it, and waits for the disk.
      flush: 'later',
      body: async (tx) => void (await tx.query(toUnpackSql(table), [to.tenant, ...columns])),
    }),
  );
}
