import type { AdminDatabase } from '../../../../src/drivers/sql.ts';

/** What a container's tables are made of, in words that are the same in every container. */
export interface CatalogueFacts {
  /** `table.column type [not null] [default …]` */
  readonly columns: readonly string[];
  /** `table: definition` */
  readonly constraints: readonly string[];
  readonly indexes: readonly string[];
  readonly policies: readonly string[];
  /** `table: rights of the container's role` */
  readonly rights: readonly string[];
  readonly views: readonly string[];
}

export async function readCatalogue(
  admin: AdminDatabase,
  { schema, role }: { readonly schema: string; readonly role: string },
): Promise<CatalogueFacts> {
  const lines = async (query: string): Promise<readonly string[]> => {
    // Names of objects in the container are then written without its schema.
    const rows = await admin.transaction(async (tx) => {
      await tx.query(`select set_config('search_path', $1, true)`, [schema]);
      return (await tx.query<{ line: string }>(query, [schema])).rows;
    });
    return rows.map(({ line }) => line.replaceAll(role, 'ROLE')).toSorted();
  };
  return {
    columns: await lines(columns),
    constraints: await lines(constraints),
    indexes: await lines(indexes),
    policies: await lines(policies),
    rights: await lines(rights),
    views: await lines(views),
  };
}

const relations = `pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = $1 and c.relkind in ('r', 'p', 'v')`;

const columns = `
select concat_ws(' ', c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
  case when a.attnotnull then 'not null' end, 'default ' || pg_get_expr(d.adbin, d.adrelid)) as line
from ${relations} and c.relkind <> 'v'
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum`;

/** PostgreSQL 18 lists NOT NULL as constraints, 17 does not. */
const constraints = `
select format('%s: %s %s', c.relname, k.conname, pg_get_constraintdef(k.oid)) as line
from ${relations} join pg_constraint k on k.conrelid = c.oid and k.contype <> 'n'`;

const indexes = `
select format('%s: %s', c.relname, regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE ((?:UNIQUE )?)INDEX (\\S+) ON (?:ONLY )?\\S+ USING ', '\\1\\2 ')) as line
from ${relations} join pg_index i on i.indrelid = c.oid`;

const policies = `
select format('%s: %s %s %s %s', c.relname, case when p.polpermissive then 'permissive' else 'restrictive' end,
  pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
  case when c.relrowsecurity and c.relforcerowsecurity then 'forced' else 'NOT FORCED' end) as line
from ${relations} join pg_policy p on p.polrelid = c.oid`;

const rights = `
select format('%s: %s', c.relname, string_agg(g.line, ' ' order by g.line)) as line
from ${relations}
cross join lateral (
  select format('%s=%s', g.grantee::regrole, lower(g.privilege_type)) as line from aclexplode(c.relacl) g where g.grantee <> c.relowner
  union all
  select format('%s=%s(%s)', g.grantee::regrole, lower(g.privilege_type), a.attname)
  from pg_attribute a cross join aclexplode(a.attacl) g where a.attrelid = c.oid and not a.attisdropped
) g
group by c.relname`;

const views = `
select format('%s: %s', c.relname, array_to_string(c.reloptions, ',')) as line from ${relations} and c.relkind = 'v'`;
