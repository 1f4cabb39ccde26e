/** Policies, keys, functions and the rest of the schema that decides who sees what. Parameters: see read-facts.ts. */

import { toMe } from './sql-access.ts';

export const ruleSections: Readonly<Record<string, string>> = {
  // One text per distinct policy. A stored expression names columns by number, so the tenant column's number is part
  // of the group. One text of both decompresses each expression once instead of at every comparison.
  policies: `
    select g.relations, p.polname as name, p.polcmd as command, p.polpermissive as permissive, p.polroles::bigint[] as roles,
      pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check,
      array(
        select distinct d.refobjid::bigint from pg_depend d
        where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass
          and (d.refobjid <> p.polrelid or position(':relid ' || p.polrelid || ' ' in concat(p.polqual::text, p.polwithcheck::text)) > 0)) as reads
    from (
        select min(t.oid) as sample, array_agg(t.polrelid::bigint) as relations
        from (
          select p.oid, p.polrelid, p.polname, p.polcmd, p.polpermissive, p.polroles, rel.attnum,
            concat(octet_length(p.polqual::text), ' ', p.polqual::text, p.polwithcheck::text) as expressions
          from pg_policy p join rel on rel.oid = p.polrelid offset 0) t
        group by t.polname, t.polcmd, t.polpermissive, t.polroles, t.expressions, t.attnum) g,
      lateral (select q.* from pg_policy q where q.oid = g.sample offset 0) p`,

  tenantlessKeys: `
    select i.indrelid::bigint as relation, (select x.relname from pg_class x where x.oid = i.indexrelid) as name,
      exists (select from pg_constraint c where c.conindid = i.indexrelid and c.conrelid = i.indrelid and c.contype in ('p', 'u', 'x')) as constraint,
      i.indisprimary as primary, 0 = any (i.all_keys) as expression, k.columns, coalesce(k.unguessable, false) as unguessable
    from ukey i,
      lateral (
        select coalesce(json_agg(a.attname), '[]') as columns, bool_or(a.atttypid = 'uuid'::regtype) as unguessable
        from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any (i.keys)) k
    where not i.has_tenant and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)`,

  unpairedKeys: `
    select con.conrelid::bigint as relation, con.conname as name, con.confrelid::bigint as target,
      array(select a.attname from unnest(con.conkey) with ordinality k(n, i) join pg_attribute a on a.attrelid = con.conrelid and a.attnum = k.n order by k.i) as columns,
      array(select a.attname from unnest(con.confkey) with ordinality k(n, i) join pg_attribute a on a.attrelid = con.confrelid and a.attnum = k.n order by k.i) as "targetColumns",
      con.conkey = array[t.attnum] as "tenantOnly"
    from pg_constraint con join rel t on t.oid = con.conrelid left join rel u on u.oid = con.confrelid
    where con.contype = 'f' and con.conparentid = 0 and (t.attnum is not null or u.attnum is not null)
      and con.confkey[array_position(con.conkey, t.attnum)] is distinct from coalesce(u.attnum, -1)`,

  functions: `
    select p.oid::bigint, n.nspname as schema, p.proname as name, p.oid::regprocedure::text as signature,
      p.prosecdef as definer, p.proleakproof as leakproof, p.provolatile as volatility, l.lanname as language,
      l.lanpltrusted or l.lanname in ('c', 'internal') as "trustedLanguage",
      (select substr(entry, 13) from unnest(p.proconfig) entry where entry like 'search\\_path=%') as "searchPath",
      to_jsonb(p) ->> 'prosqlbody' is not null as "boundBody",
      p.proowner::bigint as owner, r.rolname as "ownerName", r.rolsuper or r.rolbypassrls as "ownerPrivileged", r.rolcanlogin as "ownerLogin",
      exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.privilege_type = 'EXECUTE' and ${toMe}) as executable,
      p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as "isTrigger", e.extname as extension, md5(coalesce({{body}}, p.prosrc)) as md5
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang join pg_roles r on r.oid = p.proowner
      left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
      left join pg_extension e on e.oid = d.refobjid
    where p.prosecdef or (p.proleakproof and p.oid >= 16384) or p.proname = any ($3) and n.nspname <> 'pg_catalog'
      or not (l.lanpltrusted or l.lanname in ('c', 'internal'))`,

  // An equality of somebody's own for types of PostgreSQL's own: what a policy could be compiled with by mistake.
  equalityOperators: `
    select o.oid::regoperator::text as signature from pg_operator o
    where o.oprname = '=' and o.oid >= 16384 and o.oprleft between 1 and 16383 and o.oprright between 1 and 16383
      and not exists (select from pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e')`,

  extensions: `select extname as name, extversion as version from pg_extension`,

  publications: `
    select p.pubname as name, p.puballtables as "allTables", array(select s.relation from sent s where s.publication = p.oid) as relations,
      array(select s.relation from sent s where s.publication = p.oid and s.filtered) as filtered
    from pg_publication p`,

  parameters: `{{parameters}}`,
};

/** `sent`: which publication sends which table, and whether filtered. Row filters and schemas came with 15. */
export function publicationCte(versionNum: number): string {
  const tables = `select pr.prpubid as publication, pr.prrelid::bigint as relation, to_jsonb(pr) ->> 'prqual' is not null as filtered from pg_publication_rel pr`;
  const schemas = `select pn.pnpubid, c.oid::bigint, false from pg_publication_namespace pn join pg_class c on c.relnamespace = pn.pnnspid and c.relkind in ('r', 'p')`;
  return versionNum >= 150_000 ? `sent as (${tables} union all ${schemas})` : `sent as (${tables})`;
}

/** What the server is, as far as the text of the statement depends on it. */
export interface Server {
  readonly versionNum: number;
  /** A hardened server may have taken the list of large objects from everybody. */
  readonly listsLargeObjects: boolean;
}

/** Text that differs between servers. */
export function serverParts({ versionNum, listsLargeObjects }: Server): Readonly<Record<string, string>> {
  return {
    body: versionNum >= 140_000 ? 'pg_get_function_sqlbody(p.oid)' : 'null',
    parameters:
      versionNum >= 150_000
        ? `select q.parname as name, a.privilege_type as privilege, a.grantee::bigint from pg_parameter_acl q, aclexplode(q.paracl) a where ${toMe}`
        : `select null::text as name, null::text as privilege, null::bigint as grantee where false`,
    largeObjects: listsLargeObjects
      ? `select (select count(*) from pg_largeobject_metadata) as count,
           array(
             select l.oid::bigint from pg_largeobject_metadata l
             where l.lomowner in (select oid from reach) or exists (select from aclexplode(l.lomacl) a where ${toMe})
             limit 20) as reached`
      : `select null::bigint as count, array[]::bigint[] as reached`,
  };
}
