/** What has been applied where, compared with what there is. */
import type { AdminDatabase } from '../../../drivers/sql.ts';
import type { CompiledMigration } from './compile.ts';
import { refusedAt } from './refusal.ts';

export interface AppliedMigration extends Record<string, unknown> {
  readonly set_name: string;
  readonly number: number;
  readonly sha256: string;
}

export async function readApplied(
  admin: AdminDatabase,
  schema: string,
): Promise<readonly AppliedMigration[]> {
  const { rows } = await admin.query<AppliedMigration>(
    'select set_name, number, sha256 from bulkhead_wall.migration where schema_name = $1',
    [schema],
  );
  return rows;
}

/**
 * @returns what is to be applied, in order. A container may be ahead of us: a newer node has migrated it.
 * @throws migration_refused for a file that was edited after it was applied, or that came too late
 */
export function toPending(
  schema: string,
  migrations: readonly CompiledMigration[],
  applied: readonly AppliedMigration[],
): readonly CompiledMigration[] {
  const known = new Map(applied.map((row) => [`${row.set_name}/${row.number}`, row]));
  const last = new Map<string, number>();
  for (const { set_name: set, number } of applied) last.set(set, Math.max(number, last.get(set) ?? 0));
  return migrations.filter((migration) => {
    const place = { file: migration.file, line: 1 };
    const row = known.get(`${migration.set}/${migration.number}`);
    if (row !== undefined && row.sha256 !== migration.sha256)
      throw refusedAt(place, `the file was edited after it was applied to ${schema}`, {
        hint: 'put the old text back and write the change into a new file',
      });
    if (row === undefined && migration.number < (last.get(migration.set) ?? 0))
      throw refusedAt(place, `${schema} has a later migration already`, {
        hint: 'give the file a number behind the last one',
      });
    return row === undefined;
  });
}
