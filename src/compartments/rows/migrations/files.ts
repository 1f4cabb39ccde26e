/** A folder of numbered SQL files. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError } from '../../../core/errors.ts';
import { refusedAt } from './refusal.ts';

export interface MigrationFile {
  readonly number: number;
  /** Without number and ending: `reference` for 0001_reference.sql. */
  readonly name: string;
  /** For messages: `0001_reference.sql`. */
  readonly file: string;
  readonly text: string;
  readonly sha256: string;
}

/** The migrations of one folder. Sets are numbered apart from each other; `name` tells them apart in the database. */
export interface MigrationSet {
  readonly name: string;
  readonly files: readonly MigrationFile[];
}

const FILE_NAME = /^(\d{4,9})_([a-z0-9][a-z0-9_]*)\.sql$/;
const SET_NAME = /^[a-z][a-z0-9_]{0,30}$/;

/**
 * Reads `0001_name.sql`, `0002_name.sql` … of a folder, in order of their numbers.
 * @throws migration_refused for a name without a number, a number used twice, or text that is not UTF-8;
 *   config_invalid where the folder cannot be read
 */
export async function readMigrationFolder(set: string, folder: string): Promise<MigrationSet> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new BulkheadError(
      'config_invalid',
      { folder, reason: 'the folder of migrations cannot be read' },
      { cause },
    );
  });
  const files = [];
  for (const name of names.toSorted()) {
    if (name.endsWith('.sql')) files.push(toMigrationFile(name, await readFile(join(folder, name))));
  }
  return toMigrationSet(set, files);
}

/** A set from files that are at hand. @throws migration_refused */
export function toMigrationSet(name: string, files: readonly MigrationFile[]): MigrationSet {
  if (!SET_NAME.test(name))
    throw new BulkheadError('config_invalid', { set: name, reason: 'not a name for a set of migrations' });
  const sorted = files.toSorted((a, b) => a.number - b.number);
  for (const [index, file] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before?.number === file.number)
      throw refusedAt({ file: file.file, line: 1 }, `has the same number as ${before.file}`);
  }
  return Object.freeze({ name, files: Object.freeze(sorted) });
}

/** @throws migration_refused */
export function toMigrationFile(fileName: string, content: Uint8Array): MigrationFile {
  const place = { file: fileName, line: 1 };
  const [, number, name] = FILE_NAME.exec(fileName) ?? [];
  if (number === undefined || name === undefined || Number(number) === 0)
    throw refusedAt(place, 'the file name has no number', { hint: 'name it like 0001_first_tables.sql' });
  const text = decode(content);
  if (text === undefined) throw refusedAt(place, 'the file is not UTF-8 text');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return Object.freeze({ number: Number(number), name, file: fileName, text, sha256 });
}

/** Line ends are made equal first: what a checkout on another system changes must not look like an edit. */
function decode(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content).replaceAll('\r\n', '\n');
  } catch {
    return undefined;
  }
}
