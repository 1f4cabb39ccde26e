import { hash } from 'node:crypto';
import { attempted, found, refusedOnly, type Probe } from './attempt.ts';

/** Becoming somebody else: another tenant, another role, or nobody. */
export const contextProbes: readonly Probe[] = [
  {
    name: 'forge-context-by-set-config',
    attack: 'A28',
    run: ({ attacker, canary, target }) =>
      attempted(
        () => attacker.sql`
          with forged as materialized (
            select set_config('app.tenant_id', ${target.victim.tenantId}, true), set_config('app.current_tenant', ${target.victim.tenantId}, true)
          )
          select d.id from forged, documents d where d.id = ${canary.id}`,
      ),
  },
  {
    name: 'forge-capability',
    attack: 'A28',
    run: ({ attacker, canary, target }) =>
      attempted(() =>
        attacker.transaction(async (tx) => {
          await tx.sql`select set_config('bulkhead.capability', ${hash('sha256', target.victim.tenantId)}, true)`;
          return await tx.sql`select id from documents where id = ${canary.id}`;
        }),
      ),
  },
  {
    name: 'drop-the-capability',
    attack: 'A27',
    // Without a context there is nothing to see, not even one's own.
    run: ({ attacker, canary }) =>
      attempted(() =>
        attacker.transaction(async (tx) => {
          await tx.sql`select set_config('bulkhead.capability', '', true)`;
          return await tx.sql`select id from documents where id = ${canary.id} or true`;
        }),
      ),
  },
  {
    name: 'turn-row-security-off',
    attack: 'A6',
    run: ({ attacker, canary }) =>
      attempted(() =>
        attacker.transaction(async (tx) => {
          await tx.sql`select set_config('row_security', 'off', true)`;
          return await tx.sql`select id from documents where id = ${canary.id}`;
        }),
      ),
  },
  {
    name: 'become-the-owner',
    attack: 'A3',
    run: ({ attacker, canary }) =>
      attempted(() =>
        attacker.transaction(async (tx) => {
          await tx.sql`select set_config('role', r.rolname, true) from pg_roles r where r.rolsuper limit 1`;
          return await tx.sql`select id from documents where id = ${canary.id}`;
        }),
      ),
  },
  {
    name: 'become-another-session',
    attack: 'A16',
    run: ({ attacker, canary }) =>
      attempted(() =>
        attacker.transaction(async (tx) => {
          await tx.sql`select set_config('session_authorization', r.rolname, true) from pg_roles r where r.rolsuper limit 1`;
          return await tx.sql`select id from documents where id = ${canary.id}`;
        }),
      ),
  },
  {
    name: 'powers-of-the-role',
    attack: 'A1',
    run: async ({ attacker }) => {
      const rows = await attacker.sql`
        with recursive reach as (
          select oid from pg_roles where rolname = current_user
          union select m.roleid from reach join pg_auth_members m on m.member = reach.oid
        )
        select r.rolname from reach join pg_roles r using (oid)
        where r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication`;
      return rows.length === 0 ? undefined : `${rows.length} roles with powers are in reach`;
    },
  },
  {
    name: 'ownership-of-tables',
    attack: 'A2',
    run: async ({ attacker }) => {
      const rows = await attacker.sql`
        select 1 from pg_class c join pg_roles r on r.oid = c.relowner
        where r.rolname = current_user and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') limit 1`;
      return rows.length === 0 ? undefined : 'it owns relations, and an owner can take the wall down';
    },
  },
  {
    name: 'unwalled-relations',
    attack: 'A8',
    // Views, copies and children of the tables, wherever they came from: what can be read must be behind the wall.
    run: async ({ attacker }) => {
      const rows = await attacker.sql`
        select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and has_schema_privilege(n.oid, 'USAGE')
          and has_table_privilege(c.oid, 'SELECT')
          and (c.relkind in ('m', 'f')
            or (c.relkind = 'v' and coalesce('security_invoker=true' <> all (c.reloptions), true)
              and not exists (select from pg_depend e where e.objid = c.oid and e.deptype = 'e'))
            or (c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
              and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)))`;
      return rows.length === 0 ? undefined : `${rows.length} relations are read past the wall`;
    },
  },
  {
    name: 'read-the-capabilities',
    attack: 'A10',
    run: ({ attacker }) =>
      refusedOnly(() => attacker.sql`select digest from bulkhead_wall.capability limit 1`),
  },
  {
    name: 'read-the-registry',
    attack: 'A10',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`select slug from bulkhead.tenant limit 1`),
  },
  {
    name: 'settings-of-the-role',
    attack: 'A27',
    run: async ({ attacker }) =>
      found(
        await attacker.sql`
          select 1 from pg_db_role_setting s, unnest(s.setconfig) c
          where c like 'bulkhead.%' or c like 'app.tenant%' or c like 'app.current_tenant%'`,
      ),
  },
];
