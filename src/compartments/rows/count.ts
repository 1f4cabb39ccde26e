import type { AdminDatabase } from '../../drivers/sql.ts';
import { quote } from './filter.ts';

/** A statement locks every table it names, and its indexes, until it ends: so tables are counted in handfuls. */
const tablesPerStatement = 25;

/** Tables of a schema that are not parts of another. */
export async function readTableNames(admin: AdminDatabase, schema: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition order by c.relname`,
    [schema],
  );
  return rows.map(({ name }) => name);
}

/** All rows of the tables, whoever's. */
export async function countRows(
  admin: AdminDatabase,
  schema: string,
  tables: readonly string[],
): Promise<bigint> {
  let sum = 0n;
  for (let start = 0; start < tables.length; start += tablesPerStatement) {
    const counts = tables
      .slice(start, start + tablesPerStatement)
      .map((name) => `select count(*) as n from ${quote(schema)}.${quote(name)}`);
    const { rows } = await admin.query<{ n: string }>(
      `select coalesce(sum(c.n), 0)::text as n from (${counts.join(' union all ')}) c`,
    );
    sum += BigInt(rows[0]?.n ?? '0');
  }
  return sum;
}

/** Tables of a schema whose rows name a tenant, as the catalog has them and not as we think they are. */
export async function readTenantTableNames(admin: AdminDatabase, schema: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition
         and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
           and a.atttypid = 'uuid'::regtype and not a.attisdropped)
       order by c.relname`,
    [schema],
  );
  return rows.map(({ name }) => name);
}
