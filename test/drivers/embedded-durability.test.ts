import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { lockDataDir } from '../../src/drivers/data-dir-lock.ts';
import { openPglite, type PgliteDatabase } from '../../src/drivers/pglite/database.ts';
import type { TenantDatabase, WallContext } from '../../src/drivers/sql.ts';
import { newFolder } from './support/embedded.ts';
import { installWall, newTenant } from './support/walled-database.ts';

// Instances start and recover in a second or two on an idle machine, and many times that on a busy one.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const writer = fileURLToPath(new URL('support/embedded-writer.ts', import.meta.url));

describe('an embedded database on disk', () => {
  let folder: Awaited<ReturnType<typeof newFolder>>;
  let dataDir: string;

  beforeAll(async () => {
    folder = await newFolder();
    dataDir = join(folder.path, 'a');
    await using database = await openPglite({ store: { dataDir } });
    await database.admin.script('create table t (id int primary key)');
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test('keeps what was committed when its process is killed', async () => {
    for (let round = 0; round < 2; round += 1) {
      const promised = await writeUntilKilled(dataDir);
      await using database = await openPglite({ store: { dataDir } });
      const { rows } = await database.admin.query<{ id: number }>('select id from t order by id');
      expect(promised.length).toBeGreaterThan(5);
      const kept = new Set(rows.map(({ id }) => id));
      expect(promised.filter((id) => !kept.has(id))).toEqual([]);
      await database.admin.query('truncate t');
    }
  });

  test('is refused to a second opener, of this process or another, until it is closed', async () => {
    const first = await openPglite({ store: { dataDir } });
    await expect(openPglite({ store: { dataDir } })).rejects.toMatchObject({ code: 'data_dir_in_use' });
    const child = spawn(process.execPath, [writer, dataDir], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    expect(said).toContain('data_dir_in_use');
    await first.close();
    await using again = await openPglite({ store: { dataDir } });
    expect((await again.admin.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('whose maker died half way is made anew', async () => {
    const other = join(folder.path, 'b');
    await writeFile(`${other}.lock`, JSON.stringify({ pid: 2 ** 22 + 1, started: '', token: 'x' }));
    await using database = await openPglite({ store: { dataDir: other }, database: 'mine' });
    expect((await database.admin.query('select current_database() as d')).rows).toEqual([{ d: 'mine' }]);
  });
});

describe('the lock of a data folder', () => {
  test('of a process that is no more is taken over by exactly one of many', async () => {
    await using folder = await newFolder();
    const dataDir = join(folder.path, 'x');
    const dead = { pid: process.pid, started: 'another boot:1', token: 'old' };
    for (let round = 0; round < 20; round += 1) {
      await writeFile(`${dataDir}.lock`, JSON.stringify(dead));
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir)));
      const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      expect(won).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'data_dir_in_use' });
      await won[0]?.value[Symbol.asyncDispose]();
      await expect(readFile(`${dataDir}.lock`)).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  test('that a crash cut off in the middle is taken over', async () => {
    await using folder = await newFolder();
    const dataDir = join(folder.path, 'x');
    await writeFile(`${dataDir}.lock`, '{"pid": 1');
    await using lock = await lockDataDir(dataDir);
    expect(lock).toBeDefined();
  });
});

describe('a statement that does not end on the embedded database', () => {
  let folder: Awaited<ReturnType<typeof newFolder>>;
  let database: PgliteDatabase;
  let db: TenantDatabase;
  let a: WallContext;

  beforeAll(async () => {
    folder = await newFolder();
    database = await openPglite({ store: { dataDir: join(folder.path, 'a') }, statementTimeoutMs: 20_000 });
    await database.admin.script('create role app nologin; create role wall nologin');
    await installWall(database.admin, { appRole: 'app', wallRole: 'wall' });
    await database.admin.script("alter role app set statement_timeout = '3s'");
    db = database.tenants('app');
    a = await newTenant(database.admin, {});
  });
  afterAll(async () => {
    await database.close();
    await folder[Symbol.asyncDispose]();
  });

  const endless = { text: 'select count(*) from generate_series(1, 2000000000)', values: [] };
  const count = { text: 'select count(*)::int as n from item', values: [] };

  test('is stopped after the role’s timeout; nothing committed is lost and those waiting are served', async () => {
    const running = db.run(a, endless);
    const stopped = expect(running).rejects.toMatchObject({ code: 'statement_timeout' });
    const waiting = db.run(a, count);
    await stopped;
    expect((await waiting).rows).toEqual([{ n: 20 }]);
  });

  test('does not stop the rest of the process meanwhile', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    await expect(db.run(a, endless)).rejects.toMatchObject({ code: 'statement_timeout' });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
  });

  test('takes its transaction with it', async () => {
    await expect(
      db.transaction(a, async (tx) => {
        await tx.run({ text: "insert into item (id, body) values (700, 'x')", values: [] });
        await tx.run(endless);
      }),
    ).rejects.toMatchObject({ code: 'statement_timeout' });
    expect((await db.run(a, count)).rows).toEqual([{ n: 20 }]);
  });
});

/** Starts a process that reports each id it has committed, and kills it in the middle of that. */
async function writeUntilKilled(dataDir: string): Promise<number[]> {
  const child = spawn(process.execPath, [writer, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said.split('\n').length > 20) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.on('close', resolve));
  return said.split('\n').slice(0, -1).map(Number);
}
