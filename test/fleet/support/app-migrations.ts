import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of an application's migrations that grows, as releases do. */
export interface MigrationFolder extends AsyncDisposable {
  readonly path: string;
  add(file: string, sql: string): Promise<void>;
}

export async function newMigrationFolder(files: Readonly<Record<string, string>>): Promise<MigrationFolder> {
  const path = await mkdtemp(join(tmpdir(), 'bulkhead-migrations-'));
  const add = (file: string, sql: string): Promise<void> => writeFile(join(path, file), sql);
  for (const [file, sql] of Object.entries(files)) await add(file, sql);
  return { path, add, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export const notes = {
  '0001_notes.sql': `create table notes (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    created_at timestamptz not null default now()
  );`,
} as const;

/** The release after: a column more, a table more. */
export const labels = {
  file: '0002_labels.sql',
  sql: `alter table notes add column label text;
    create index notes_label_idx on notes (label);
    create table tags (id uuid primary key default gen_random_uuid(), name text not null unique);`,
} as const;
