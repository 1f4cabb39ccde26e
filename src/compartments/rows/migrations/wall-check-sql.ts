/** The conditions that together make the wall, as one query over the catalogue. Each branch finds what breaks one of them. */
import { containerSchemaCondition } from '../container.ts';

/** What pg_get_expr() makes of the wall's expression; an operator of another schema would show its name here. */
const wallExpression = '(tenant_id = ( SELECT bulkhead_wall.current_tenant_id() AS current_tenant_id))';

/**
 * $1: schemas to look at besides all containers of this database, or null for all containers alone.
 * $2: names of declared shared tables.
 * Gives one row a problem: schema, relation, problem.
 */
export const wallCheckQuery = `
with container as materialized (
  select n.oid, n.nspname::text as schema from pg_namespace n
  where case when $1::text[] is null
    then ${containerSchemaCondition}
    else n.nspname = any($1::text[]) end
),
relation as materialized (
  select c.oid, c.relname::text as name, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
    c.relacl, c.relowner, c.reloptions, n.oid as namespace, n.schema, t.attnum as tenant,
    case when c.relkind = 'v' then 'view' when t.attnum is null then 'shared'
         when c.relispartition then 'partition' else 'tenant' end as kind
  from pg_class c
  join container n on n.oid = c.relnamespace
  left join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
),
walled as materialized (select * from relation where relkind in ('r', 'p') and tenant is not null),
problem as (
  select schema, name, case relkind
    when 'm' then 'is a materialized view, which holds rows of all tenants outside of the wall'
    when 'f' then 'is a foreign table, whose rows are not behind the wall'
    else 'is a sequence, which tells each tenant how many rows the others write' end as problem
  from relation where relkind in ('m', 'f', 'S')
  union all
  select schema, name, 'has no tenant_id and is not declared shared'
  from relation where relkind in ('r', 'p') and tenant is null and not name = any($2::text[])
  union all
  select schema, name, 'has row-level security off or not forced'
  from walled where not (relrowsecurity and relforcerowsecurity)
  union all
  select r.schema, r.name, 'has a tenant_id that is not uuid, not null and filled by the wall'
  from walled r
  join pg_attribute a on a.attrelid = r.oid and a.attnum = r.tenant
  left join pg_attrdef d on d.adrelid = r.oid and d.adnum = r.tenant
  where a.atttypid <> 'uuid'::regtype or not a.attnotnull or a.attgenerated <> '' or a.attidentity <> ''
    or coalesce(pg_get_expr(d.adbin, d.adrelid), '') <> 'bulkhead_wall.current_tenant_id()'
  union all
  select r.schema, r.name, 'does not have exactly the two policies of the wall'
  from walled r
  left join pg_policy p on p.polrelid = r.oid
  group by r.schema, r.name
  having count(*) <> 2
    or count(*) filter (where p.polcmd = '*' and p.polroles = '{0}' and p.polpermissive and p.polname = 'bulkhead_open'
      and pg_get_expr(p.polqual, p.polrelid) = 'true' and pg_get_expr(p.polwithcheck, p.polrelid) = 'true') <> 1
    or count(*) filter (where p.polcmd = '*' and p.polroles = '{0}' and not p.polpermissive and p.polname = 'bulkhead_wall'
      and pg_get_expr(p.polqual, p.polrelid) = '${wallExpression}'
      and pg_get_expr(p.polwithcheck, p.polrelid) = '${wallExpression}') <> 1
  union all
  select r.schema, r.name, 'has no index that begins with tenant_id'
  from walled r
  where not exists (
    select from pg_index i where i.indrelid = r.oid and i.indkey[0] = r.tenant and i.indpred is null and i.indisvalid)
  union all
  select r.schema, r.name, format('has the unique index %s without tenant_id', i.indexrelid::regclass::text)
  from walled r
  join pg_index i on i.indrelid = r.oid and i.indisunique
  where not r.tenant = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
  union all
  select r.schema, r.name, format('has the exclusion constraint %s without tenant_id', x.conname)
  from walled r
  join pg_constraint x on x.conrelid = r.oid and x.contype = 'x'
  where not exists (
    select from unnest(x.conkey, x.conexclop) k (attnum, operator)
    join pg_operator o on o.oid = k.operator
    where k.attnum = r.tenant and o.oprname = '=')
  union all
  select r.schema, r.name, format('has the foreign key %s, which does not tie tenant to tenant', f.conname)
  from relation r
  join pg_constraint f on f.conrelid = r.oid and f.contype = 'f'
  left join relation target on target.oid = f.confrelid
  where target.oid is null or target.namespace <> r.namespace
    or (target.tenant is not null and not exists (
      select from unnest(f.conkey, f.confkey) k (own, other) where k.own = r.tenant and k.other = target.tenant))
    or (r.tenant = any(f.conkey) and (
      f.confupdtype in ('n', 'd')
      or (f.confdeltype in ('n', 'd') and (f.confdelsetcols is null or r.tenant = any(f.confdelsetcols)))))
  union all
  select r.schema, r.name, 'inherits from another table without being its partition'
  from relation r
  join pg_inherits h on h.inhrelid = r.oid
  where not r.relispartition
  union all
  select distinct r.schema, r.name, format('gives %s to %s', g.privilege_type,
    case when g.grantee = 0 then 'PUBLIC' else g.grantee::regrole::text end)
  from relation r
  cross join aclexplode(r.relacl) g
  where g.grantee <> r.relowner and (g.grantee = 0 or g.is_grantable or r.kind = 'partition'
    or not g.privilege_type = any(
      case r.kind when 'tenant' then array['SELECT', 'INSERT', 'DELETE'] else array['SELECT'] end))
  union all
  select distinct r.schema, r.name, format('gives %s of %s to %s', g.privilege_type, a.attname,
    case when g.grantee = 0 then 'PUBLIC' else g.grantee::regrole::text end)
  from relation r
  join pg_attribute a on a.attrelid = r.oid and a.attacl is not null and not a.attisdropped
  cross join aclexplode(a.attacl) g
  where g.grantee <> r.relowner and (g.grantee = 0 or g.is_grantable or r.kind <> 'tenant'
    or g.privilege_type <> 'UPDATE' or a.attnum = r.tenant)
  union all
  select schema, name, 'is a view that reads as its owner: security_invoker is off'
  from relation r
  where relkind = 'v' and not coalesce(
    (select o.option_value::boolean from pg_options_to_table(r.reloptions) o where o.option_name = 'security_invoker'), false)
  union all
  select r.schema, r.name, format('has the rule %s', w.rulename)
  from relation r
  join pg_rewrite w on w.ev_class = r.oid
  where not (r.relkind = 'v' and w.rulename = '_RETURN')
  union all
  select r.schema, r.name, format('has the trigger %s, which runs a function of another schema', g.tgname)
  from relation r
  join pg_trigger g on g.tgrelid = r.oid and not g.tgisinternal
  join pg_proc p on p.oid = g.tgfoid
  where p.pronamespace not in (r.namespace, 'pg_catalog'::regnamespace)
    -- The two triggers of a move under way.
    and not (p.oid = to_regprocedure('bulkhead_wall.capture_change()') and g.tgname ~ '^bulkhead_move_[0-9a-f]{32}_[wd]$')
    -- Those that keep the words of passages.
    and not (p.oid = to_regprocedure('bulkhead_lexical.keep()') and g.tgname ~ '^bulkhead_lexical_(insert|update|delete)$')
  union all
  select n.schema, p.proname::text, case
    when p.prosecdef then 'is a SECURITY DEFINER function'
    when p.proleakproof then 'is a LEAKPROOF function'
    else 'is a function in a language other than sql and plpgsql' end
  from container n
  join pg_proc p on p.pronamespace = n.oid
  join pg_language l on l.oid = p.prolang
  where p.prosecdef or p.proleakproof or l.lanname not in ('sql', 'plpgsql')
)
select schema, name, problem from problem order by schema, name, problem`;
