import type { TenantId } from '../../core/ids.ts';
import type { AdminTransaction } from '../../drivers/sql.ts';
import { metrics, type Space } from './vectors.ts';

/** The space that serves, read as the owner who looks after it. */
export async function readServing(tx: AdminTransaction, tenant: TenantId): Promise<Space | undefined> {
  const { rows } = await tx.query<{ id: string; model: string; dimension: number; metric: string }>(
    `select id::text as id, model, dimension, metric from space
      where tenant_id = $1 and served_at is not null order by served_at desc limit 1`,
    [tenant],
  );
  const [row] = rows;
  const metric = metrics.find((each) => each === row?.metric);
  if (row === undefined || metric === undefined) return undefined;
  return { id: row.id, model: row.model, dimension: row.dimension, metric, state: 'serving' };
}

export async function readSize(
  tx: AdminTransaction,
  tenant: TenantId,
): Promise<{
  readonly vectors: number;
  readonly passages: number;
  readonly sizeBytes: bigint;
  readonly containerVectors: number;
}> {
  const { rows } = await tx.query<{ vectors: number; passages: number; size: string; container: number }>(
    `select (select count(*) from embedding where tenant_id = $1)::int as vectors,
      (select count(*) from passage where tenant_id = $1)::int as passages,
      (select greatest(reltuples, 0)::float8 from pg_class where oid = 'embedding'::regclass) as container,
      ((select coalesce(sum(pg_column_size(e.*)), 0) from embedding e where tenant_id = $1)
        + (select coalesce(sum(pg_column_size(p.*)), 0) from passage p where tenant_id = $1))::text as size`,
    [tenant],
  );
  const [row] = rows;
  return {
    vectors: row?.vectors ?? 0,
    passages: row?.passages ?? 0,
    sizeBytes: BigInt(row?.size ?? '0'),
    containerVectors: Math.max(row?.container ?? 0, row?.vectors ?? 0),
  };
}
