/**
 * The statements that make the shape of a database again, without its rows: schemas, tables, keys, policies, functions,
 * views, grants and roles. Columns keep what a proof looks at; types from outside pg_catalog become text, so that no
 * extension is needed. $1: the login. Expects `search_path = pg_catalog`.
 */
export const cloneQuery = `
with recursive rel as (
  select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as ref
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(temp|toast)' and c.relkind in ('r', 'p', 'v')
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
),
own_function as (
  select p.*, n.nspname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname not in ('pg_catalog', 'information_schema') and p.prokind = 'f' and p.prorettype <> 'trigger'::regtype
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
),
reach as (
  select oid from pg_roles where rolname = $1
  union
  select m.roleid from reach join pg_auth_members m on m.member = reach.oid
),
role as (
  select r.* from pg_roles r
  where r.oid >= 16384 and not r.rolsuper and r.oid in (
    select oid from reach union select proowner from own_function union select relowner from rel
    union select unnest(polroles) from pg_policy)
),
granted as (
  select 'table ' || ref as what, relacl as acl from rel
  union all select 'schema ' || quote_ident(n.nspname), n.nspacl from pg_namespace n where n.nspname in (select nspname from rel union select nspname from own_function)
  union all select 'function ' || f.oid::regprocedure, f.proacl from own_function f
),
statement (phase, text) as (
  select 1, format('create role %I nologin %s', rolname, case when rolbypassrls then 'bypassrls' else '' end) from role
  union all
  select 2, format('grant %s to %s', m.roleid::regrole, m.member::regrole)
  from pg_auth_members m where m.roleid in (select oid from role) and m.member in (select oid from role)
  union all
  select 3, format('create schema if not exists %I', nspname) from (select nspname from rel union select nspname from own_function) s
  union all
  select 4, pg_get_functiondef(oid) from own_function
  union all
  select 5, format('alter function %s owner to %s', f.oid::regprocedure, f.proowner::regrole) from own_function f where f.proowner in (select oid from role)
  union all
  select 6, case when r.relispartition
    then format('create table %s partition of %s %s', r.ref, (select p.ref from pg_inherits i join rel p on p.oid = i.inhparent where i.inhrelid = r.oid), pg_get_expr(r.relpartbound, r.oid))
    else format('create table %s (%s)', r.ref, (
      select string_agg(format('%I %s%s', a.attname,
          case when t.typnamespace = 'pg_catalog'::regnamespace and t.typtype = 'b' then format_type(a.atttypid, a.atttypmod) else 'text' end,
          case when a.attnotnull then ' not null' else '' end), ', ' order by a.attnum)
      from pg_attribute a join pg_type t on t.oid = a.atttypid where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped))
      || coalesce(' inherits (' || (select string_agg(p.ref, ', ' order by i.inhseqno) from pg_inherits i join rel p on p.oid = i.inhparent where i.inhrelid = r.oid) || ')', '')
    end || case when r.relkind = 'p' then ' partition by ' || pg_get_partkeydef(r.oid) else '' end
  from rel r where r.relkind in ('r', 'p')
  union all
  select 7 + (c.contype = 'f')::integer, format('alter table %s add constraint %I %s', r.ref, c.conname, pg_get_constraintdef(c.oid))
  from pg_constraint c join rel r on r.oid = c.conrelid where c.contype in ('p', 'u', 'x', 'f') and c.conparentid = 0
  union all
  select 8, pg_get_indexdef(i.indexrelid) from pg_index i join rel r on r.oid = i.indrelid
  where i.indisunique and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
    and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)
  union all
  select 9, format('alter table %s %s row level security, %s row level security', ref,
    case when relrowsecurity then 'enable' else 'disable' end, case when relforcerowsecurity then 'force' else 'no force' end)
  from rel where relkind in ('r', 'p')
  union all
  select 10, format('create policy %I on %s as %s for %s to %s%s%s', p.polname, r.ref,
    case when p.polpermissive then 'permissive' else 'restrictive' end,
    case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
    (select string_agg(case when role_oid = 0 then 'public' else role_oid::regrole::text end, ', ') from unnest(p.polroles) role_oid),
    ' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
  from pg_policy p join rel r on r.oid = p.polrelid
  union all
  select 11, format('create view %s%s as %s', ref, ' with (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(oid)) from rel where relkind = 'v'
  union all
  select 12, format('revoke all on %s from public', what) from granted where acl is not null
  union all
  select 13, format('grant %s on %s to %s', a.privilege_type, g.what, case when a.grantee = 0 then 'public' else a.grantee::regrole::text end)
  from granted g, aclexplode(g.acl) a where a.privilege_type <> 'MAINTAIN' and (a.grantee = 0 or a.grantee in (select oid from role))
  union all
  select 13, format('grant %s (%I) on %s to %s', a.privilege_type, t.attname, r.ref, case when a.grantee = 0 then 'public' else a.grantee::regrole::text end)
  from pg_attribute t join rel r on r.oid = t.attrelid, aclexplode(t.attacl) a where a.grantee = 0 or a.grantee in (select oid from role)
)
select text from statement where text is not null order by phase, text`;

/** Walled tables of a clone that can be broken: their wall by name, and a column beside the tenant column. $1: the tenant column. */
export const targetsQuery = `
select n.nspname as schema, c.relname as table, min(p.polname) as wall,
  (select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname <> $1
   order by a.atttypid <> 'text'::regtype, a.attnum limit 1) as column
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_policy p on p.polrelid = c.oid and not p.polpermissive
where c.relkind = 'r' and not c.relispartition and n.nspname = any ($2)
  and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = $1 and not a.attisdropped)
group by n.nspname, c.relname, c.oid
order by 1, 2`;
