import type { Mutation, Parts } from './mutation.ts';

const preset = (name: string, sql: string): Mutation => ({ name, attack: 'A27', expect: 'S18', sql });

const database = (change: string): string =>
  `do $$ begin execute format('alter database %I ${change}', current_database()); end $$`;

/** The wall is not the wall, or the context is not the context. */
export function policyMutations(p: Parts): readonly Mutation[] {
  return [...wallMutations(p), ...contextMutations(p)];
}

function wallMutations(p: Parts): Mutation[] {
  const wall = (name: string, attack: string, definition: string): Mutation => ({
    name,
    attack,
    expect: 'S06',
    sql: p.replaceWall(definition),
  });
  return [
    { name: 'the wall is gone', attack: 'A5', expect: 'S06', sql: `drop policy ${p.wall} on ${p.table}` },
    wall('the wall lets everything through', 'A5', `as restrictive using (true) with check (true)`),
    wall(
      'the wall is permissive, so other policies widen it',
      'A5',
      `using (${p.own}) with check (${p.own})`,
    ),
    wall('the wall stands for SELECT only', 'A7', `as restrictive for select using (${p.own})`),
    wall(
      'the wall stands for one role only',
      'A16',
      `as restrictive to ${p.role} using (${p.own}) with check (${p.own})`,
    ),
    wall(
      'the wall has an escape hatch',
      'A6',
      `as restrictive using (${p.own} or current_setting('app.admin', true) = 'on') with check (${p.own})`,
    ),
    wall('rows can be written for other tenants', 'A7', `as restrictive using (${p.own}) with check (true)`),
    wall(
      'rows without a tenant belong to everybody',
      'A13',
      `as restrictive using (${p.own} or ${p.tenant} is null) with check (${p.own})`,
    ),
    wall(
      'no context means every tenant',
      'A27',
      `as restrictive using (${p.tenant} = coalesce((select ${p.context}), ${p.tenant})) with check (${p.own})`,
    ),
    wall(
      'the wall stops everybody but the tenant',
      'A5',
      `as restrictive using (${p.tenant} <> (select ${p.context}))`,
    ),
    wall(
      'the wall compares only the beginning of the id',
      'A6',
      `as restrictive using (left(${p.tenant}::text, 8) = left((select ${p.context})::text, 8))`,
    ),
    wall(
      'the wall asks a table of memberships',
      'A26',
      `as restrictive using (exists (select from ${p.table} other where other.${p.tenant} = (select ${p.context})))`,
    ),
    {
      name: 'a policy asks a table that tenants write',
      attack: 'A26',
      expect: 'S25',
      sql: `create table ${p.mutant('member')} (${p.tenant} uuid not null, id uuid not null, primary key (${p.tenant}, id));
            ${p.walled(p.mutant('member'))}; ${p.grant(p.mutant('member'))};
            create policy mutant_member on ${p.table} as restrictive using (exists (select from ${p.mutant('member')}))`,
    },
    {
      name: 'the wall was compiled with somebody else’s equality',
      attack: 'A24',
      expect: 'S06',
      sql: `${equality(p)}; ${p.replaceWall(`as restrictive using (${p.tenant} operator(${p.schema}.=) (select ${p.context}))`)}`,
    },
    { name: 'equality of uuids is redefined', attack: 'A24', expect: 'S17', sql: equality(p) },
    {
      name: 'a partition has row-level security and no wall',
      attack: 'A12',
      expect: 'S06',
      sql: `create table ${p.mutant('child')} () inherits (${p.table}); alter table ${p.mutant('child')} enable row level security, force row level security;
            create policy mutant_all on ${p.mutant('child')} using (true); grant select on ${p.mutant('child')} to ${p.role}`,
    },
  ];
}

function equality(p: Parts): string {
  return `create function ${p.mutant('same')}(uuid, uuid) returns boolean language sql immutable as 'select true';
          create operator ${p.schema}.= (leftarg = uuid, rightarg = uuid, function = ${p.mutant('same')})`;
}

function contextMutations(p: Parts): Mutation[] {
  const alter = (name: string, attack: string, change: string): Mutation => ({
    name,
    attack,
    expect: 'S08',
    sql: `alter function ${p.contextFunction} ${change}`,
  });
  return [
    alter('the context function is IMMUTABLE', 'A14', 'immutable'),
    alter('the context function is VOLATILE', 'A14', 'volatile'),
    alter('the context function has no search_path', 'A11', 'reset search_path'),
    alter('the context function is LEAKPROOF', 'A18', 'leakproof'),
    alter('the login owns the context function', 'A10', `owner to ${p.role}`),
    alter('a superuser owns the context function', 'A10', 'owner to current_user'),
    {
      name: 'the context function reads the search path of a temporary table',
      attack: 'A11',
      expect: 'S11',
      sql: `alter function ${p.contextFunction} set search_path = pg_catalog`,
    },
    {
      name: 'the context function has another body',
      attack: 'A10',
      expect: 'S11',
      sql: `update pg_proc set prosrc = replace(prosrc, 'begin', 'begin -- looks the same') where oid = '${p.contextFunction}'::regprocedure`,
    },
    preset('the login has a tenant by default', `alter role ${p.role} set ${p.contextSetting} = 'x'`),
    preset('the database has a tenant by default', database(`set ${p.contextSetting} = ''x''`)),
    preset(
      'the login has a tenant by default in this database',
      `do $$ begin execute format('alter role ${p.role} in database %I set ${p.contextSetting} = ''x''', current_database()); end $$`,
    ),
    preset('sessions begin with a tenant', `set ${p.contextSetting} = 'x'`),
    preset(
      'triggers and keys are off by default',
      `alter role ${p.role} set session_replication_role = replica`,
    ),
  ];
}
