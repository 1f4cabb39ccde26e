import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import {
  compileMigrations,
  type CompiledMigration,
} from '../../../src/compartments/rows/migrations/compile.ts';
import { pendingContainers } from '../../../src/compartments/rows/migrations/pending.ts';
import { BulkheadError } from '../../../src/core/errors.ts';
import type { AdminDatabase } from '../../../src/drivers/sql.ts';
import { readCatalogue } from './support/catalogue.ts';
import { engines, type TestDatabase } from './support/databases.ts';
import { folderOf, namedFolder } from './support/folders.ts';
import { createTenant } from './support/tenants.ts';

const first = 'create table note (id uuid primary key, body text, rank int);';
const second = `alter table note add column title text not null default 'untitled';
update note set title = upper(body) where body is not null;
create unique index on note (title);`;

async function compile(admin: AdminDatabase, ...texts: string[]): Promise<readonly CompiledMigration[]> {
  return (await compileMigrations(admin, [folderOf(...texts)])).migrations;
}

async function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof BulkheadError ? { code: error.code, ...error.detail } : error;
}

describe.each(engines)('applying migrations on $name', (engine) => {
  let database: TestDatabase;
  let admin: AdminDatabase;
  let next = 0;
  const newContainer = (): ReturnType<TestDatabase['createContainer']> => {
    next += 1;
    return database.createContainer(`tenant_${String(next).padStart(32, '0')}`);
  };
  beforeAll(async () => {
    database = await engine.open();
    admin = database.admin;
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test('applies what is pending, once, in order', async () => {
    const container = await newContainer();
    const all = await compile(admin, first, second);
    const one = await applyMigrations(admin, { ...container, migrations: all, upTo: 1 });
    expect(one.applied).toEqual([{ set: 'app', number: 1 }]);
    const two = await applyMigrations(admin, { ...container, migrations: all });
    expect(two.applied).toEqual([{ set: 'app', number: 2 }]);
    const three = await applyMigrations(admin, { ...container, migrations: all });
    expect(three.applied).toEqual([]);
  });

  test('step by step and all at once make the same tables', async () => {
    const all = await compile(
      admin,
      first,
      second,
      'drop index note_tenant_id_title_idx; alter table note drop column rank;',
    );
    const slow = await newContainer();
    for (const upTo of [1, 2, 3]) await applyMigrations(admin, { ...slow, migrations: all, upTo });
    const fast = await newContainer();
    await applyMigrations(admin, { ...fast, migrations: all });
    const facts = await readCatalogue(admin, slow);
    expect(await readCatalogue(admin, fast)).toEqual(facts);
    expect(facts.columns.length).toBe(4);
  });

  test('all containers get equal tables, whatever their schema is called', async () => {
    const folder = fileURLToPath(new URL('../../../sql/tenant/', import.meta.url));
    const texts = await Promise.all(
      (await readdir(folder)).toSorted().map((file) => readFile(`${folder}${file}`, 'utf8')),
    );
    const migrations = await compile(admin, ...texts);
    const [shared, own, schema] = [
      await database.createContainer('shared'),
      await database.createContainer('tenant'),
      await newContainer(),
    ];
    for (const container of [shared, own, schema]) await applyMigrations(admin, { ...container, migrations });
    const facts = await readCatalogue(admin, shared);
    expect(facts.columns.length).toBeGreaterThan(50);
    expect(await readCatalogue(admin, own)).toEqual(facts);
    expect(await readCatalogue(admin, schema)).toEqual(facts);
  });

  test('changes rows of all tenants, and leaves each row with its own', async () => {
    const container = await newContainer();
    const all = await compile(
      admin,
      first,
      second,
      `alter table note alter column body set not null;
      create table line (id uuid primary key default gen_random_uuid(), note uuid not null references note, body text);
      insert into line (tenant_id, note, body) select tenant_id, id, body from note;
      alter table note add column first_line uuid constraint note_first_line_fkey references line on delete set null;
      update note set first_line = line.id from line where line.tenant_id = note.tenant_id and line.note = note.id;`,
    );
    await applyMigrations(admin, { ...container, migrations: all, upTo: 1 });
    const tenants = [await createTenant(admin, container), await createTenant(admin, container)];
    for (const tenant of tenants)
      await tenant.run(`insert into note (id, body) values ('00000000-0000-4000-8000-000000000001', $1)`, [
        `of ${tenant.id}`,
      ]);
    await applyMigrations(admin, { ...container, migrations: all });
    for (const tenant of tenants) {
      const rows = await tenant.run(
        'select n.title, l.body, l.tenant_id from note n join line l on l.id = n.first_line',
      );
      expect(rows).toEqual([
        { title: `OF ${tenant.id}`.toUpperCase(), body: `of ${tenant.id}`, tenant_id: tenant.id },
      ]);
    }
  });

  test('refuses a file that was edited after it was applied', async () => {
    const container = await newContainer();
    await applyMigrations(admin, { ...container, migrations: await compile(admin, first) });
    const edited = await compile(admin, `${first} -- better`);
    expect(await refusalOf(applyMigrations(admin, { ...container, migrations: edited }))).toMatchObject({
      code: 'migration_refused',
      file: '0001_step.sql',
      reason: expect.stringContaining('edited') as unknown,
    });
    expect(
      (await pendingContainers(admin, edited)).find(({ schema }) => schema === container.schema),
    ).toEqual({
      schema: container.schema,
      missing: 0,
      edited: 1,
    });
  });

  test('refuses a file that comes before one that was applied', async () => {
    const container = await newContainer();
    const all = await compile(admin, first, second);
    await applyMigrations(admin, { ...container, migrations: all });
    await admin.query('delete from bulkhead_wall.migration where schema_name = $1 and number = 1', [
      container.schema,
    ]);
    expect(await refusalOf(applyMigrations(admin, { ...container, migrations: all }))).toMatchObject({
      code: 'migration_refused',
      reason: expect.stringContaining('later migration') as unknown,
    });
  });

  test('leaves a container that a newer version has migrated alone', async () => {
    const container = await newContainer();
    const all = await compile(admin, first, second);
    await applyMigrations(admin, { ...container, migrations: all });
    const old = all.slice(0, 1);
    expect((await applyMigrations(admin, { ...container, migrations: old })).applied).toEqual([]);
  });

  test('a failure in the middle leaves nothing of it, says where, and stays in its container', async () => {
    const [sick, healthy] = [await newContainer(), await newContainer()];
    const all = await compile(admin, first, `create table other (id uuid primary key);\n\n${second}`);
    for (const container of [sick, healthy])
      await applyMigrations(admin, { ...container, migrations: all, upTo: 1 });
    const tenant = await createTenant(admin, sick);
    await tenant.run(
      `insert into note (id, body) values (gen_random_uuid(), 'same'), (gen_random_uuid(), 'same')`,
    );
    const before = await readCatalogue(admin, sick);
    expect(await refusalOf(applyMigrations(admin, { ...sick, migrations: all }))).toMatchObject({
      code: 'migration_refused',
      file: '0002_step.sql',
      line: 5,
      reason: expect.stringContaining(sick.schema) as unknown,
    });
    expect(await readCatalogue(admin, sick)).toEqual(before);
    expect((await applyMigrations(admin, { ...healthy, migrations: all })).applied.length).toBe(1);
    await tenant.run(`update note set body = id::text`);
    expect((await applyMigrations(admin, { ...sick, migrations: all })).applied.length).toBe(1);
  });

  test('twenty nodes that start together apply each file once', async () => {
    const container = await newContainer();
    const all = await compile(admin, first, second);
    const nodes = Array.from({ length: 20 }, () => database.openNode());
    const receipts = await Promise.all(
      nodes.map((node) => applyMigrations(node, { ...container, migrations: all })),
    );
    for (const node of nodes) await node.close();
    const applied = receipts.flatMap((receipt) => receipt.applied.map(({ number }) => number));
    expect(applied.toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  test('sets build on each other and are numbered apart', async () => {
    const container = await newContainer();
    const base = namedFolder('base', 'create table person (id uuid primary key);');
    const app = namedFolder('app', 'create table pet (id uuid primary key, owner uuid references person);');
    const { migrations, tables } = await compileMigrations(admin, [base, app]);
    await applyMigrations(admin, { ...container, migrations });
    expect(tables.map(({ name }) => name)).toEqual(['person', 'pet']);
    const { rows } = await admin.query(
      'select set_name, number from bulkhead_wall.migration where schema_name = $1 order by set_name',
      [container.schema],
    );
    expect(rows).toEqual([
      { set_name: 'app', number: 1 },
      { set_name: 'base', number: 1 },
    ]);
  });

  test('what is compiled is plain data', async () => {
    const compiled = await compileMigrations(admin, [folderOf(first, second)]);
    expect(JSON.parse(JSON.stringify(compiled))).toEqual(compiled);
    expect(Object.isFrozen(compiled.migrations)).toBe(true);
  });

  test('pending containers are those that lack something, and no others', async () => {
    const all = await compile(admin, first, second);
    const [behind, current] = [await newContainer(), await newContainer()];
    await applyMigrations(admin, { ...behind, migrations: all, upTo: 1 });
    await applyMigrations(admin, { ...current, migrations: all });
    const pending = await pendingContainers(admin, all);
    expect(pending.find(({ schema }) => schema === behind.schema)).toEqual({
      schema: behind.schema,
      missing: 1,
      edited: 0,
    });
    expect(pending.find(({ schema }) => schema === current.schema)).toBeUndefined();
  });
});
