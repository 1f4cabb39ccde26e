/** Who the login is, what it can become, and what it was given. Parameters: see read-facts.ts. */

/**
 * `reach`: the login and every role it can become. Before PostgreSQL 16 a membership has no options and always counts;
 * from 16 on one without INHERIT, SET and ADMIN gives nothing. `context_setting`: settings that the context expression,
 * or a function of it, reads by name; not what a transaction itself is, which names nobody.
 */
export const reachCtes = `
  reach as (
    select r.oid from pg_roles r where r.rolname = $1
    union
    select m.roleid from reach join pg_auth_members m on m.member = reach.oid
    where m.admin_option
      or coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
      or coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
  ),
  me as (select array_agg(oid) || 0::oid as oids from reach),
  context_setting as (
    select unnest($4::text[]) as name
    union
    select m[1] from pg_proc p, regexp_matches(p.prosrc, 'current_setting\\s*\\(\\s*''([^'']+)''', 'gi') m where p.proname = any ($3)
      and m[1] !~ '^transaction_'
  )`;

/** An SQL condition: the grantee of an exploded ACL entry is one of ours, or PUBLIC. */
export const toMe = 'a.grantee = any ((select oids from me)::oid[])';

export const accessSections: Readonly<Record<string, string>> = {
  roles: `
    select r.oid::bigint, r.rolname as name, r.rolsuper as superuser, r.rolbypassrls as "bypassRls",
      r.rolcreaterole as "createRole", r.rolcreatedb as "createDatabase", r.rolreplication as replication,
      r.oid < 16384 and r.rolname like 'pg\\_%' as predefined
    from reach join pg_roles r using (oid) order by r.rolname <> $1, r.rolname`,

  memberships: `
    select m.member::bigint, m.roleid::bigint as role,
      coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit) as inherits,
      m.admin_option or coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) as settable
    from pg_auth_members m join reach on reach.oid = m.member join pg_roles r on r.oid = m.member
    where m.roleid in (select oid from reach)`,

  // Temporary tables of a session that is at work just now are no part of the schema.
  owned: `
    select s.refobjid::bigint as owner, pg_describe_object(s.classid, s.objid, s.objsubid) as object
    from pg_shdepend s
    where s.refclassid = 'pg_authid'::regclass and s.deptype = 'o' and s.refobjid in (select oid from reach)
      and s.dbid in (0, (select oid from pg_database where datname = current_database()))
      and not exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where s.classid = 'pg_class'::regclass and c.oid = s.objid and n.nspname like 'pg\\_temp\\_%')
    order by 2 limit 100`,

  settings: `
    select coalesce(r.rolname, '') as role, s.setdatabase = 0 as "everyDatabase", split_part(entry, '=', 1) as name
    from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) entry
    where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
      and (s.setrole = 0 or s.setrole in (select oid from reach))`,

  // Through a view without security_invoker its owner reads; the owner's rights are then what counts.
  viewOwners: `
    select o.oid::bigint, o.rolname as name, o.rolsuper or o.rolbypassrls as privileged,
      array(select r.oid::bigint from pg_roles r where pg_has_role(o.oid, r.oid, 'USAGE')) as inherits
    from pg_roles o
    where o.oid in (select r.relowner from rel r where r.relkind = 'v')`,

  contextSettings: `select name, coalesce(current_setting(name, true), '') <> '' as preset from context_setting`,

  schemas: `
    select n.nspname as name, bool_or(a.privilege_type = 'USAGE') as usable, bool_or(a.privilege_type = 'CREATE') as creatable
    from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    where ${toMe} and n.nspname !~ '^pg_(temp|toast)'
    group by n.nspname`,

  databaseGrants: `
    select a.grantee::bigint, a.privilege_type as privilege, a.is_grantable as grantable
    from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    where d.datname = current_database() and ${toMe}`,

  catalogGrants: `
    select c.relname as name, a.privilege_type as privilege, a.grantee::bigint
    from pg_class c, aclexplode(c.relacl) a
    where c.oid in ('pg_statistic'::regclass, 'pg_statistic_ext_data'::regclass, 'pg_largeobject'::regclass,
        'pg_authid'::regclass, 'pg_user_mapping'::regclass, 'pg_subscription'::regclass)
      and a.privilege_type <> 'USAGE' and ${toMe}`,

  languages: `
    select l.lanname as name from pg_language l, aclexplode(l.lanacl) a
    where not l.lanpltrusted and ${toMe}
    group by l.lanname`,

  foreignServers: `
    select w.fdwname as name, 'wrapper' as kind from pg_foreign_data_wrapper w, aclexplode(w.fdwacl) a where ${toMe}
    union
    select s.srvname, 'server' from pg_foreign_server s, aclexplode(s.srvacl) a where ${toMe}
    union
    select m.srvname, 'mapping' from pg_user_mappings m where m.umuser = any ((select oids from me)::oid[])`,

  defaultPrivileges: `
    select r.rolname as owner, coalesce(n.nspname, '') as schema, d.defaclobjtype as kind, a.grantee::bigint,
      a.privilege_type as privilege
    from pg_default_acl d join pg_roles r on r.oid = d.defaclrole left join pg_namespace n on n.oid = d.defaclnamespace,
      aclexplode(d.defaclacl) a
    where ${toMe}`,

  largeObjects: '{{largeObjects}}',
};
