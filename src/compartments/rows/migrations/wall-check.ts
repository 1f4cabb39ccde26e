/** Asks the catalogue whether every table of every container is behind the wall. */
import { BulkheadError } from '../../../core/errors.ts';
import type { AdminDatabase, AdminTransaction } from '../../../drivers/sql.ts';
import { wallCheckQuery } from './wall-check-sql.ts';

export interface WallProblem extends Record<string, unknown> {
  readonly schema: string;
  /** Table, view or function. */
  readonly name: string;
  /** Continues the sentence “schema.name …”. */
  readonly problem: string;
}

export interface WallCheck {
  /** `all`: every container of the database, in the same one query. */
  readonly schemas: 'all' | readonly string[];
  /** Tables that hold the same rows for all tenants: `CompiledSets.shared`. */
  readonly shared: readonly string[];
}

/** @returns what is not as it must be; empty is good */
export async function findWallProblems(
  admin: AdminDatabase | AdminTransaction,
  check: WallCheck,
): Promise<readonly WallProblem[]> {
  const { rows } = await admin.query<WallProblem>(wallCheckQuery, [
    check.schemas === 'all' ? null : check.schemas,
    check.shared,
  ]);
  return rows;
}

/** More would not be read. */
const namedInError = 20;

/**
 * For the start of a server: tables made by hand, walls taken down, rights given beside us.
 * @throws table_unwalled naming them
 */
export async function checkWalls(admin: AdminDatabase, check: WallCheck): Promise<void> {
  const problems = await findWallProblems(admin, check);
  const [first] = problems;
  if (first === undefined) return;
  const tables = [...new Set(problems.map(({ schema, name }) => `${schema}.${name}`))];
  throw new BulkheadError('table_unwalled', {
    reason: problems.slice(0, namedInError).map(toSentence).join('; '),
    tables: tables.slice(0, namedInError),
    count: problems.length,
    hint: 'make the table in a migration, which walls it; declare it with -- bulkhead: shared; or drop it',
  });
}

function toSentence({ schema, name, problem }: WallProblem): string {
  return `${schema}.${name} ${problem}`;
}
