import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { expect, test } from 'vitest';
import { driverPackages, emptyWords, mayImport, namesConcreteStores } from './rules.ts';

const src = join(import.meta.dirname, '../../src');

interface SourceFile {
  /** Relative to src/. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files = await readSources();

async function readSources(): Promise<readonly SourceFile[]> {
  const names = (await readdir(src, { recursive: true })).filter((name) => name.endsWith('.ts'));
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(src, name), 'utf8');
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].flatMap(
        ([, specifier]) => specifier ?? [],
      );
      return { path: normalize(name), text, imports };
    }),
  );
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '*') : '*';
}

function localImports(file: SourceFile): readonly string[] {
  return file.imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(src, join(src, dirname(file.path), specifier)));
}

test('the sources were found', () => {
  expect(files.length).toBeGreaterThan(40);
});

test('every folder imports only what the table allows', () => {
  const broken = files.flatMap((file) => {
    const folder = folderOf(file.path);
    const allowed = mayImport[folder];
    if (allowed === undefined) return [`${file.path}: folder ${folder} is not in the table`];
    return localImports(file)
      .filter((target) => folderOf(target) !== folder && !allowed.includes(folderOf(target)))
      .map((target) => `${file.path} imports ${target}`);
  });
  expect(broken).toEqual([]);
});

test('only drivers import database and vendor packages', () => {
  const broken = files
    .filter((file) => folderOf(file.path) !== 'drivers')
    .flatMap((file) =>
      file.imports.filter((name) => driverPackages.includes(name)).map((name) => `${file.path}: ${name}`),
    );
  expect(broken).toEqual([]);
});

test('only compose.ts and its parts name concrete compartments and drivers', () => {
  const concrete =
    /^(?:drivers\/(?:postgres|pglite|redis|memory|s3|objects-folder)\/|compartments\/\w+\/compartment\.ts)/;
  const broken = files
    .filter((file) => !namesConcreteStores.includes(file.path) && !file.path.startsWith('drivers/'))
    .flatMap((file) =>
      localImports(file)
        .filter((target) => concrete.test(target))
        .map((target) => `${file.path} imports ${target}`),
    );
  expect(broken).toEqual([]);
});

test('nothing inside a folder imports through its own index', () => {
  const broken = files.flatMap((file) =>
    localImports(file)
      .filter((target) => target === join(dirname(file.path), 'index.ts'))
      .map((target) => `${file.path} imports ${target}`),
  );
  expect(broken).toEqual([]);
});

test('the environment is read in config.ts and by entry points alone', () => {
  const readers = files.filter((file) => /process\.env/.test(file.text)).map((file) => file.path);
  expect(readers.filter((path) => path !== 'create-bulkhead.ts' && !path.startsWith('cli/'))).toEqual([]);
});

test('no exported name says Manager, Service, Helper, Utils or Base', () => {
  const word = new RegExp(
    `export (?:abstract )?(?:class|function|interface|type|const) \\w*(?:${emptyWords.join('|')})\\b`,
  );
  expect(files.filter((file) => word.test(file.text)).map((file) => file.path)).toEqual([]);
});

test('every folder in the table exists, or its first file is still to come', () => {
  const folders = new Set(files.map((file) => folderOf(file.path)));
  const unknown = [...folders].filter((folder) => !(folder in mayImport));
  expect(unknown).toEqual([]);
});

test('migrations are numbered from one, without a gap and none twice', async () => {
  const sql = join(src, '../sql');
  let looked = 0;
  for (const folder of await readdir(sql, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue;
    const names = (await readdir(join(sql, folder.name))).toSorted((a, b) => a.localeCompare(b));
    expect(
      names.map((name) => Number(name.slice(0, 4))),
      folder.name,
    ).toEqual(names.map((_, index) => index + 1));
    looked += names.length;
  }
  expect(looked).toBeGreaterThan(5);
});

test('decisions are numbered one by one, as their titles say', async () => {
  const folder = join(import.meta.dirname, '../../docs/decisions');
  const names = (await readdir(folder)).toSorted();
  const titles = await Promise.all(
    names.map(async (name) => /^# \d+\./.exec(await readFile(join(folder, name), 'utf8'))?.[0]),
  );
  expect(names.map((name) => Number(/^\d{4}(?=-)/.exec(name)?.[0]))).toEqual(names.map((_, at) => at + 1));
  expect(titles).toEqual(names.map((_, at) => `# ${at + 1}.`));
});
