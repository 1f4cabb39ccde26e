import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { LimitStore } from '../../src/drivers/limit-store.ts';
import { openMemoryLimits } from '../../src/drivers/memory/limits.ts';
import { openPostgresLimits } from '../../src/drivers/postgres/limits.ts';
import { openRedisLimits } from '../../src/drivers/redis/limits.ts';
import { newTestDatabase, type TestDatabase } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

const tableFile = join(import.meta.dirname, '../../sql/control/0012_rate_limit.sql');

/** The same tests on every store of limits. `clusters` is Redis as a cluster is spoken to, on one server. */
export function describeOnEachLimitStore(title: string, body: (store: () => LimitStore) => void): void {
  describe(`${title} (memory)`, () => {
    const store = openMemoryLimits();
    body(() => store);
  });
  for (const topology of ['single', 'cluster'] as const)
    describeWith('valkey', `${title} (Valkey, ${topology})`, (url) => {
      let store: LimitStore;
      beforeAll(() => {
        store = openRedisLimits({ name: 'limits', url, timeoutMs: 10_000, topology });
      });
      afterAll(() => store.close());
      body(() => store);
    });
  describeWith('postgres', `${title} (PostgreSQL)`, (url) => {
    let database: TestDatabase;
    let store: LimitStore;
    beforeAll(async () => {
      database = await newTestDatabase(url);
      await database.root.script('create schema bulkhead');
      await database.root.script(await readFile(tableFile, 'utf8'));
      store = openPostgresLimits(database.root);
    });
    afterAll(async () => {
      await store.close();
      await database[Symbol.asyncDispose]();
    });
    body(() => store);
  });
}
