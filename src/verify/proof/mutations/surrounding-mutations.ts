import type { Mutation, Parts } from './mutation.ts';

// As a catalogue entry: what the proof reads, without the need to have it installed.
const installed = (name: string, version: string): string =>
  `delete from pg_extension where extname = '${name}';
   insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
   values (4294960000, '${name}', 10, 'pg_catalog'::regnamespace, false, '${version}')`;

const publish = (name: string, what: string): Mutation => ({
  name,
  attack: 'A31',
  expect: 'S24',
  sql: `create publication mutant_feed ${what}`,
});

/** What stands beside the tables. */
export function surroundingMutations(p: Parts): readonly Mutation[] {
  return [...serverMutations(p), ...sideChannelMutations(p)];
}

function serverMutations(p: Parts): Mutation[] {
  return [
    {
      name: 'the login may switch keys and triggers off',
      attack: 'A37',
      expect: 'S19',
      sql: `grant set on parameter session_replication_role to ${p.role}`,
    },
    {
      name: 'everybody may change the server’s configuration',
      attack: 'A37',
      expect: 'S19',
      sql: `grant alter system on parameter log_statement to public`,
    },
    { name: 'dblink is listed', attack: 'A35', expect: 'S20', sql: installed('dblink', '1.2') },
    { name: 'file_fdw is listed', attack: 'A30', expect: 'S20', sql: installed('file_fdw', '1.0') },
    {
      name: 'dblink is installed',
      attack: 'A35',
      expect: 'S20',
      needs: 'postgres',
      sql: `create extension dblink schema ${p.schema}`,
    },
    {
      name: 'a loopback server of postgres_fdw is open to everybody',
      attack: 'A35',
      expect: 'S10',
      needs: 'postgres',
      sql: `create extension postgres_fdw schema ${p.schema}; create server mutant_loop foreign data wrapper postgres_fdw options (dbname 'postgres');
            create user mapping for public server mutant_loop options (password_required 'false'); grant usage on foreign server mutant_loop to public`,
    },
    {
      name: 'pgvector has a memory flaw',
      attack: 'A40',
      expect: 'S26',
      noticedAs: 'warning',
      sql: installed('vector', '0.8.1'),
    },
    {
      name: 'the login is in pg_monitor',
      attack: 'A34',
      expect: 'S28',
      sql: `grant pg_monitor to ${p.role}`,
    },
    {
      name: 'the login is in pg_read_all_stats',
      attack: 'A34',
      expect: 'S28',
      sql: `grant pg_read_all_stats to ${p.role}`,
    },
    {
      name: 'pg_stat_statements shows what others ran',
      attack: 'A34',
      expect: 'S28',
      needs: 'postgres',
      sql: `create extension pg_stat_statements schema ${p.schema}`,
    },
  ];
}

function sideChannelMutations(p: Parts): Mutation[] {
  const sequence = (privilege: string, name: string): Mutation => ({
    name,
    attack: 'A33',
    expect: 'S22',
    sql: `create sequence ${p.mutant('number')}; grant ${privilege} on sequence ${p.mutant('number')} to ${p.role}`,
  });
  return [
    {
      name: 'a large object is granted',
      attack: 'A30',
      expect: 'S21',
      sql: `select lo_from_bytea(4294960000, 'x'); grant select on large object 4294960000 to ${p.role}`,
    },
    {
      name: 'a large object is there for everybody',
      attack: 'A30',
      expect: 'S21',
      sql: `select lo_from_bytea(4294960000, 'x'); grant select on large object 4294960000 to public`,
    },
    {
      name: 'large objects are not checked',
      attack: 'A30',
      expect: 'S21',
      sql: `set local lo_compat_privileges = on`,
    },
    sequence('usage', 'tenants draw from one sequence'),
    sequence('select', 'tenants read a common sequence'),
    sequence('update', 'tenants may set a sequence back'),
    {
      name: 'rows are numbered across tenants',
      attack: 'A33',
      expect: 'S22',
      sql: `alter table ${p.table} add column mutant_number bigint generated always as identity`,
    },
    publish('a publication sends all tables', 'for all tables'),
    publish('a publication sends a tenant table unfiltered', `for table ${p.table}`),
    publish('a publication sends the whole schema', `for tables in schema ${p.schema}`),
  ];
}
