import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import { defaultPlans } from '../../src/registry/default-plans.ts';
import { controlMigrationsDir, installRegistry } from '../../src/registry/install.ts';
import { describeRegistry, openNode, operator } from './support.ts';

async function refusalOf(pending: Promise<unknown>): Promise<unknown> {
  return pending.then(
    () => 'accepted',
    (error: unknown) => (isBulkheadError(error) ? error.code : error),
  );
}

let folder: string;
let shipped: number;
beforeAll(async () => {
  shipped = (await readdir(controlMigrationsDir)).length;
  folder = await mkdtemp(join(tmpdir(), 'control-'));
});
afterAll(() => rm(folder, { recursive: true }));

function numbered(number: number, name: string): string {
  return `${String(number).padStart(4, '0')}_${name}.sql`;
}

async function copyMigrations(name: string): Promise<string> {
  const copy = join(folder, name);
  await cp(controlMigrationsDir, copy, { recursive: true });
  return copy;
}

describeRegistry('installing', (dialect) => {
  test('twenty installers at once leave one schema, one installation and each plan once', async () => {
    await using database = await dialect.make();
    const admins = Array.from({ length: 20 }, () => database.connect());
    await Promise.all(admins.map((admin) => installRegistry(admin)));
    const { rows } = await database.admin.query(
      `select (select count(*)::int from bulkhead.control_migration) as migrations,
        (select count(*)::int from bulkhead.installation) as installations,
        (select count(*)::int from bulkhead.plan) as plans`,
    );
    expect(rows).toEqual([{ migrations: shipped, installations: 1, plans: 3 }]);
  });

  test('a second installation changes neither the role prefix nor a plan that the operator edited', async () => {
    await using database = await dialect.make();
    await installRegistry(database.admin);
    const first = await openNode(database.admin);
    const pro = await first.plans.read('pro');
    if (pro === undefined) throw new Error('no plan pro');
    await first.plans.put({ ...pro, priceUsd: '59.00' }, operator);
    await first.close();
    await installRegistry(database.admin);
    const second = await openNode(database.admin);
    expect(second.rolePrefix).toBe(first.rolePrefix);
    expect((await second.plans.read('pro'))?.priceUsd).toBe('59.00');
    await second.close();
  });

  test('the default plans are stored as they are written down', async () => {
    await using database = await dialect.make();
    await installRegistry(database.admin);
    const registry = await openNode(database.admin);
    const plans = await registry.plans.list();
    expect(plans).toEqual(defaultPlans.toSorted((a, b) => a.id.localeCompare(b.id)));
    await registry.close();
  });

  test('a migration that was edited after it was applied is refused; other line ends are not an edit', async () => {
    await using database = await dialect.make();
    const name = `edited-${dialect.name}`;
    const copy = await copyMigrations(name);
    await installRegistry(database.admin, copy);
    const file = join(copy, '0001_registry.sql');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll('\n', '\r\n'));
    expect(await refusalOf(installRegistry(database.admin, copy))).toBe('accepted');
    await writeFile(file, `${text}\n-- one more line\n`);
    expect(await refusalOf(installRegistry(database.admin, copy))).toBe('migration_refused');
  });

  test('a gap in the numbers, and a database newer than the program, are refused', async () => {
    await using database = await dialect.make();
    const gap = await copyMigrations(`gap-${dialect.name}`);
    await writeFile(join(gap, numbered(shipped + 2, 'late')), 'select 1;');
    expect(await refusalOf(installRegistry(database.admin, gap))).toBe('migration_refused');
    const newer = await copyMigrations(`newer-${dialect.name}`);
    await writeFile(join(newer, numbered(shipped + 1, 'more')), 'create table bulkhead.more (id integer);');
    await installRegistry(database.admin, newer);
    expect(await refusalOf(installRegistry(database.admin))).toBe('migration_refused');
  });

  test('a migration that fails leaves nothing behind', async () => {
    await using database = await dialect.make();
    const broken = await copyMigrations(`broken-${dialect.name}`);
    await writeFile(
      join(broken, numbered(shipped + 1, 'broken')),
      'create table bulkhead.half (id integer); select 1/0;',
    );
    await expect(installRegistry(database.admin, broken)).rejects.toThrow();
    const { rows } = await database.admin.query(
      `select count(*)::int as schemas from pg_namespace where nspname = 'bulkhead'`,
    );
    expect(rows).toEqual([{ schemas: 0 }]);
  });
});
