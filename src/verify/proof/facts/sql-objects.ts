import { toMe } from './sql-access.ts';

/** Tables, views and sequences with what protects them. Parameters: see read-facts.ts. */

/** `rel`: everything a row can be reached through, with its tenant column. `ukey`: unique and exclusion keys of tenant tables. */
export const relationCtes = `
  rel as materialized (
    select c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
      c.relacl, t.attnum, t.attnotnull, t.atttypid, t.attcollation
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
      -- One look into an index per relation; a join would read all of pg_attribute.
      left join lateral (
        select a.attnum, a.attnotnull, a.atttypid, a.attcollation from pg_attribute a
        where a.attrelid = c.oid and a.attname = $2 and a.attnum > 0 and not a.attisdropped offset 0) t on true
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and n.nspname <> 'information_schema' and n.nspname !~ '^pg_(temp|toast)' and (n.nspname <> 'pg_catalog' or c.oid >= 16384)
  ),
  ukey as materialized (
    select i.indexrelid, i.indrelid, i.indisprimary, i.indkey::int2[] as all_keys, k.keys,
      rel.attnum = any (k.keys) and (i.indisunique or exists (
        select from pg_constraint x, unnest(x.conkey, x.conexclop) e (attnum, operator) join pg_operator o on o.oid = e.operator
        where x.conindid = i.indexrelid and e.attnum = rel.attnum and o.oprname = '=')) as has_tenant
    from pg_index i join rel on rel.oid = i.indrelid,
      lateral (select (i.indkey::int2[])[0:i.indnkeyatts - 1] as keys) k
    where (i.indisunique or i.indisexclusion) and rel.attnum is not null
  )`;

export const objectSections: Readonly<Record<string, string>> = {
  // By column: one row of arrays is built and parsed several times faster than thousands of objects.
  relations: `
    select array_agg(r.oid::bigint) as oid, array_agg(r.nspname) as schema, array_agg(r.relname) as name, array_agg(r.relkind) as kind,
      array_agg(r.relowner::bigint) as owner, array_agg(r.relrowsecurity) as rls, array_agg(r.relforcerowsecurity) as forced,
      array_agg(r.relkind = 'v' and coalesce((
        select o.option_value::boolean from pg_options_to_table(r.reloptions) o where o.option_name = 'security_invoker'), false)) as invoker,
      array_agg(e.objid is not null) as "ofExtension", array_agg(r.attnotnull) as "notNull", array_agg(r.atttypid::bigint) as type,
      array_agg(coalesce(c.collisdeterministic, true)) as deterministic
    from rel r
      left join pg_depend e on e.classid = 'pg_class'::regclass and e.objid = r.oid and e.deptype = 'e'
      left join pg_collation c on c.oid = r.attcollation`,

  columnTypes: `
    select t.oid::bigint, t.oid::regtype::text as name, coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text as base
    from pg_type t where t.oid in (select distinct atttypid from rel)`,

  // Grouped, because thousands of tables share a handful of access lists.
  relationGrants: `
    select g.relations, x.grants
    from (select array_agg(oid::bigint) as relations, relacl from rel where relacl is not null group by relacl) g,
      lateral (
        select json_agg(json_build_object('grantee', a.grantee::bigint, 'privilege', a.privilege_type, 'grantable', a.is_grantable)) as grants
        from aclexplode(g.relacl) a where ${toMe}) x
    where x.grants is not null`,

  columnGrants: `
    select g.relations, g."onTenantColumn", x.grants
    from (
        select array_agg(a.attrelid::bigint) as relations, a.attname = $2 as "onTenantColumn", a.attacl
        from pg_attribute a where a.attacl is not null and a.attrelid >= 16384 and not a.attisdropped
        group by a.attname = $2, a.attacl) g,
      lateral (
        select json_agg(json_build_object('grantee', a.grantee::bigint, 'privilege', a.privilege_type, 'grantable', a.is_grantable)) as grants
        from aclexplode(g.attacl) a where ${toMe}) x
    where x.grants is not null`,

  inheritance: `
    select i.inhrelid::bigint as child, i.inhparent::bigint as parent from pg_inherits i join rel on rel.oid = i.inhrelid`,

  viewSources: `
    select distinct r.ev_class::bigint as view, d.refobjid::bigint as source
    from pg_rewrite r join rel v on v.oid = r.ev_class and v.relkind = 'v'
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    where d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class`,

  rules: `
    select r.ev_class::bigint as relation, r.rulename as name
    from pg_rewrite r join rel on rel.oid = r.ev_class where r.rulename <> '_RETURN'`,

  definerTriggers: `
    select t.tgrelid::bigint as relation, t.tgname as name, t.tgfoid::bigint as function
    from pg_trigger t join pg_proc p on p.oid = t.tgfoid join rel on rel.oid = t.tgrelid
    where not t.tgisinternal and p.prosecdef and t.tgenabled <> 'D'`,

  ownedSequences: `
    select s.oid::bigint as sequence, d.refobjid::bigint as table, a.attname as column
    from rel s join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')
      join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where s.relkind = 'S' and d.refclassid = 'pg_class'::regclass`,
};
