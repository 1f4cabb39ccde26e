/** What application code may name: tables, columns, keys. The same in every container, so it is read once. */
import type { AdminDatabase, AdminTransaction } from '../../../drivers/sql.ts';

export interface ColumnModel {
  readonly name: string;
  /** As PostgreSQL writes it: `uuid`, `timestamp with time zone`, `numeric(20,0)`, `text[]`. */
  readonly type: string;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** Computed by the database; it can be read and never written. */
  readonly generated: boolean;
}

/** A foreign key without the tenant, which every one of them carries. */
export interface ReferenceModel {
  readonly constraint: string;
  readonly columns: readonly string[];
  readonly table: string;
  readonly referencedColumns: readonly string[];
}

/** `tenant`: rows of tenants behind the wall. `shared`: the same rows for all, read only. `view`: read only. */
export type TableKind = 'tenant' | 'shared' | 'view';

/** Plain data: what JSON.stringify writes, JSON.parse gives back. */
export interface TableModel {
  readonly name: string;
  readonly kind: TableKind;
  /** In order; tenant tables begin with the tenant. */
  readonly columns: readonly ColumnModel[];
  /** Without the tenant. Empty for a view, for a table without a key, and for one with one row a tenant. */
  readonly primaryKey: readonly string[];
  readonly references: readonly ReferenceModel[];
}

/**
 * The tables and views of one container, by name; partitions are part of their table.
 * @returns frozen; empty for a schema that has none or does not exist
 */
export async function readTables(
  admin: AdminDatabase | AdminTransaction,
  schema: string,
): Promise<readonly TableModel[]> {
  const { rows } = await admin.query<{ model: TableModel }>(tableQuery, [schema]);
  return deepFreeze(rows.map(({ model }) => model));
}

/** Catalogue names are compared as text, because the type `name` sorts in another collation. */
const tableQuery = `
select jsonb_build_object(
  'name', c.relname,
  'kind', case when c.relkind = 'v' then 'view'
               when exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped)
               then 'tenant' else 'shared' end,
  'columns', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'nullable', not a.attnotnull,
      'hasDefault', a.atthasdef and a.attgenerated = '',
      'generated', a.attgenerated <> '') order by a.attnum), '[]')
    from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'primaryKey', (
    select coalesce(jsonb_agg(a.attname order by k.position), '[]')
    from pg_constraint p
    cross join unnest(p.conkey) with ordinality k (attnum, position)
    join pg_attribute a on a.attrelid = p.conrelid and a.attnum = k.attnum
    where p.conrelid = c.oid and p.contype = 'p' and a.attname <> 'tenant_id'),
  'references', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'constraint', f.conname,
      'table', (select r.relname from pg_class r where r.oid = f.confrelid),
      'columns', (
        select coalesce(jsonb_agg(a.attname order by k.position), '[]')
        from unnest(f.conkey) with ordinality k (attnum, position)
        join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.attnum where a.attname <> 'tenant_id'),
      'referencedColumns', (
        select coalesce(jsonb_agg(a.attname order by k.position), '[]')
        from unnest(f.confkey) with ordinality k (attnum, position)
        join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.attnum where a.attname <> 'tenant_id')
      ) order by f.conname), '[]')
    from pg_constraint f where f.conrelid = c.oid and f.contype = 'f' and f.conparentid = 0)
) as model
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind in ('r', 'p', 'v') and not c.relispartition
order by c.relname::text collate "C"`;

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
