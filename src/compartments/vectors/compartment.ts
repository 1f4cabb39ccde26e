import { assertScope } from '../../core/scope.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { asTenant, type TenantSide } from '../rows/as-tenant.ts';
import { parseContainer } from '../rows/container.ts';
import type { RowsDeps } from '../rows/deps.ts';
import { createTables } from '../rows/walled-tables.ts';
import { createVectorsHandle } from './handle.ts';
import { buildIndex, dropIndexes, hasIndex } from './indexes.ts';
import { probeVectors } from './probe.ts';
import { sampleRecall } from './recall.ts';
import { leastEfSearch, Searches } from './searches.ts';
import { Spaces } from './spaces.ts';
import { readServing, readSize } from './stats.ts';
import type { VectorsCompartment } from './vectors.ts';
import { sampleWords } from './words.ts';

/** Passages and their vectors in Postgres with pgvector, behind the same wall as rows, placed apart from them. */
export function createVectors(deps: RowsDeps): VectorsCompartment {
  const { compartment: tables, access, owner } = createTables(deps);
  const spaces = new Spaces(deps.limits.maxTenants);
  const searches = new Searches(deps.limits.maxTenants);
  const handleDeps = { spaces, searches, clock: deps.clock };

  const serving = (admin: AdminDatabase, side: TenantSide) =>
    asTenant(admin, side, (tx) => readServing(tx, side.tenant));

  const compartment: VectorsCompartment = {
    ...tables,
    async open(scope) {
      assertScope(scope);
      return createVectorsHandle(handleDeps, access(scope));
    },
    // An index is built at the target before anybody searches there: no search is slower for a move.
    move(from, to) {
      const way = tables.move(from, to);
      return {
        ...way,
        get parts() {
          return way.parts;
        },
        async compare() {
          if ((await compartment.stats(from)).isIndexed) await compartment.buildIndex(to);
          return await way.compare();
        },
      };
    },
    probe: (target) => probeVectors(target, (scope) => compartment.open(scope)),

    stats: (placement) =>
      owner(placement, async (admin, side) => {
        const size = await asTenant(admin, side, (tx) => readSize(tx, side.tenant));
        const space = await serving(admin, side);
        const indexed = space !== undefined && (await hasIndex(admin, side, space));
        const own = parseContainer(placement).kind !== 'shared';
        return {
          ...size,
          rung: own ? 'own' : indexed ? 'index' : 'exact',
          isIndexed: indexed,
          efSearch: indexed ? searches.efSearch(placement) : undefined,
        };
      }),

    buildIndex: (placement) =>
      owner(placement, async (admin, side) => {
        const space = await serving(admin, side);
        if (space !== undefined) await buildIndex(admin, side, space);
      }),
    dropIndex: (placement) => owner(placement, async (admin, side) => void (await dropIndexes(admin, side))),

    sampleRecall: (placement, wanted) =>
      owner(placement, async (admin, side) => {
        const space = await serving(admin, side);
        if (space === undefined || !(await hasIndex(admin, side, space)))
          return { queries: 0, recall: 1, efSearch: leastEfSearch };
        const sample = await asTenant(admin, side, (tx) => sampleRecall(tx, { side, space, wanted }));
        searches.raise(placement, sample.efSearch);
        return sample;
      }),

    sampleWords: (placement) => owner(placement, (admin, side) => sampleWords(admin, side)),
    touched: () => searches.touched(),
    latencies: (placement) => searches.latencies(placement),
  };
  return compartment;
}
