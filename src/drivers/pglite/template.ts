import { randomUUID } from 'node:crypto';
import { access, lstat, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BulkheadError } from '../../core/errors.ts';
import { EmbeddedInstance } from './instance.ts';
import { hardenEmbedded, toDatabaseRights } from './harden.ts';
import { runScript } from './script.ts';

/** The database of a template that becomes the one a new instance is made for. */
export const blankDatabase = 'bulkhead_blank';
/** Part of the file's name: raise it when what is put into a template changes. */
const revision = 2;

/**
 * The dump that new instances start from: initdb takes three seconds, loading this half of one.
 * Made when missing; processes that make it at the same time each write a whole file, and the last one stays.
 * @returns its path. Throws InstanceGone where no instance can be started at all.
 */
export async function ensureTemplate(folder: string): Promise<string> {
  const path = join(folder, `pglite-${await pgliteVersion()}-${revision}.tar`);
  if (await exists(path)) return path;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const instance = await EmbeddedInstance.open({
    dataDir: undefined,
    database: 'template1',
    templatePath: undefined,
  });
  try {
    const run = { script: (text: string) => runScript(instance, text) };
    await hardenEmbedded(run);
    await run.script('drop database postgres');
    for (const database of ['postgres', blankDatabase]) {
      await run.script(`create database ${database}`);
      await run.script(toDatabaseRights(database));
    }
    const written = `${path}.${randomUUID()}`;
    await writeFile(written, await instance.dump(), { mode: 0o600 });
    await rename(written, path);
  } finally {
    await instance.close();
  }
  return path;
}

/** For databases in memory, which have no folder to keep a template beside. Nobody else may have prepared it. */
export async function privateTemplateFolder(): Promise<string> {
  const folder = join(tmpdir(), `bulkhead-embedded-${userInfo().uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stat = await lstat(folder);
  const isOurs = process.getuid === undefined || stat.uid === process.getuid();
  if (!stat.isDirectory() || !isOurs || (isOurs && process.getuid !== undefined && (stat.mode & 0o022) !== 0))
    throw new BulkheadError('config_invalid', {
      reason: 'the folder for temporary files holds something that is not ours',
    });
  return folder;
}

async function pgliteVersion(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@electric-sql/pglite'));
  const manifest = JSON.parse(await readFile(join(dirname(dirname(entry)), 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  return manifest.version;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
