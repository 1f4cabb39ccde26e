import type { CopyWatch } from '../../../core/relocation.ts';
import { quote } from '../filter.ts';
import { copiedColumns, type Table } from '../tables.ts';
import { ReadBack } from './compare.ts';
import { asMover, type MoveEnd } from './end.ts';
import { toHashSql, toLastSql, toPageSql, type Page } from './row-sql.ts';

const pageRows = 20_000;

/**
 * Between two schemas of one database: rows never leave it. The owner reaches both schemas; the wall still stands for
 * owners who are not superusers, and the predicate names the tenant for those who are.
 */
export async function copyWithin(
  ends: { readonly from: MoveEnd; readonly to: MoveEnd },
  table: Table,
  watch: CopyWatch,
): Promise<{ readonly count: bigint; readonly hash: string }> {
  const own = await readOwnTypes(ends.to, table);
  const readBack = new ReadBack(ends.to, table);
  let after: readonly string[] | undefined;
  for (;;) {
    const [{ count, hash, last }] = await Promise.all([
      copyPage(ends, { table, own, after }),
      readBack.wait(),
    ]);
    readBack.begin({ after, upTo: last, count, hash });
    await watch.copied(count);
    if (last === undefined) break;
    after = last;
  }
  await readBack.end();
  return readBack.total;
}

async function copyPage(
  { from, to }: { readonly from: MoveEnd; readonly to: MoveEnd },
  input: {
    readonly table: Table;
    readonly own: ReadonlySet<string>;
    readonly after: readonly string[] | undefined;
  },
): Promise<Page> {
  const { table, own, after } = input;
  const names = copiedColumns(table).map(({ name }) => quote(name));
  // A type of the schema's own has a namesake in the other schema; text is what both understand.
  const values = copiedColumns(table).map(({ name, type }) =>
    own.has(name) ? `p.${quote(name)}::text::${type}` : `p.${quote(name)}`,
  );
  const source = `${quote(from.schema)}.${quote(table.name)}`;
  const second = after === undefined ? 2 : 2 + after.length;
  const { rows } = await to.withAdmin((admin) =>
    asMover(admin, to, {
      as: 'owner',
      flush: 'later',
      body: async (tx) => {
        return await tx.query<{ count: number; hash: string; last: string[] | null }>(
          `with page as materialized (${toPageSql(table, source, { after, limit: pageRows })}),
             copied as (
               insert into ${quote(to.schema)}.${quote(table.name)} (tenant_id, ${names.join(', ')})
                 select $${second}::uuid, ${values.join(', ')} from page p)
           select count(*)::int as count, ${toHashSql(table, 'p')} as hash, ${toLastSql(table)} as last from page p`,
          [from.tenant, ...(after ?? []), to.tenant],
        );
      },
    }),
  );
  const [row] = rows;
  const count = row?.count ?? 0;
  const full = count === pageRows && table.primaryKey.length > 0;
  return { count, hash: row?.hash ?? '0', last: full ? (row?.last ?? undefined) : undefined };
}

/** Columns whose type the container has made for itself: enums, domains, composites and arrays of them. */
async function readOwnTypes(end: MoveEnd, table: Table): Promise<ReadonlySet<string>> {
  const { rows } = await end.withAdmin((admin) =>
    admin.query<{ name: string }>(
      `select a.attname::text as name
         from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_class c on c.oid = a.attrelid
         where c.relnamespace = t.typnamespace and c.relnamespace = to_regnamespace($1) and c.relname = $2
           and a.attnum > 0 and not a.attisdropped`,
      [quote(end.schema), table.name],
    ),
  );
  return new Set(rows.map(({ name }) => name));
}
