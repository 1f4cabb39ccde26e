import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ReadinessView } from '../../src/client/schemas/readiness.ts';
import type { VerificationDetailView } from '../../src/client/schemas/verifications.ts';
import { newTestDatabase } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { runCli, runError, runJson, startServer, stopServer, temporaryFolder } from './support/cli.ts';

const slow = 300_000;

describeWith('postgres', 'verify, evidence and readiness from the command line', (url) => {
  test(
    'two of one’s own through a server, signed, checked offline, read as a report; a leak ends with 1',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await using database = await newTestDatabase(url);
      const env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path, BULKHEAD_PORT: '0' };
      const server = await startServer(folder.path, env);
      const at = ['--data-dir', folder.path];
      try {
        for (const slug of ['acme', 'globex']) await runJson(['tenant', 'create', slug, ...at], env);
        const pair = ['--tenant', 'acme', '--against', 'globex'];
        const done = await runJson<VerificationDetailView>(['verify', ...pair, ...at], env);
        expect(done).toMatchObject({ state: 'done', verdict: 'held', report: { reasons: [] } });
        expect(done.report?.attacks.filter(({ front }) => front === 'http').length).toBeGreaterThan(10);

        const file = join(folder.path, 'evidence.json');
        await runJson(['evidence', 'make', ...pair, '--nonce', 'asked', '--out', file, ...at], env);
        const { publicKey } = await runJson<{ publicKey: string }>(['evidence', 'key', ...at], env);
        const key = join(folder.path, 'key.pub');
        await writeFile(key, publicKey);
        expect((await stat(join(folder.path, 'evidence-key'))).mode & 0o777).toBe(0o600);
        await stopServer(server);

        // Neither server nor database from here on.
        const offline = { BULKHEAD_DATA_DIR: join(folder.path, 'nothing') };
        const found = await runJson(['evidence', 'verify', file, '--key', key, '--nonce', 'asked'], offline);
        expect(found).toMatchObject({ state: 'genuine', verdict: 'held' });
        expect(
          (await runCli(['evidence', 'verify', file, '--key', key, '--nonce', 'else'], offline)).code,
        ).toBe(1);
        const report = join(folder.path, 'report.html');
        await runJson(['evidence', 'report', file, '--key', key, '--out', report], offline);
        expect(await readFile(report, 'utf8')).toContain('<h1>Evidence of tenant isolation</h1>');
        await writeFile(file, (await readFile(file, 'utf8')).replace('"payload": "e', '"payload": "f'));
        expect((await runCli(['evidence', 'verify', file, '--key', key], offline)).code).toBe(1);
        await expect(runError(['evidence', 'report', file, '--key', key], offline)).resolves.toMatchObject({
          code: 'file_unreadable',
        });

        await database.root.script('alter policy bulkhead_wall on shared.documents using (true)');
        const { code, stdout } = await runCli(['verify', ...pair], env);
        expect(code).not.toBe(0);
        expect(stdout).not.toContain('every one held');
      } finally {
        await stopServer(server);
      }
    },
  );

  test(
    'readiness looks at twelve checks and twenty-one lines, says what does not exist yet, and fails for a fault',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await using database = await newTestDatabase(url);
      const env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path };
      await runJson(['tenant', 'create', 'acme'], env);
      const ready = await runJson<ReadinessView>(['readiness'], env);
      expect(ready.groups.map(({ group, checks }) => [group, checks.length])).toEqual([
        ['security', 3],
        ['capacity', 3],
        ['cost', 3],
        ['performance', 3],
      ]);
      expect(ready.checklist).toHaveLength(21);
      expect(ready.checklist.filter(({ state }) => state === 'fail')).toEqual([]);
      expect(ready.checklist.filter(({ state }) => state === 'ok').length).toBeGreaterThanOrEqual(18);
      expect(ready.metrics).toMatchObject({ tenants: 1, tenantsByIsolation: { shared: 1 } });
      expect(ready.metrics.overheadMs.shared).toBeGreaterThan(0);
      // The role that serves tenants is made strong: one line in the catalogue.
      const { rows } = await database.root.query<{ prefix: string }>(
        'select role_prefix as prefix from bulkhead.installation',
      );
      await database.root.script(`alter role ${rows[0]?.prefix}_app createrole`);
      const { code, stdout } = await runCli(['readiness', '--json'], env);
      expect(code).toBe(1);
      const failed = JSON.parse(stdout) as ReadinessView;
      expect(failed.ready).toBe(false);
      expect(failed.checklist.find(({ id }) => id === 'C03')).toMatchObject({ state: 'fail' });
    },
  );
});
