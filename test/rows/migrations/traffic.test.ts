import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { describeWith } from '../../support/services.ts';
import { openPostgres, type TestDatabase } from './support/databases.ts';
import { folderOf } from './support/folders.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describeWith('postgres', 'a migration under traffic', (url) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openPostgres(url);
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test('gives up its place in the queue instead of holding everybody up, and gets through in the end', async () => {
    const container = await database.createContainer('shared');
    const { migrations } = await compileMigrations(database.admin, [
      folderOf('create table note (id uuid primary key);', 'alter table note add column body text;'),
    ]);
    await applyMigrations(database.admin, { ...container, migrations, upTo: 1 });
    const [slow, traffic] = [database.openNode(), database.openNode()];
    const reading = { done: false };
    // A report that reads the table for three seconds: the migration needs a lock that this one keeps from it.
    const report = slow.transaction(async (tx) => {
      await tx.query('select count(*) from shared.note');
      await sleep(3_000);
      reading.done = true;
    });
    await sleep(100);
    const migration = applyMigrations(database.admin, { ...container, migrations });
    const waits: number[] = [];
    while (!reading.done) {
      const begun = performance.now();
      await traffic.query('select count(*) from shared.note');
      waits.push(performance.now() - begun);
      await sleep(10);
    }
    await report;
    expect((await migration).applied.length).toBe(1);
    for (const node of [slow, traffic]) await node.close();
    expect(waits.length).toBeGreaterThan(10);
    // Without the timeout a single query would have waited for all three seconds.
    expect(Math.max(...waits)).toBeLessThan(1_800);
  });
});
