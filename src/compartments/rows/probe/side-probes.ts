import { findCanaries } from '../../../core/canary.ts';
import type { Row } from '../../../drivers/sql.ts';
import { attempted, refusedOnly, undone, type Probe } from './attempt.ts';

/** Ways round the tables: functions, files, statistics, locks and whatever else a database has that has no tenant. */
export const sideProbes: readonly Probe[] = [
  {
    name: 'shadow-a-table',
    attack: 'A11',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`create temporary table documents (content text)`),
  },
  {
    name: 'right-to-create',
    attack: 'A36',
    run: async ({ attacker }) => {
      const [row] = await attacker.sql<{ open: boolean }>`
        select has_database_privilege(current_database(), 'CREATE') or has_database_privilege(current_database(), 'TEMPORARY')
          or exists (select from pg_namespace n where n.nspname !~ '^pg_' and has_schema_privilege(n.oid, 'CREATE')) as open`;
      return row?.open === false ? undefined : 'it may create objects, and with them functions and operators';
    },
  },
  {
    name: 'leakproof-functions',
    attack: 'A18',
    run: async ({ attacker }) => {
      const rows = await attacker.sql`
        select 1 from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where p.proleakproof and n.nspname not in ('pg_catalog', 'information_schema') limit 1`;
      return rows.length === 0 ? undefined : 'a function outside the catalogue is LEAKPROOF';
    },
  },
  {
    name: 'operators-of-somebody',
    attack: 'A24',
    run: async ({ attacker }) => {
      const rows = await attacker.sql`
        select 1 from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
        where o.oprname = '=' and o.oprleft = 'uuid'::regtype and n.nspname <> 'pg_catalog' limit 1`;
      return rows.length === 0 ? undefined : 'there is another = for uuid';
    },
  },
  {
    name: 'statistics-of-columns',
    attack: 'A17',
    run: async ({ attacker, canary }) => {
      const rows = await attacker.sql`
        select coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, '') as content from pg_stats`;
      return hunted(rows, canary.digest);
    },
  },
  {
    name: 'statistics-of-expressions',
    attack: 'A17',
    run: async ({ attacker, canary }) =>
      hunted(
        await attacker.sql`
        select coalesce(most_common_vals::text, '') as content from pg_stats_ext`,
        canary.digest,
      ),
  },
  {
    name: 'raw-statistics',
    attack: 'A17',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`select 1 from pg_statistic limit 1`),
  },
  {
    name: 'copy-out',
    attack: 'A30',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`copy documents to stdout`),
  },
  {
    name: 'read-a-file',
    attack: 'A30',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`select pg_read_file('PG_VERSION')`),
  },
  {
    name: 'list-files',
    attack: 'A30',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`select pg_ls_dir('.')`),
  },
  {
    name: 'large-objects',
    attack: 'A30',
    run: ({ attacker }) =>
      refusedOnly(() => undone(attacker, (tx) => tx.sql`select lo_from_bytea(0, 'probe'::bytea)`)),
  },
  {
    name: 'replication',
    attack: 'A31',
    run: ({ attacker }) =>
      refusedOnly(
        () => attacker.sql`select pg_create_logical_replication_slot('bulkhead_probe', 'pgoutput', true)`,
      ),
  },
  {
    name: 'listen',
    attack: 'A32',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`listen bulkhead_probe`),
  },
  {
    name: 'notify',
    attack: 'A32',
    run: ({ attacker }) =>
      refusedOnly(() => undone(attacker, (tx) => tx.sql`select pg_notify('bulkhead_probe', 'probe')`)),
  },
  {
    name: 'advisory-lock-of-the-session',
    attack: 'A32',
    run: ({ attacker }) =>
      refusedOnly(() =>
        undone(attacker, (tx) => tx.sql`select pg_try_advisory_lock(7), pg_advisory_unlock(7)`),
      ),
  },
  {
    name: 'advisory-lock-of-the-transaction',
    attack: 'A32',
    run: ({ attacker }) =>
      refusedOnly(() => undone(attacker, (tx) => tx.sql`select pg_try_advisory_xact_lock(7)`)),
  },
  {
    name: 'sequences',
    attack: 'A33',
    run: async ({ attacker }) => {
      const rows = await attacker.sql`
        select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where case when c.relkind = 'S' and has_schema_privilege(n.oid, 'USAGE')
          then has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') else false end limit 1`;
      return rows.length === 0 ? undefined : 'a sequence that tenants share tells how much they write';
    },
  },
  {
    name: 'statements-of-others',
    attack: 'A34',
    run: async ({ attacker, canary, target }) => {
      let rows: readonly Row[] = [];
      const refused = await attempted(async () => {
        rows =
          await attacker.sql`select query as content from pg_stat_activity where pid <> pg_backend_pid()`;
        return [];
      });
      const shows = rows.some(({ content }) => String(content).includes(target.victim.tenantId));
      return refused ?? (shows ? 'statements of the victim are on show' : hunted(rows, canary.digest));
    },
  },
  {
    name: 'another-database',
    attack: 'A35',
    run: ({ attacker }) => refusedOnly(() => attacker.sql`select dblink_connect('dbname=postgres')`),
  },
  {
    name: 'foreign-servers',
    attack: 'A9',
    run: async ({ attacker }) => {
      const rows = await attacker.sql`
        select 1 from pg_foreign_server s where has_server_privilege(s.oid, 'USAGE') limit 1`;
      return rows.length === 0 ? undefined : 'a foreign server is in reach';
    },
  },
  {
    name: 'replica-role',
    attack: 'A37',
    run: ({ attacker }) =>
      refusedOnly(() =>
        undone(attacker, (tx) => tx.sql`select set_config('session_replication_role', 'replica', true)`),
      ),
  },
  {
    name: 'names-in-the-catalogue',
    attack: 'A38',
    // Schemas and roles are listed to everybody; they may be counted, but must not say who the customers are.
    run: async ({ attacker, target }) => {
      const { tenantSlug, tenantName } = target.victim;
      const rows = await attacker.sql<{ name: string }>`
        select nspname::text as name from pg_namespace union all select rolname::text from pg_roles union all select datname::text from pg_database`;
      const tells = rows.some(({ name }) => name.includes(tenantSlug) || name.includes(tenantName));
      return tells ? 'a name in the catalogue says who the victim is' : undefined;
    },
  },
  {
    name: 'statement-as-text',
    attack: 'A12',
    run: ({ attacker, canary }) =>
      attempted(async () => {
        const rows = await attacker.sql<{ content: string }>`
          select query_to_xml('select content from documents', true, true, '')::text as content`;
        return rows.filter(({ content }) => findCanaries(content, [canary.digest]).length > 0);
      }),
  },
];

function hunted(rows: readonly Row[], digest: string): string | undefined {
  const text = rows.map(({ content }) => String(content)).join('\n');
  return findCanaries(text, [digest]).length > 0 ? 'the canary stands in it' : undefined;
}
