import type { Mutation, Parts } from './mutation.ts';

const member = (options: string): string => `create role mutant_admin nologin bypassrls; ${options}`;

/** The login becomes stronger, or owns something. */
export function roleMutations(p: Parts): readonly Mutation[] {
  return [
    { name: 'the login is a superuser', attack: 'A1', expect: 'S01', sql: `alter role ${p.role} superuser` },
    {
      name: 'the login bypasses row-level security',
      attack: 'A1',
      expect: 'S01',
      sql: `alter role ${p.role} bypassrls`,
    },
    { name: 'the login may make roles', attack: 'A3', expect: 'S01', sql: `alter role ${p.role} createrole` },
    {
      name: 'the login may make databases',
      attack: 'A1',
      expect: 'S01',
      sql: `alter role ${p.role} createdb`,
    },
    {
      name: 'the login may replicate',
      attack: 'A31',
      expect: 'S01',
      sql: `alter role ${p.role} replication`,
    },
    {
      name: 'a NOINHERIT login is in a role that bypasses row-level security',
      attack: 'A3',
      expect: 'S01',
      sql: member(`alter role ${p.role} noinherit; grant mutant_admin to ${p.role}`),
    },
    {
      name: 'a role that bypasses row-level security is two memberships away',
      attack: 'A3',
      expect: 'S01',
      sql: member(
        `create role mutant_staff nologin; grant mutant_admin to mutant_staff; grant mutant_staff to ${p.role}`,
      ),
    },
    {
      name: 'the login may SET ROLE to a bypassing role without inheriting it',
      attack: 'A16',
      expect: 'S01',
      sql: member(`grant mutant_admin to ${p.role} with inherit false, set true`),
    },
    {
      name: 'the login may give itself a bypassing role',
      attack: 'A3',
      expect: 'S01',
      sql: member(`grant mutant_admin to ${p.role} with admin true, inherit false, set false`),
    },
    ...['pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_execute_server_program'].map(
      (role): Mutation => ({
        name: `the login is in ${role}`,
        attack: role.includes('server') ? 'A30' : 'A3',
        expect: 'S02',
        sql: `grant ${role} to ${p.role}`,
      }),
    ),
    {
      name: 'the login owns a tenant table',
      attack: 'A2',
      expect: 'S03',
      sql: `alter table ${p.table} owner to ${p.role}`,
    },
    {
      name: 'the login is in the role that owns a tenant table',
      attack: 'A2',
      expect: 'S03',
      sql: `create role mutant_owner nologin; alter table ${p.table} owner to mutant_owner; grant mutant_owner to ${p.role}`,
    },
    {
      name: 'the login owns the schema',
      attack: 'A2',
      expect: 'S03',
      sql: `alter schema ${p.schema} owner to ${p.role}`,
    },
    {
      name: 'the login owns the database',
      attack: 'A2',
      expect: 'S03',
      sql: `do $$ begin execute format('alter database %I owner to ${p.role}', current_database()); end $$`,
    },
  ];
}
