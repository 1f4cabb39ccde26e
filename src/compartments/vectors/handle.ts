import type { Clock } from '../../core/clock.ts';
import { parseContainer, schemaOf } from '../rows/container.ts';
import type { ScopedAccess } from '../rows/handle.ts';
import { fetchMatches, rank, toMatch, type PassageRow, type VectorPlan } from './search.ts';
import type { Searches } from './searches.ts';
import type { Spaces } from './spaces.ts';
import { invalid } from './values.ts';
import type { KeptPassage, SearchQuery, VectorsHandle } from './vectors.ts';
import { removePassages, upsertPassages } from './write.ts';

export interface VectorsHandleDeps {
  readonly spaces: Spaces;
  readonly searches: Searches;
  readonly clock: Clock;
}

export function createVectorsHandle(deps: VectorsHandleDeps, access: ScopedAccess): VectorsHandle {
  const { spaces, searches, clock } = deps;
  const { tenantId } = access.scope;
  const placement = () => access.route.target.placement;

  const toPlan = async (query: SearchQuery): Promise<VectorPlan | undefined> => {
    if (query.mode === 'text') return undefined;
    const space = await spaces.serving(access);
    if (space === undefined) return undefined;
    return { space, efSearch: searches.efSearch(placement()), accuracy: query.accuracy ?? 'index' };
  };

  return {
    space: () => spaces.serving(access),
    ensureSpace: (shape) => spaces.ensure(access, shape),
    buildSpace: (shape) => spaces.build(access, shape),
    serveSpace: (id) => spaces.serve(access, id),
    dropSpace: (id) => spaces.drop(access, id),

    async upsert(passages, into) {
      const space = into ?? (await spaces.serving(access));
      const upserted = await upsertPassages(access, passages, space);
      searches.wrote(placement());
      const { container, isolation } = placement();
      return { upserted, namespace: container, isolation };
    },

    async kept(document) {
      const { rows } = await access.run<KeptPassage & Record<string, unknown>>(
        {
          text: `select ordinal, content_hash as "contentHash" from passage
            where tenant_id = $1 and document = $2 order by ordinal`,
          values: [tenantId, document],
        },
        {},
      );
      return rows;
    },

    remove: (document, which = 0) => removePassages(access, document, which),

    async removeAll() {
      const { rowCount } = await access.run(
        { text: 'delete from passage where tenant_id = $1', values: [tenantId] },
        { lane: 'alone' },
      );
      return rowCount;
    },

    async search(query) {
      const startedMs = clock.monotonicMs();
      const vectors = await toPlan(query);
      const plannedMs = clock.monotonicMs();
      const { container, isolation } = placement();
      const schema = schemaOf(parseContainer(placement()));
      const ranked = await rank(access, query, { container: schema, vectors });
      const rankedMs = clock.monotonicMs();
      const matches = await fetchMatches(access, ranked);
      const endedMs = clock.monotonicMs();
      searches.took(placement(), rankedMs - plannedMs);
      return {
        matches,
        namespace: container,
        isolation,
        overheadMs: endedMs - startedMs - (rankedMs - plannedMs),
        durationMs: endedMs - startedMs,
      };
    },

    async passages({ after, limit }) {
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000)
        throw invalid('limit', 'a whole number from 1 to 1,000');
      const { rows } = await access.run<
        PassageRow & { readonly contentHash: string; readonly language: string }
      >(
        {
          text: `select tenant_id, id, document, ordinal, title, body, metadata, content_hash as "contentHash",
              language::text as language
            from passage where tenant_id = $1 and id > $2::uuid order by id limit $3`,
          values: [tenantId, after ?? '00000000-0000-0000-0000-000000000000', limit],
        },
        { lane: 'alone' },
      );
      return rows.map((row) => ({
        ...toMatch(row, 0),
        contentHash: row.contentHash,
        language: row.language,
      }));
    },

    async count() {
      const { rows } = await access.run<{ count: number }>(
        { text: 'select count(*)::int as count from passage where tenant_id = $1', values: [tenantId] },
        {},
      );
      return rows[0]?.count ?? 0;
    },

    [Symbol.asyncDispose]: async () => {},
  };
}
