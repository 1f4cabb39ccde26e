import type { AdminDatabase } from '../../drivers/sql.ts';
import { pause } from './journal.ts';
import type { AdoptPlan } from './plan.ts';
import { literal, quote } from './sql-text.ts';

export interface Pace {
  /** Rows in one transaction; default 5,000. */
  readonly batchRows?: number | undefined;
  /** Rest between two, so that replicas and traffic keep up; default 20 ms. */
  readonly restMs?: number | undefined;
}

/** What is watched while rows are written. */
export type OnRows = (table: string, rows: number) => void;

/**
 * Gives every row without an owner to the tenant, in pages by key. It can stop anywhere: rows that are done are not null
 * any more. Without a key, by the place of the row.
 */
export async function backfillTable(
  admin: AdminDatabase,
  { plan, table, key }: { readonly plan: AdoptPlan; readonly table: string; readonly key: readonly string[] },
  { pace, onRows }: { readonly pace: Pace; readonly onRows: OnRows },
): Promise<number> {
  const name = `${quote(plan.schema)}.${quote(table)}`;
  const columns = (key.length === 0 ? ['ctid'] : key).map((column) => quote(column));
  const tuple = columns.join(', ');
  let total = 0;
  let after = '';
  const values: unknown[] = [];
  for (;;) {
    const { rows } = await admin.query<{ last: readonly string[] | null; count: number }>(
      `with page as (select ${tuple} from ${name} where tenant_id is null${after} order by ${tuple} limit ${pace.batchRows ?? 5_000}),
         written as (update ${name} t set tenant_id = ${literal(plan.tenant)}
           from page where ${columns.map((column) => `t.${column} = page.${column}`).join(' and ')} and t.tenant_id is null
           returning 1)
       select (select count(*)::integer from written) as count,
         (select array[${columns.map((column) => `${column}::text`).join(', ')}] from page order by ${columns.map((column) => `${column} desc`).join(', ')} limit 1) as last`,
      values,
    );
    const [page] = rows;
    if (page === undefined || page.last === null) return total;
    total += page.count;
    onRows(table, total);
    // Behind the last row of this page, so that a page never walks over what is done already.
    const casts = await castsOf(admin, name, key);
    after = ` and (${tuple}) > (${columns.map((_, index) => `$${index + 1}::text::${casts[index] ?? 'tid'}`).join(', ')})`;
    values.splice(0, values.length, ...page.last);
    await pause(pace.restMs ?? 20);
  }
}

async function castsOf(
  admin: AdminDatabase,
  name: string,
  key: readonly string[],
): Promise<readonly string[]> {
  if (key.length === 0) return ['tid'];
  const { rows } = await admin.query<{ name: string; type: string }>(
    `select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = $1::regclass`,
    [name],
  );
  return key.map((column) => rows.find((row) => row.name === column)?.type ?? 'text');
}
