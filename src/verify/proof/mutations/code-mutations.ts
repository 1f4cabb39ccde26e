import type { Mutation, Parts } from './mutation.ts';

/** Views, functions and triggers that see more than who calls them. */
export function codeMutations(p: Parts): readonly Mutation[] {
  return [...viewMutations(p), ...functionMutations(p)];
}

function viewMutations(p: Parts): Mutation[] {
  const view = (name: string, options: string): Mutation => ({
    name,
    attack: 'A8',
    expect: 'S09',
    sql: `create view ${p.mutant('view')} ${options} as select * from ${p.table}; grant select on ${p.mutant('view')} to ${p.role}`,
  });
  const wrapper = `create foreign data wrapper mutant_wrapper; create server mutant_server foreign data wrapper mutant_wrapper`;
  return [
    view('a view reads as its owner', ''),
    view('a view says security_invoker = false', 'with (security_invoker = false)'),
    view('a view has a security barrier and reads as its owner', 'with (security_barrier = true)'),
    {
      name: 'a materialized view holds rows of all tenants',
      attack: 'A9',
      expect: 'S10',
      sql: `create materialized view ${p.mutant('copy')} as select * from ${p.table}; grant select on ${p.mutant('copy')} to ${p.role}`,
    },
    {
      name: 'a foreign table can be read',
      attack: 'A9',
      expect: 'S10',
      sql: `${wrapper}; create foreign table ${p.mutant('foreign')} (${p.tenant} uuid not null) server mutant_server; grant select on ${p.mutant('foreign')} to ${p.role}`,
    },
    {
      name: 'the login may use a foreign server',
      attack: 'A35',
      expect: 'S10',
      sql: `${wrapper}; grant usage on foreign server mutant_server to ${p.role}`,
    },
    {
      name: 'everybody is somebody else on a foreign server',
      attack: 'A35',
      expect: 'S10',
      sql: `${wrapper}; create user mapping for public server mutant_server`,
    },
    {
      name: 'the login may make foreign servers',
      attack: 'A35',
      expect: 'S10',
      sql: `${wrapper}; grant usage on foreign data wrapper mutant_wrapper to ${p.role}`,
    },
  ];
}

function functionMutations(p: Parts): Mutation[] {
  const body = `select count(*) from ${p.table}`;
  const definer = `create function ${p.mutant('count')}() returns bigint language sql stable security definer`;
  const trigger = (options: string): string =>
    `create function ${p.mutant('copy')}() returns trigger language plpgsql ${options} as 'begin return new; end';
     revoke all on function ${p.mutant('copy')}() from public;
     create trigger mutant_copy after insert on ${p.table} for each row execute function ${p.mutant('copy')}()`;
  return [
    {
      name: 'a definer function counts all tenants',
      attack: 'A10',
      expect: 'S11',
      sql: `${definer} set search_path = pg_catalog, pg_temp as '${body}'`,
    },
    {
      name: 'a definer function has no search_path',
      attack: 'A11',
      expect: 'S11',
      sql: `${definer} as '${body}'`,
    },
    {
      name: 'a definer function is bound to its names',
      attack: 'A10',
      expect: 'S11',
      sql: `${definer} begin atomic ${body}; end`,
    },
    {
      name: 'a definer procedure is there for everybody',
      attack: 'A10',
      expect: 'S11',
      sql: `create procedure ${p.mutant('wipe')}() language sql security definer as 'delete from ${p.table}'`,
    },
    { name: 'a trigger writes as its owner', attack: 'A23', expect: 'S12', sql: trigger('security definer') },
    {
      name: 'a rule copies rows elsewhere',
      attack: 'A23',
      expect: 'S12',
      sql: `create table ${p.mutant('log')} (body text); create rule mutant_log as on insert to ${p.table} do also insert into ${p.mutant('log')} values (new.${p.column}::text)`,
    },
    {
      name: 'a function is LEAKPROOF',
      attack: 'A18',
      expect: 'S17',
      sql: `create function ${p.mutant('peek')}(text) returns boolean language plpgsql immutable leakproof cost 0.0001 as 'begin raise notice ''%'', $1; return true; end'`,
    },
    {
      name: 'an untrusted language is there for everybody',
      attack: 'A30',
      expect: 'S14',
      sql: `create function ${p.mutant('shell')}() returns integer language plpgsql as 'begin return 1; end';
            update pg_language set lanpltrusted = false where lanname = 'plpgsql'`,
    },
  ];
}
