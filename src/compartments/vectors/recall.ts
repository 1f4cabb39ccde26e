import type { AdminTransaction } from '../../drivers/sql.ts';
import type { TenantSide } from '../rows/as-tenant.ts';
import { columnType } from './values.ts';
import type { Metric, RecallSample, Space } from './vectors.ts';

const operators: Readonly<Record<Metric, string>> = { cosine: '<=>', inner_product: '<#>', l2: '<->' };
const sampled = 20;
const neighbours = 10;
/** No ef_search is right for every tenant: it is raised as far as it is needed. */
const efSteps = [100, 200, 400, 800];

/**
 * Recall at 10: of the ten nearest of some of the tenant's own vectors, how many a search by index finds. Measured against
 * a search that looks at all of them, in the same snapshot.
 */
export async function sampleRecall(
  tx: AdminTransaction,
  of: { readonly side: TenantSide; readonly space: Space; readonly wanted: number },
): Promise<RecallSample> {
  const { side, space, wanted } = of;
  await tx.script(`set local plan_cache_mode = force_custom_plan; set local jit = off;
    set local max_parallel_workers_per_gather = 0; set local hnsw.iterative_scan = strict_order`);
  const { rows } = await tx.query<{ vector: string }>(
    `select vector::text as vector from embedding where tenant_id = $1 and space = $2
      and passage >= (select p.passage from embedding p where p.tenant_id = $1 and p.space = $2 order by random() limit 1)
      order by passage limit ${sampled}`,
    [side.tenant, space.id],
  );
  const truth: ReadonlySet<string>[] = [];
  for (const { vector } of rows) truth.push(new Set(await search(tx, { ...of, vector, by: 'looking' })));
  let best = { queries: rows.length, recall: 1, efSearch: efSteps[0] ?? 100 };
  for (const efSearch of efSteps) {
    await tx.script(`set local hnsw.ef_search = ${efSearch}`);
    let found = 0;
    let total = 0;
    for (const [index, { vector }] of rows.entries()) {
      const exact = truth[index] ?? new Set();
      total += exact.size;
      found += (await search(tx, { ...of, vector, by: 'index' })).filter((id) => exact.has(id)).length;
    }
    best = { queries: rows.length, recall: total === 0 ? 1 : found / total, efSearch };
    if (best.recall >= wanted) break;
  }
  return best;
}

async function search(
  tx: AdminTransaction,
  {
    side,
    space,
    vector,
    by,
  }: {
    readonly side: TenantSide;
    readonly space: Space;
    readonly vector: string;
    readonly by: 'index' | 'looking';
  },
): Promise<readonly string[]> {
  const type = columnType(space);
  const distance = `vector::${type} ${operators[space.metric]} $3::${type}`;
  const { rows } = await tx.query<{ passage: string }>(
    `select passage::text as passage from embedding where tenant_id = $1 and space = $2
      order by ${by === 'index' ? distance : `(${distance}) + 0.0::float8`} limit ${neighbours}`,
    [side.tenant, space.id, vector],
  );
  return rows.map(({ passage }) => passage);
}
