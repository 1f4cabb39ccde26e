import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { SqlError } from '../../../src/drivers/sql.ts';
import { engines, type TestDatabase } from './support/databases.ts';
import { folderOf } from './support/folders.ts';
import { createTenant, type Tenant } from './support/tenants.ts';

const folder = folderOf(
  `create table folder (id uuid primary key, name text not null unique);
  create table note (
    id uuid primary key,
    folder uuid references folder on delete cascade,
    body text not null,
    number int unique
  );
  create view long_note as select * from note where length(body) > 3;
  create function note_count() returns bigint language sql stable as $$ select count(*) from note $$;
  create table day (id uuid, at date, primary key (id, at)) partition by range (at);
  create table day_all partition of day default;
  -- bulkhead: shared
  create table country (code text primary key);
  insert into country values ('CH'), ('FR');`,
);
const [one, two] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];

async function stateOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof SqlError ? error.sqlState : String(error)),
  );
}

describe.each(engines)('two tenants in one schema on $name', (engine) => {
  let database: TestDatabase;
  let ada: Tenant;
  let bob: Tenant;
  beforeAll(async () => {
    database = await engine.open();
    const { migrations } = await compileMigrations(database.admin, [folder]);
    const shared = await database.createContainer('shared');
    await applyMigrations(database.admin, { ...shared, migrations });
    ada = await createTenant(database.admin, shared);
    bob = await createTenant(database.admin, shared);
    // The very same ids and names: what one has must neither help nor hinder the other.
    for (const tenant of [ada, bob]) {
      await tenant.run(`insert into folder (id, name) values ($1, 'inbox')`, [one]);
      await tenant.run(`insert into note (id, folder, body, number) values ($1, $1, $2, 7)`, [
        one,
        `of ${tenant.id}`,
      ]);
      await tenant.run(`insert into day (id, at) values ($1, '2026-01-01')`, [one]);
    }
    await bob.run(`insert into folder (id, name) values ($1, 'only bob has this')`, [two]);
    await bob.run(`insert into note (id, body, number) values ($1, 'bob alone', 8)`, [two]);
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test('read their own rows, by table, view, function and partitioned table', async () => {
    await expect(ada.run('select body from note')).resolves.toEqual([{ body: `of ${ada.id}` }]);
    await expect(ada.run('select body from long_note')).resolves.toEqual([{ body: `of ${ada.id}` }]);
    await expect(ada.run('select note_count()::int as n')).resolves.toEqual([{ n: 1 }]);
    await expect(ada.run('select count(*)::int as n from day')).resolves.toEqual([{ n: 1 }]);
    await expect(ada.run('select body from note where tenant_id = $1', [bob.id])).resolves.toEqual([]);
    await expect(bob.run('select count(*)::int as n from note')).resolves.toEqual([{ n: 2 }]);
  });

  test('cannot reach a partition past its table', async () => {
    expect(await stateOf(ada.run('select * from day_all'))).toBe('42501');
  });

  test('cannot write a row of the other', async () => {
    const insert = 'insert into note (tenant_id, id, body) values ($1, gen_random_uuid(), $2)';
    expect(await stateOf(ada.run(insert, [bob.id, 'planted']))).toBe('42501');
    expect(await stateOf(ada.run('update note set tenant_id = $1', [bob.id]))).toBe('42501');
    await expect(ada.run(`update note set body = 'mine' where id = $1 returning id`, [two])).resolves.toEqual(
      [],
    );
    await expect(ada.run('delete from note where id = $1 returning id', [two])).resolves.toEqual([]);
    await expect(bob.run('select body from note where id = $1', [two])).resolves.toEqual([
      { body: 'bob alone' },
    ]);
  });

  test('learn nothing from unique keys: what the other has is free', async () => {
    await ada.run(`insert into folder (id, name) values ($1, 'only bob has this')`, [two]);
    await expect(
      ada.run(
        `insert into note (id, body, number) values ($1, 'x', 8) on conflict (tenant_id, number) do nothing returning id`,
        [two],
      ),
    ).resolves.toEqual([{ id: two }]);
    await ada.run('delete from note where id = $1', [two]);
    await ada.run('delete from folder where id = $1', [two]);
  });

  test('learn nothing from foreign keys: a row of the other cannot be referred to', async () => {
    const refer = 'insert into note (id, folder, body) values (gen_random_uuid(), $1, $2)';
    expect(await stateOf(ada.run(refer, [two, 'x']))).toBe('23503');
    expect(await stateOf(ada.run(refer, ['00000000-0000-4000-8000-00000000dead', 'x']))).toBe('23503');
  });

  test('a cascade stays with its tenant', async () => {
    await ada.run('delete from folder where id = $1', [one]);
    await expect(ada.run('select * from note')).resolves.toEqual([]);
    await expect(bob.run('select count(*)::int as n from note')).resolves.toEqual([{ n: 2 }]);
  });

  test('read shared tables and never write them', async () => {
    await expect(ada.run('select code from country order by code')).resolves.toEqual([
      { code: 'CH' },
      { code: 'FR' },
    ]);
    expect(await stateOf(ada.run(`insert into country values ('DE')`))).toBe('42501');
    expect(await stateOf(ada.run('delete from country'))).toBe('42501');
    expect(await stateOf(ada.run(`update country set code = 'XX'`))).toBe('42501');
  });

  test('have no more than DML', async () => {
    for (const statement of [
      'truncate note',
      'alter table note disable row level security',
      'drop policy bulkhead_wall on note',
      'create policy mine on note using (true)',
      'create table mine (x int)',
      'alter table note add column x int',
      'create trigger t before insert on note for each row execute function suppress_redundant_updates_trigger()',
    ])
      expect([statement, await stateOf(ada.run(statement))]).toEqual([statement, '42501']);
  });

  test('without a capability there is nothing', async () => {
    const { rows } = await database.admin.query<{ role: string }>(
      `select grantee as role from information_schema.role_table_grants where table_name = 'note' and privilege_type = 'INSERT' and grantee like 'bht%'`,
    );
    const role = rows[0]?.role ?? '';
    const found = await database.admin.transaction(async (tx) => {
      await tx.script(`set local role ${role}; set local search_path to shared`);
      return (await tx.query('select * from note')).rows;
    });
    expect(found).toEqual([]);
    const insert = database.admin.transaction(async (tx) => {
      await tx.script(`set local role ${role}; set local search_path to shared`);
      await tx.query(`insert into note (id, body) values (gen_random_uuid(), 'of nobody')`);
    });
    expect(['42501', '23502']).toContain(await stateOf(insert));
  });
});
