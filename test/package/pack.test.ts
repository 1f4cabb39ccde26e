import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** As a user meets the package: packed, installed into an empty folder, with nothing of the repository around. */
describe('the packed library', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulkhead-pack-'));
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root });
    const [packed] = JSON.parse(stdout.slice(stdout.indexOf('['))) as { filename: string }[];
    await writeFile(join(folder, 'package.json'), '{ "name": "user", "private": true, "type": "module" }');
    await run('npm', ['install', '--no-audit', '--no-fund', join(folder, packed?.filename ?? '')], {
      cwd: folder,
    });
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const node = async (file: string, code: string): Promise<string> => {
    await writeFile(join(folder, file), code);
    const env = { PATH: process.env['PATH'] ?? '', BULKHEAD_DATA_DIR: join(folder, 'data') };
    return (await run(process.execPath, [join(folder, file)], { cwd: folder, env, timeout: 120_000 })).stdout;
  };

  test('serves a tenant from a script of five lines', { timeout: 150_000 }, async () => {
    const printed = await node(
      'use.js',
      `import { createBulkhead } from 'bulkhead';
       const bulkhead = await createBulkhead();
       await bulkhead.lifecycle.create({ slug: 'acme', name: 'Acme' }, { kind: 'operator', id: 'me' });
       const count = await bulkhead.run('acme', async (scope) => {
         await using rows = await bulkhead.rows.open(scope);
         await rows.table('documents').create({ title: 'a', content: 'b' });
         return await rows.table('documents').count();
       });
       console.log(count);
       await bulkhead.close();`,
    );
    expect(printed).toBe('1\n');
  });

  test('has every subpath it documents', { timeout: 60_000 }, async () => {
    const printed = await node(
      'subpaths.js',
      `const names = ['bulkhead', 'bulkhead/client', 'bulkhead/middleware', 'bulkhead/server', 'bulkhead/testing'];
       for (const name of names) console.log(name, Object.keys(await import(name)).length > 0);`,
    );
    expect(
      printed
        .trim()
        .split('\n')
        .filter((line) => line.endsWith('true')),
    ).toHaveLength(5);
  });

  test('has a command line', { timeout: 60_000 }, async () => {
    const { stdout } = await run(process.execPath, [
      join(folder, 'node_modules/bulkhead/dist/cli/main.js'),
      '--version',
    ]);
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test('brings types that a strict program compiles against', { timeout: 120_000 }, async () => {
    await writeFile(
      join(folder, 'types.ts'),
      `import { createBulkhead, type Scope } from 'bulkhead';
       const bulkhead = await createBulkhead();
       export const count = (scope: Scope): Promise<number> => bulkhead.rows.open(scope).then((rows) => rows.table('documents').count());
       // @ts-expect-error no scope, no data
       await bulkhead.rows.open();`,
    );
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'es2024,esnext.disposable',
      '--types',
      '',
      '--skipLibCheck',
    ];
    await expect(
      run(join(root, 'node_modules/.bin/tsc'), [...flags, join(folder, 'types.ts')], { cwd: folder }),
    ).resolves.toMatchObject({ stdout: '' });
  });
});
