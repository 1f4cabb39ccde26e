import type { Mutation, Parts } from './mutation.ts';

const key = (name: string, sql: string): Mutation => ({ name, attack: 'A20', expect: 'S15', sql });

const future = (name: string, sql: string): Mutation => ({ name, attack: 'A36', expect: 'S23', sql });

/** Keys that span tenants, and privileges that no policy filters. */
export function keyAndGrantMutations(p: Parts): readonly Mutation[] {
  return [...keyMutations(p), ...grantMutations(p)];
}

function keyMutations(p: Parts): Mutation[] {
  const add = `alter table ${p.table} add column mutant_code text`;
  return [
    key('a unique constraint spans tenants', `${add}, add constraint mutant_key unique (mutant_code)`),
    key('a unique index spans tenants', `${add}; create unique index mutant_key on ${p.table} (mutant_code)`),
    key(
      'a unique index on an expression spans tenants',
      `${add}; create unique index mutant_key on ${p.table} (lower(mutant_code))`,
    ),
    key(
      'a unique index only includes the tenant column',
      `${add}; create unique index mutant_key on ${p.table} (mutant_code) include (${p.tenant})`,
    ),
    key(
      'an exclusion constraint spans tenants',
      `${add}, add constraint mutant_key exclude using btree (mutant_code with =)`,
    ),
    key(
      'a table’s primary key is a number alone',
      `create table ${p.mutant('counted')} (id bigint primary key, ${p.tenant} uuid not null); ${p.walled(p.mutant('counted'))}; ${p.grant(p.mutant('counted'))}`,
    ),
    {
      name: 'a foreign key does not pair the tenant',
      attack: 'A21',
      expect: 'S16',
      sql: `alter table ${p.table} add column mutant_id uuid, add column mutant_parent uuid, add unique (mutant_id);
            alter table ${p.table} add constraint mutant_parent foreign key (mutant_parent) references ${p.table} (mutant_id) on delete cascade`,
    },
    {
      name: 'a foreign key pairs the tenant with something else',
      attack: 'A21',
      expect: 'S16',
      sql: `alter table ${p.table} add column mutant_id uuid, add column mutant_other uuid, add unique (mutant_id, ${p.tenant});
            alter table ${p.table} add constraint mutant_parent foreign key (${p.tenant}, mutant_other) references ${p.table} (mutant_id, ${p.tenant})`,
    },
    {
      name: 'a foreign key asks a hidden table',
      attack: 'A21',
      expect: 'S16',
      sql: `create table ${p.mutant('secret')} (code text primary key);
            ${add} references ${p.mutant('secret')}`,
    },
  ];
}

function grantMutations(p: Parts): Mutation[] {
  const grant = (privilege: string, attack: string, to = p.role): Mutation => ({
    name: `${to === p.role ? 'the login' : to} has ${privilege} on a tenant table`,
    attack,
    expect: 'S13',
    sql: `grant ${privilege} on ${p.table} to ${to}`,
  });
  const database = (privilege: string): string =>
    `do $$ begin execute format('grant ${privilege} on database %I to ${p.role}', current_database()); end $$`;
  return [
    grant('truncate', 'A22'),
    grant('truncate', 'A22', 'public'),
    grant('references', 'A22'),
    grant('trigger', 'A22'),
    grant('maintain', 'A22'),
    {
      name: 'the login may refer to one column',
      attack: 'A22',
      expect: 'S13',
      sql: `grant references (${p.column}) on ${p.table} to ${p.role}`,
    },
    {
      name: 'the login may hand on what it was given',
      attack: 'A22',
      expect: 'S13',
      sql: `grant select on ${p.table} to ${p.role} with grant option`,
    },
    {
      name: 'the tenant column can be updated',
      attack: 'A7',
      expect: 'S27',
      sql: `grant update on ${p.table} to ${p.role}`,
    },
    {
      name: 'the tenant column alone can be updated',
      attack: 'A7',
      expect: 'S27',
      sql: `grant update (${p.tenant}) on ${p.table} to public`,
    },
    {
      name: 'the login may create in the schema',
      attack: 'A24',
      expect: 'S14',
      sql: `grant create on schema ${p.schema} to ${p.role}`,
    },
    {
      name: 'everybody may create in the schema',
      attack: 'A39',
      expect: 'S14',
      sql: `grant create on schema ${p.schema} to public`,
    },
    { name: 'the login may create schemas', attack: 'A17', expect: 'S14', sql: database('create') },
    { name: 'the login may make temporary tables', attack: 'A11', expect: 'S14', sql: database('temporary') },
    future('future tables are granted', `alter default privileges grant select on tables to ${p.role}`),
    future(
      'future tables of a schema are granted',
      `alter default privileges in schema ${p.schema} grant insert on tables to public`,
    ),
    future('future sequences are granted', `alter default privileges grant usage on sequences to ${p.role}`),
  ];
}
