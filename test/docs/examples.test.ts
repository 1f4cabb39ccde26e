import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { shareTemplate } from '../support/node.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const guides = join(root, 'docs/guide');

interface Example {
  readonly guide: string;
  readonly file: string;
  readonly code: string;
}

const examples: readonly Example[] = (
  await Promise.all(
    (await readdir(guides)).map(async (guide) => {
      const text = await readFile(join(guides, guide), 'utf8');
      return [...text.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```$/gm)].map(([, file = '', code = '']) => ({
        guide,
        file,
        code,
      }));
    }),
  )
).flat();

/** What each prints, as the reader of the guide would see it. */
const printed: Readonly<Record<string, RegExp>> = {
  'cost.ts': /^0\.00206\n0\.0045\n0\.00656 1\n0\.00656 UTC\n$/,
  'isolations.ts': /^shared 1 true\nschema 1 true\ndatabase 1 true\n$/,
  'getting-started.ts': /^acme 1\n$/,
  'no-scope.ts': /^true\n$/,
  'express.ts': /^$/,
  'umbrella.ts': /^clinic \{ kind: 'read', value: 1 \}\nread_only\n$/,
  'services.ts': /^invoice of acme\n401\n401\n$/,
};

test('the guides have examples, and each is expected here', () => {
  expect(examples.map(({ file }) => file).toSorted()).toEqual(Object.keys(printed).toSorted());
});

test.each(examples)(
  '$guide: $file runs and prints what it says',
  { timeout: 90_000 },
  async ({ file, code }) => {
    const folder = await mkdtemp(join(tmpdir(), 'bulkhead-example-'));
    // Inside the repository, so that express and types are found; the package's own name stands for its sources.
    const path = join(root, 'test/docs', `.example-${process.pid}-${file}`);
    const local = code
      .replaceAll(`'bulkhead/middleware'`, `'../../src/request/middleware.ts'`)
      .replaceAll(`'bulkhead'`, `'../../src/index.ts'`);
    try {
      await shareTemplate(folder);
      await writeFile(path, local);
      const env = { PATH: process.env['PATH'] ?? '', BULKHEAD_DATA_DIR: folder };
      const { stdout } = await run(process.execPath, [path], { env, timeout: 80_000 });
      expect(stdout).toMatch(printed[file] ?? /^never$/);
    } finally {
      await rm(path, { force: true });
      await rm(folder, { recursive: true, force: true });
    }
  },
);
