import { BulkheadError } from '../../../core/errors.ts';
import {
  missingAt,
  parseVersion,
  toVersionText,
  upTo,
  type SchemaVersion,
} from '../../../core/schema-version.ts';
import { kindOfStatement } from '../../../drivers/data-statement.ts';
import type { RowsDeps } from '../deps.ts';
import type { CompiledMigration } from '../migrations/compile.ts';
import type { Table } from '../tables.ts';

type VersionDeps = Pick<RowsDeps, 'migrations' | 'tables'>;

const RENAME = /^\s*alter\s[^]*\brename\s/i;

/**
 * The tables as they were at the version that records were exported at. What the migrations since then have done to
 * columns, taking them away or adding them with a default, is done to the records on their way in.
 * @param target version of the container they are put into; undefined = the newest
 * @throws archive_refused for a version that is newer than the target, and where a migration between the two changes
 * data or names, which is not done to records
 */
export function sourceTables(deps: VersionDeps, from: string, target: string | undefined): readonly Table[] {
  const source = parseVersion(from);
  const to = parseVersion(target ?? deps.tables.head.version);
  if (source === undefined || to === undefined)
    throw new BulkheadError('archive_refused', { reason: 'its schema version cannot be read' });
  if (isNewer(source, to))
    throw new BulkheadError('archive_refused', {
      reason: `it is of schema ${from}, and this container has ${toVersionText(to)}`,
      hint: 'migrate first, or import it into a newer installation',
    });
  const changing = missingAt(source, upTo(to, deps.migrations)).find(changesRecords);
  if (changing !== undefined)
    throw new BulkheadError('archive_refused', {
      reason: `it is of schema ${from}, and ${changing.set}/${changing.number} changes rows or names`,
      hint: 'import it where that migration has not run yet, migrate there, and export it again',
    });
  return deps.tables.at(from).tables;
}

function isNewer(source: SchemaVersion, target: SchemaVersion): boolean {
  return Object.entries(source).some(([set, number]) => number > (target[set] ?? 0));
}

function changesRecords({ statements }: CompiledMigration): boolean {
  return statements.some(({ sql }) => kindOfStatement(sql) === 'writes' || RENAME.test(sql));
}
