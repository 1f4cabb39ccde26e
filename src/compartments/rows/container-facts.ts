import type { AdminDatabase, AdminTransaction } from '../../drivers/sql.ts';
import { toExtensionSql } from './migrations/compile-file.ts';
import type { CompiledMigration } from './migrations/compile.ts';
import { openScratch } from './migrations/scratch.ts';
import { toScript } from './migrations/script.ts';

/** One thing that is so in a container. Names are without schema, and its role is `{{role}}`: containers can be compared. */
export interface ContainerFact {
  readonly kind: string;
  /** Table it belongs to, where it belongs to one. */
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

export interface FactQuestion {
  readonly schema: string;
  readonly role: string;
}

interface FactRow extends Record<string, unknown> {
  readonly schema: string;
  readonly facts: readonly (readonly [string, string, string, string])[];
}

/** All facts of all the containers asked about, in one query. */
export async function readContainerFacts(
  tx: AdminTransaction,
  containers: readonly FactQuestion[],
): Promise<ReadonlyMap<string, readonly ContainerFact[]>> {
  // Deparsed expressions then carry the name of every schema but the system's, and look alike everywhere.
  await tx.script(`set local search_path = pg_catalog; set local jit = off`);
  const { rows } = await tx.query<FactRow>(factsQuery, [
    containers.map(({ schema }) => schema),
    containers.map(({ role }) => role),
  ]);
  return new Map(rows.map(({ schema, facts }) => [schema, facts.map((fact) => toFact(schema, fact))]));
}

function toFact(schema: string, [kind, table, name, definition]: FactRow['facts'][number]): ContainerFact {
  const bare = definition.replaceAll(new RegExp(`(?<![\\w.'"])"?${schema}"?\\.`, 'g'), '');
  return { kind, table, name, definition: bare };
}

/** What these migrations make of an empty container, tried out in a schema that is rolled back. */
export async function expectedFacts(
  admin: AdminDatabase,
  migrations: readonly CompiledMigration[],
): Promise<readonly ContainerFact[]> {
  const found: (readonly ContainerFact[])[] = [];
  const over = new Error('rolled back');
  await admin
    .transaction(async (tx) => {
      const { schema, role } = await openScratch(tx);
      for (const extension of new Set(migrations.flatMap(({ extensions }) => extensions)))
        await tx.script(toExtensionSql(extension));
      await tx.script(toScript({ schema, role }, migrations));
      const facts = await readContainerFacts(tx, [{ schema, role }]);
      found.push(facts.get(schema) ?? []);
      throw over;
    })
    .catch((cause: unknown) => {
      if (cause !== over) throw cause;
    });
  return found[0] ?? [];
}

/** Rights of the owner are its own; those of the container's role and of anybody else are facts. */
const grantee = `case when g.grantee = 0 then 'PUBLIC' when g.grantee = rel.role then '{{role}}' else g.grantee::regrole::text end`;

const factsQuery = `
with asked as materialized (
  select n.oid, n.nspname::text as schema, r.oid as role
  from unnest($1::text[], $2::text[]) as a (schema, role)
  join pg_namespace n on n.nspname = a.schema
  left join pg_roles r on r.rolname = a.role
),
rel as materialized (
  select c.oid, c.relname::text as name, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
    c.reloptions, a.oid as namespace, a.schema, a.role
  from asked a join pg_class c on c.relnamespace = a.oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
),
fact as (
  select schema, case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
      when 'S' then 'sequence' else 'table' end as kind, name as tab, name,
    case when relkind in ('v', 'm') then pg_get_viewdef(oid) || coalesce(' with ' || reloptions::text, '') else relkind::text end as definition
  from rel
  union all
  select schema, 'row security', name, name,
    case when relrowsecurity then 'enabled' else 'off' end || case when relforcerowsecurity then ', forced' else '' end
  from rel where relkind in ('r', 'p')
  union all
  select schema, 'owner', name, name, case when relowner = role then '{{role}}' else pg_get_userbyid(relowner)::text end from rel
  union all
  select rel.schema, 'column', rel.name, a.attname::text, jsonb_build_object(
      'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
      'default', pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated::text, 'identity', a.attidentity::text)::text
  from rel join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where rel.relkind in ('r', 'p', 'f')
  union all
  select rel.schema, 'constraint', rel.name, c.conname::text, pg_get_constraintdef(c.oid)
  from rel join pg_constraint c on c.conrelid = rel.oid where c.contype in ('c', 'f', 'p', 'u', 'x')
  union all
  select rel.schema, 'index', rel.name, i.relname::text, pg_get_indexdef(i.oid) || case when x.indisvalid then '' else ' INVALID' end
  from rel join pg_index x on x.indrelid = rel.oid join pg_class i on i.oid = x.indexrelid
  where not exists (select from pg_constraint c where c.conindid = i.oid and c.contype in ('p', 'u', 'x'))
    -- Tenants' own indexes over their vectors: they come and go with what a tenant has, and no migration makes them.
    and not i.relname ~ '^bulkhead_hnsw_[0-9a-f]{32}_[0-9a-f]{8}$'
  union all
  select rel.schema, 'policy', rel.name, p.polname::text,
    case when p.polpermissive then 'as permissive' else 'as restrictive' end || ' for '
      || case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end
      || ' to ' || (select string_agg(case when r = 0 then 'public' when r = rel.role then '{{role}}' else r::regrole::text end, ', ') from unnest(p.polroles) r)
      || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
      || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
  from rel join pg_policy p on p.polrelid = rel.oid
  union all
  select rel.schema, 'right', rel.name, ${grantee}, string_agg(lower(g.privilege_type) || case when g.is_grantable then ' with grant option' else '' end, ', ' order by g.privilege_type)
  from rel cross join aclexplode(rel.relacl) g where g.grantee <> rel.relowner group by rel.schema, rel.name, ${grantee}
  union all
  select rel.schema, 'right', rel.name, ${grantee} || ' on ' || a.attname, string_agg(lower(g.privilege_type), ', ' order by g.privilege_type)
  from rel join pg_attribute a on a.attrelid = rel.oid and a.attacl is not null and not a.attisdropped
  cross join aclexplode(a.attacl) g where g.grantee <> rel.relowner group by rel.schema, rel.name, a.attname, ${grantee}
  union all
  select rel.schema, 'trigger', rel.name, t.tgname::text, pg_get_triggerdef(t.oid) || case t.tgenabled when 'O' then '' else ' (' || t.tgenabled::text || ')' end
  from rel join pg_trigger t on t.tgrelid = rel.oid and not t.tgisinternal
    and t.tgfoid is distinct from to_regprocedure('bulkhead_lexical.keep()')
  union all
  select rel.schema, 'rule', rel.name, w.rulename::text, pg_get_ruledef(w.oid)
  from rel join pg_rewrite w on w.ev_class = rel.oid where w.rulename <> '_RETURN'
  union all
  select a.schema, 'function', '', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', pg_get_functiondef(p.oid)
  from asked a join pg_proc p on p.pronamespace = a.oid where p.prokind in ('f', 'p')
  union all
  select a.schema, 'type', '', t.typname::text, t.typtype::text || coalesce(': ' || (
    select string_agg(e.enumlabel::text, ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid), '')
  from asked a join pg_type t on t.typnamespace = a.oid and t.typtype in ('e', 'd')
)
select schema, jsonb_agg(jsonb_build_array(kind, tab, name, definition)
  order by kind collate "C", tab collate "C", name collate "C") as facts
from fact group by schema`;
