/** Which statement of which file failed on a container. */
import { SqlError, type AdminDatabase } from '../../../drivers/sql.ts';
import { toPreamble, toStatements, type Container } from './script.ts';
import type { CompiledMigration } from './compile.ts';
import { refusedAt } from './refusal.ts';

export interface Failure {
  readonly container: Container;
  readonly pending: readonly CompiledMigration[];
  readonly error: SqlError;
}

/**
 * A script fails as a whole, so it is run again, statement by statement, and rolled back in any case.
 * @returns the error to throw
 */
export async function explainFailure(admin: AdminDatabase, failure: Failure): Promise<Error> {
  const { container, pending, error } = failure;
  try {
    await admin.transaction(async (tx) => {
      for (const sql of toPreamble(container.schema)) await tx.script(sql);
      for (const migration of pending) {
        for (const { sql, line } of toStatements(container, migration)) {
          await tx.script(sql).catch((cause: unknown) => {
            throw refusedAt({ file: migration.file, line: line ?? 1 }, reasonOf(container, cause), { cause });
          });
        }
      }
      throw error;
    });
  } catch (explained) {
    if (explained instanceof Error) return explained;
  }
  return error;
}

function reasonOf(container: Container, cause: unknown): string {
  const message = cause instanceof SqlError ? cause.message : 'the statement failed';
  return `in ${container.schema}: ${message}`;
}
