/** Which containers of a database are behind. */
import type { AdminDatabase } from '../../../drivers/sql.ts';
import { containerSchemaCondition } from '../container.ts';
import type { CompiledMigration } from './compile.ts';

export interface PendingContainer extends Record<string, unknown> {
  readonly schema: string;
  /** How many migrations it lacks. */
  readonly missing: number;
  /** How many it has whose file was edited since. */
  readonly edited: number;
}

/**
 * One query for all containers; the ones that are up to date are not in the answer.
 * A schema without a single migration is one that provisioning has not finished, and is in it.
 */
export async function pendingContainers(
  admin: AdminDatabase,
  migrations: readonly CompiledMigration[],
): Promise<readonly PendingContainer[]> {
  const { rows } = await admin.query<PendingContainer>(pendingQuery, [
    migrations.map(({ set }) => set),
    migrations.map(({ number }) => number),
    migrations.map(({ sha256 }) => sha256),
  ]);
  return rows;
}

const pendingQuery = `
with expected as materialized (select * from unnest($1::text[], $2::integer[], $3::text[]) as e (set_name, number, sha256)),
applied as materialized (
  select m.schema_name, count(*)::integer as found, count(*) filter (where m.sha256 <> e.sha256)::integer as edited
  from bulkhead_wall.migration m
  join expected e on e.set_name = m.set_name and e.number = m.number
  group by m.schema_name
)
select n.nspname::text as schema, t.total - coalesce(a.found, 0) as missing, coalesce(a.edited, 0) as edited
from pg_namespace n
cross join (select count(*)::integer as total from expected) t
left join applied a on a.schema_name = n.nspname
where ${containerSchemaCondition}
  and (coalesce(a.found, 0) < t.total or coalesce(a.edited, 0) > 0)
order by n.nspname::text collate "C"`;
