/**
 * Turns a user's SQL files into what is run in every container. All of it is tried out first, in a schema that is
 * rolled back, and the catalogue has the last word on whether the wall stands.
 */
import { BulkheadError } from '../../../core/errors.ts';
import type { SqlParser } from '../../../drivers/sql-parser.ts';
import { loadSqlParser } from '../../../drivers/sql-parser.ts';
import type { AdminDatabase, AdminTransaction } from '../../../drivers/sql.ts';
import { compileFile } from './compile-file.ts';
import type { MigrationFile, MigrationSet } from './files.ts';
import { openScratch, type Scratch } from './scratch.ts';
import { readTables, type TableModel } from './table-model.ts';

export interface CompiledStatement {
  readonly sql: string;
  /** Line in the file; undefined for what Bulkhead adds. */
  readonly line: number | undefined;
}

/** One file, ready for any container: names are without schema, the role is a placeholder in `grants` alone. Plain data. */
export interface CompiledMigration {
  readonly set: string;
  readonly number: number;
  readonly name: string;
  readonly file: string;
  /** Of the file as the user wrote it. */
  readonly sha256: string;
  /** Installed once in a database, before the first container that needs them. */
  readonly extensions: readonly string[];
  readonly statements: readonly CompiledStatement[];
  readonly grants: readonly string[];
  /** The next one needs what this one has committed. */
  readonly ownTransaction: boolean;
}

/** The tables as they are after one migration; what containers that are behind are served by. Plain data. */
export interface ModelStep {
  readonly set: string;
  readonly number: number;
  readonly tables: readonly TableModel[];
}

/** Everything that is known of the containers of a deployment. Plain data. */
export interface CompiledSets {
  readonly migrations: readonly CompiledMigration[];
  /** Names of tables declared with `-- bulkhead: shared`. */
  readonly shared: readonly string[];
  /** All tables, as they are after the last migration. */
  readonly tables: readonly TableModel[];
  /** All tables after each migration, in order. */
  readonly steps: readonly ModelStep[];
}

/**
 * @param admin a database with the wall installed; nothing of it is changed
 * @param sets in the order in which they build on each other
 * @throws migration_refused with file, line, reason and hint
 */
export async function compileMigrations(
  admin: AdminDatabase,
  sets: readonly MigrationSet[],
): Promise<CompiledSets> {
  assertDistinct(sets);
  const parser = await loadSqlParser();
  return rolledBack(admin, async (tx) => {
    const scratch = await openScratch(tx);
    const migrations: CompiledMigration[] = [];
    const steps: ModelStep[] = [];
    for (const { set, file } of filesOf(sets)) {
      migrations.push(await compileOne(scratch, { set, file, parser }));
      steps.push({ set, number: file.number, tables: await readTables(tx, scratch.schema) });
    }
    const tables = steps.at(-1)?.tables ?? [];
    const shared = tables.filter(({ kind }) => kind === 'shared').map(({ name }) => name);
    return Object.freeze({
      migrations: Object.freeze(migrations),
      shared: Object.freeze(shared),
      tables,
      steps: Object.freeze(steps),
    });
  });
}

function assertDistinct(sets: readonly MigrationSet[]): void {
  const names = sets.map(({ name }) => name);
  if (new Set(names).size < names.length)
    throw new BulkheadError('config_invalid', {
      sets: names,
      reason: 'two sets of migrations have one name',
    });
}

function filesOf(sets: readonly MigrationSet[]): { set: string; file: MigrationFile }[] {
  return sets.flatMap(({ name, files }) => files.map((file) => ({ set: name, file })));
}

async function compileOne(
  scratch: Scratch,
  input: { readonly set: string; readonly file: MigrationFile; readonly parser: SqlParser },
): Promise<CompiledMigration> {
  const { file, set } = input;
  const compiled = await compileFile(scratch, file, input.parser);
  return Object.freeze({
    set,
    number: file.number,
    name: file.name,
    file: file.file,
    sha256: file.sha256,
    ...compiled,
  });
}

class RolledBack extends Error {}

/** Runs `body` in a transaction that never commits. */
async function rolledBack<T>(admin: AdminDatabase, body: (tx: AdminTransaction) => Promise<T>): Promise<T> {
  const results: T[] = [];
  try {
    await admin.transaction(async (tx) => {
      results.push(await body(tx));
      throw new RolledBack();
    });
  } catch (error) {
    const [result] = results;
    if (error instanceof RolledBack && result !== undefined) return result;
    throw error;
  }
  throw new RolledBack('the scratch transaction was not rolled back');
}
