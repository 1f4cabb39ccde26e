import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FleetRun, MigrationPlan } from '../../src/fleet/fleet.ts';
import { newTestDatabase } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { runError, runJson, startServer, stopServer, temporaryFolder } from './support/cli.ts';

const slow = 240_000;

describeWith('postgres', 'migrate', (url) => {
  test(
    'lists what it would do, does it in every container, and then has nothing to do',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await using database = await newTestDatabase(url);
      const migrations = join(folder.path, 'migrations');
      await mkdir(migrations);
      const before = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: join(folder.path, 'data') };
      for (const isolation of ['shared', 'schema', 'database'])
        await runJson(
          ['tenant', 'create', `of-${isolation}`, '--plan', 'enterprise', '--isolation', isolation],
          before,
        );
      await writeFile(
        join(migrations, '0001_notes.sql'),
        'create table notes (id uuid primary key, body text not null);',
      );
      const env = { ...before, BULKHEAD_MIGRATIONS_DIR: migrations };

      const plan = await runJson<MigrationPlan>(['migrate', '--dry-run'], env);
      expect(plan.containers.map(({ slug }) => slug ?? 'shared').toSorted()).toEqual([
        'of-database',
        'of-schema',
        'shared',
      ]);
      const { rows: none } = await database.root.query(`select from pg_tables where tablename = 'notes'`);
      expect(none).toHaveLength(0);

      const run = await runJson<FleetRun>(['migrate'], env);
      expect(run).toMatchObject({ state: 'done', counts: { done: 3, failed: 0 }, failed: [] });
      const { rows } = await database.root.query(`select from pg_tables where tablename = 'notes'`);
      expect(rows).toHaveLength(2);
      await expect(runJson(['migrate', '--dry-run'], env)).resolves.toMatchObject({
        containers: [],
        // Rows, memory and vectors: of the shared tenants, in a schema and in a database.
        upToDate: 9,
      });
    },
  );

  test('a file that would break the wall is refused with its line', { timeout: slow }, async () => {
    await using folder = await temporaryFolder();
    await using database = await newTestDatabase(url);
    await writeFile(
      join(folder.path, '0001_bad.sql'),
      '-- a comment\nalter table documents disable row level security;',
    );
    const env = {
      BULKHEAD_DATABASE_URL: database.url,
      BULKHEAD_DATA_DIR: join(folder.path, 'data'),
      BULKHEAD_MIGRATIONS_DIR: folder.path,
    };
    const { code, ended } = await runError(['migrate'], env);
    expect([code, ended.code]).toEqual(['migration_refused', 1]);
    expect(ended.stderr).toContain('0001_bad.sql:2');
  });

  test('pausing after canaries needs canaries', { timeout: slow }, async () => {
    await using folder = await temporaryFolder();
    await using database = await newTestDatabase(url);
    const env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path };
    const { code, hint } = await runError(['migrate', '--pause-after-canary'], env);
    expect([code, hint]).toEqual(['request_invalid', expect.stringContaining('--canary')]);
  });
});

test('a server that has the embedded database open has to be stopped first', { timeout: slow }, async () => {
  await using folder = await temporaryFolder();
  const server = await startServer(folder.path);
  const { code, ended, hint } = await runError(['migrate', '--data-dir', folder.path]);
  expect([code, ended.code]).toEqual(['needs_database', 1]);
  expect(hint).toContain('stop it');
  await stopServer(server);
});
