import { z } from 'zod';
import type { RowsHandle } from '../../compartments/rows/rows.ts';

const Role = z.object({
  name: z.string(),
  superuser: z.boolean(),
  bypassesRls: z.boolean(),
  createsRoles: z.boolean(),
  createsDatabases: z.boolean(),
  replicates: z.boolean(),
});
export type SeatRole = z.output<typeof Role>;

const Seat = z.object({
  /** Who logged in. */
  login: Role,
  /** Who statements run as. */
  acting: Role,
  /** Every role the login is a member of, however far away. */
  memberOf: z.array(Role),
  owned: z.array(z.string()),
  /** Tables it may touch. */
  reachable: z.number(),
  /** Of these, tables that it may write and no forced row-level security guards. */
  unwalled: z.array(z.string()),
  versionNumber: z.number(),
  version: z.string(),
  extensions: z.record(z.string(), z.string()),
  /** What `create extension` would install. */
  availableVector: z.string().nullable(),
  settings: z.record(z.string(), z.string()),
  clockMs: z.number(),
});

/** The database as a tenant's statement sees it: from the seat of whoever would attack it. */
export type Seat = z.output<typeof Seat>;

export async function readSeat(rows: RowsHandle): Promise<Seat> {
  const [row] = await rows.sql`
    with recursive member as (
      select oid, rolname from pg_catalog.pg_roles where rolname = session_user
      union
      select r.oid, r.rolname
        from member m
        join pg_catalog.pg_auth_members a on a.member = m.oid
        join pg_catalog.pg_roles r on r.oid = a.roleid
    ), described as (
      select oid, rolname, jsonb_build_object(
          'name', rolname, 'superuser', rolsuper, 'bypassesRls', rolbypassrls, 'createsRoles', rolcreaterole,
          'createsDatabases', rolcreatedb, 'replicates', rolreplication) as role
        from pg_catalog.pg_roles
    ), reach as (
      select c.oid::regclass::text as name, c.relrowsecurity and c.relforcerowsecurity as walled,
             has_table_privilege(c.oid, 'insert, update, delete, truncate') as writable
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema$)'
         and has_schema_privilege(n.oid, 'usage')
         and has_table_privilege(c.oid, 'select, insert, update, delete, truncate')
    )
    select jsonb_build_object(
      'login', (select role from described where rolname = session_user),
      'acting', (select role from described where rolname = current_user),
      'memberOf', coalesce((select jsonb_agg(d.role order by d.rolname)
          from described d join member m on m.oid = d.oid where d.rolname <> session_user), '[]'),
      'owned', coalesce((select jsonb_agg(o.name) from (
          select c.oid::regclass::text as name, c.relowner as owner from pg_catalog.pg_class c
          union all select 'schema ' || n.nspname, n.nspowner from pg_catalog.pg_namespace n
          union all select 'function ' || p.oid::regprocedure::text, p.proowner from pg_catalog.pg_proc p
          union all select 'database ' || b.datname, b.datdba from pg_catalog.pg_database b
        ) o join described d on d.oid = o.owner where d.rolname = current_user), '[]'),
      'reachable', (select count(*) from reach),
      'unwalled', coalesce((select jsonb_agg(name order by name) from reach where writable and not walled), '[]'),
      'versionNumber', current_setting('server_version_num')::integer,
      'version', current_setting('server_version'),
      'extensions', coalesce((select jsonb_object_agg(extname, extversion) from pg_catalog.pg_extension), '{}'),
      'availableVector', (select default_version from pg_catalog.pg_available_extensions where name = 'vector'),
      'settings', (select jsonb_object_agg(name, setting) from pg_catalog.pg_settings where name in (
          'log_statement', 'log_parameter_max_length', 'log_min_duration_statement', 'wal_level', 'fsync',
          'full_page_writes', 'synchronous_commit', 'max_connections', 'superuser_reserved_connections',
          'reserved_connections', 'password_encryption', 'row_security', 'track_activities')),
      'clockMs', extract(epoch from clock_timestamp()) * 1000
    ) as seat`;
  return Seat.parse(row?.['seat']);
}
