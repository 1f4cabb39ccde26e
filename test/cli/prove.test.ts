import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newTestDatabase, type TestDatabase } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { runCli, runError, runJson, temporaryFolder } from './support/cli.ts';

const slow = 240_000;

interface Proof {
  readonly verdict: string;
  readonly findings: readonly { readonly condition: string; readonly object: string }[];
}

async function roleOf(database: TestDatabase): Promise<string> {
  const { rows } = await database.root.query<{ prefix: string }>(
    'select role_prefix as prefix from bulkhead.installation',
  );
  return `${rows[0]?.prefix}_app`;
}

describeWith('postgres', 'prove', (url) => {
  test(
    'ends with 0 on a database of ours, and with 1 once a table without a wall is granted',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await using database = await newTestDatabase(url);
      const env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path };
      await runJson(['plan', 'list'], env);
      const role = await roleOf(database);
      const args = ['prove', '--url', database.url, '--role', role];
      const earlier = await runCli([...args, '--json']);
      expect(earlier.code).toBe(0);
      expect(JSON.parse(earlier.stdout) as Proof).toMatchObject({ verdict: 'held' });

      await database.root.script(
        `create table shared.loose (id int primary key, tenant_id uuid); grant select on shared.loose to "${role}"`,
      );
      const sarif = join(folder.path, 'proof.sarif');
      const broken = await runCli([...args, '--sarif', sarif, '--json']);
      expect(broken.code).toBe(1);
      const { findings } = JSON.parse(broken.stdout) as Proof;
      expect(findings.map(({ object }) => object)).toContain('shared.loose');
      expect(await readFile(sarif, 'utf8')).toContain('shared.loose');
      const human = await runCli(args);
      expect([human.code, human.stdout]).toEqual([1, expect.stringContaining('shared.loose')]);
    },
  );

  test('ends with 2 where nothing can be said', { timeout: slow }, async () => {
    const { code, stdout } = await runCli([
      'prove',
      '--url',
      'postgres://nobody@127.0.0.1:9/x',
      '--role',
      'app',
      '--json',
    ]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout) as Proof).toMatchObject({ verdict: 'inconclusive' });
  });
});

test('a line without a database, or with a server’s URL, is refused', { timeout: slow }, async () => {
  for (const args of [
    ['prove', '--role', 'app'],
    ['prove', '--role', 'app', '--url', 'http://127.0.0.1:7070'],
  ]) {
    const { code, hint, ended } = await runError(args);
    expect([code, ended.code]).toEqual(['usage_invalid', 2]);
    expect(hint).toContain('postgres://');
  }
});

test('a baseline that is not there ends with 4', { timeout: slow }, async () => {
  const args = [
    'prove',
    '--role',
    'app',
    '--url',
    'postgres://nobody@127.0.0.1:9/x',
    '--baseline',
    '/nowhere/baseline.json',
  ];
  const { code, ended } = await runError(args);
  expect([code, ended.code]).toEqual(['file_unreadable', 4]);
});
