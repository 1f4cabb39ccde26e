/** Which statement of which file failed on a container. */
import type { BulkheadError } from '../../../core/errors.ts';
import { SqlError, type AdminDatabase, type AdminTransaction } from '../../../drivers/sql.ts';
import type { CompiledMigration } from './compile.ts';
import { refusedAt, type Place } from './refusal.ts';
import { toPreamble, toStatements, type Container } from './script.ts';

export interface Failure {
  readonly container: Container;
  readonly pending: readonly CompiledMigration[];
  readonly error: SqlError;
}

/**
 * A script fails as a whole, so it is run again, statement by statement, and rolled back in any case.
 * @returns the error to throw; without the exact place where the second run went another way
 */
export async function explainFailure(admin: AdminDatabase, failure: Failure): Promise<BulkheadError> {
  const { container, pending, error } = failure;
  const place = await findPlace(admin, failure);
  const [first] = pending;
  return refusedAt(
    place ?? { file: first?.file ?? '', line: 1 },
    `in ${container.schema}: ${error.message}`,
    {
      cause: error,
    },
  );
}

class Found extends Error {
  readonly place: Place | undefined;

  constructor(place: Place | undefined) {
    super('rolled back');
    this.place = place;
  }
}

async function findPlace(admin: AdminDatabase, failure: Failure): Promise<Place | undefined> {
  try {
    return await admin.transaction(async (tx) => {
      for (const sql of toPreamble(failure.container.schema)) await tx.script(sql);
      for (const migration of failure.pending) await repeat(tx, migration, failure);
      throw new Found(undefined);
    });
  } catch (error) {
    if (error instanceof Found) return error.place;
    // A lock that could not be had this time, a connection that ended: then there is no exact place.
    return undefined;
  }
}

/** @throws Found at the statement that fails as the script did */
async function repeat(
  tx: AdminTransaction,
  migration: CompiledMigration,
  { container, error }: Failure,
): Promise<void> {
  for (const { sql, line } of toStatements(container, migration)) {
    try {
      await tx.script(sql);
    } catch (cause) {
      if (cause instanceof SqlError && cause.sqlState === error.sqlState)
        throw new Found({ file: migration.file, line: line ?? 1 });
      throw cause;
    }
  }
}
