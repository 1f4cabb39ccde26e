/** What every tenant table must have around it, as SQL, and what of it is still missing. */
import type { AdminTransaction } from '../../../drivers/sql.ts';
import { quoteName, quoteNames, tenantColumn } from './names.ts';

/** The two policies of a table. One lets through, so that the other, which no further policy can widen, decides alone. */
const openPolicy = 'bulkhead_open';
const wallPolicy = 'bulkhead_wall';

/** In a sub-select, so that PostgreSQL asks once a statement and not once a row. */
const ownRow = `${tenantColumn} = (select bulkhead_wall.current_tenant_id())`;

/** Stands in `grants` for the role of the container. */
export const rolePlaceholder = '{{role}}';

/** One relation of a container as it stands between a user's statement and the wall. */
export interface WallFacts {
  readonly name: string;
  readonly kind: 'tenant' | 'partition' | 'shared' | 'view';
  readonly forced: boolean;
  readonly policies: readonly string[];
  /** An index that begins with the tenant. */
  readonly indexed: boolean;
  readonly invoker: boolean;
  /** Rights of the container's role on the whole relation. */
  readonly rights: readonly string[];
  /** Columns, other than the tenant, that the container's role cannot update. */
  readonly readOnlyColumns: readonly string[];
  /** Number of columns it can. */
  readonly writableColumns: number;
}

export interface WallSql {
  readonly statements: readonly string[];
  /** With `{{role}}` for the role. */
  readonly grants: readonly string[];
}

/** What is to be run so that nothing is missing; empty when nothing is. */
export function toWallSql(facts: WallFacts): WallSql {
  return wallOf[facts.kind](facts);
}

const wallOf: Readonly<Record<WallFacts['kind'], (facts: WallFacts) => WallSql>> = {
  tenant: (facts) => ({ statements: toTableWall(facts), grants: toTableGrants(facts) }),
  // Whoever may name a partition need not go through its table.
  partition: (facts) => ({ statements: toTableWall(facts), grants: toRevoke(facts) }),
  shared: (facts) => ({ statements: [], grants: toReadGrant(facts) }),
  view: (facts) => ({ statements: toInvokerView(facts), grants: toReadGrant(facts) }),
};

function toTableWall(facts: WallFacts): string[] {
  const table = quoteName(facts.name);
  const statements = [];
  if (!facts.policies.includes(openPolicy))
    statements.push(
      `create policy ${openPolicy} on ${table} as permissive for all to public using (true) with check (true)`,
    );
  if (!facts.policies.includes(wallPolicy))
    statements.push(
      `create policy ${wallPolicy} on ${table} as restrictive for all to public using (${ownRow}) with check (${ownRow})`,
    );
  if (!facts.forced)
    statements.push(`alter table ${table} enable row level security, force row level security`);
  if (!facts.indexed) statements.push(`create index on ${table} (${tenantColumn})`);
  return statements;
}

function toTableGrants(facts: WallFacts): string[] {
  const rights = ['SELECT', 'INSERT', 'DELETE'].filter((right) => !facts.rights.includes(right));
  const columns = facts.readOnlyColumns;
  const granted = [
    ...rights.map((right) => right.toLowerCase()),
    ...(columns.length > 0 ? [`update (${quoteNames(columns)})`] : []),
  ];
  return granted.length === 0
    ? []
    : [`grant ${granted.join(', ')} on ${quoteName(facts.name)} to ${rolePlaceholder}`];
}

function toReadGrant(facts: WallFacts): string[] {
  return facts.rights.includes('SELECT')
    ? []
    : [`grant select on ${quoteName(facts.name)} to ${rolePlaceholder}`];
}

/** A table that became a partition may have had rights, on itself or on its columns. */
function toRevoke(facts: WallFacts): string[] {
  const has = facts.rights.length > 0 || facts.writableColumns > 0;
  return has ? [`revoke all on ${quoteName(facts.name)} from ${rolePlaceholder}`] : [];
}

function toInvokerView(facts: WallFacts): string[] {
  return facts.invoker ? [] : [`alter view ${quoteName(facts.name)} set (security_invoker = true)`];
}

/** The relations of one schema. `role` must exist and be nobody's member. */
export async function readWallFacts(
  tx: AdminTransaction,
  container: { readonly schema: string; readonly role: string },
): Promise<readonly WallFacts[]> {
  const { rows } = await tx.query<{ facts: WallFacts }>(factsQuery, [container.schema, container.role]);
  return rows.map(({ facts }) => facts);
}

const factsQuery = `
select jsonb_build_object(
  'name', c.relname,
  'kind', case when c.relkind = 'v' then 'view' when t.attnum is null then 'shared'
               when c.relispartition then 'partition' else 'tenant' end,
  'forced', c.relrowsecurity and c.relforcerowsecurity,
  'policies', array(select p.polname::text from pg_policy p where p.polrelid = c.oid),
  'indexed', exists (select from pg_index i where i.indrelid = c.oid and i.indkey[0] = t.attnum and i.indisvalid and i.indpred is null),
  'invoker', coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'), false),
  'rights', array(
    select r from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) r
    where has_table_privilege($2::text, c.oid, r)),
  'readOnlyColumns', array(
    select a.attname::text from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname <> 'tenant_id'
      and not has_column_privilege($2::text, c.oid, a.attnum, 'UPDATE')
    order by a.attnum),
  'writableColumns', (
    select count(*) from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and has_column_privilege($2::text, c.oid, a.attnum, 'UPDATE'))
) as facts
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped
where n.nspname = $1 and c.relkind in ('r', 'p', 'v')
order by c.oid`;
