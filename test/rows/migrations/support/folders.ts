import {
  toMigrationFile,
  toMigrationSet,
  type MigrationSet,
} from '../../../../src/compartments/rows/migrations/files.ts';

/** A set of migrations from the texts of its files, numbered from 1. */
export function folderOf(...texts: readonly string[]): MigrationSet {
  return namedFolder('app', ...texts);
}

export function namedFolder(name: string, ...texts: readonly string[]): MigrationSet {
  const files = texts.map((text, index) =>
    toMigrationFile(`${String(index + 1).padStart(4, '0')}_step.sql`, Buffer.from(text)),
  );
  return toMigrationSet(name, files);
}
