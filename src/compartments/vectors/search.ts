import { BulkheadError } from '../../core/errors.ts';
import type { ScopedAccess } from '../rows/handle.ts';
import { toFilterSql, Values } from './metadata-filter.ts';
import { assertLanguage, columnType, invalid, toVectorText } from './values.ts';
import type { Match, SearchQuery, Space } from './vectors.ts';

export interface Limits {
  readonly limit: number;
  readonly offset: number;
}

const operators = { cosine: '<=>', inner_product: '<#>', l2: '<->' } as const;

/** Candidates of each ranking that are fused; also what is looked at behind a page. */
const fusedCandidates = 60;
/** The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). */
const fusionConstant = 60;

/** @throws value_invalid */
export function parseLimits(query: SearchQuery): Limits {
  const { limit = 10, offset = 0 } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > 200)
    throw invalid('limit', 'a whole number from 1 to 200');
  if (!Number.isInteger(offset) || offset < 0 || offset > 1_000)
    throw invalid('offset', 'a whole number from 0 to 1,000');
  return { limit, offset };
}

export interface Ranked extends Record<string, unknown> {
  readonly tenant_id: string;
  readonly passage: string;
  readonly score: number;
}

/** How one search by vector is to be made. */
export interface VectorPlan {
  readonly space: Space;
  readonly efSearch: number;
  readonly accuracy: 'index' | 'exact';
}

const plannerSettings = {
  plan_cache_mode: 'force_custom_plan',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
};

/**
 * The nearest passages. Always min(k, n) of them: an index search that came back with fewer (a filter let few through)
 * is made anew, exactly.
 */
export async function nearest(
  access: ScopedAccess,
  query: Pick<SearchQuery, 'vector' | 'filter'> & { readonly count: number },
  plan: VectorPlan,
): Promise<readonly Ranked[]> {
  if (query.vector === undefined) throw invalid('vector', 'is needed for this mode');
  const found = await runNearest(access, query, plan);
  if (plan.accuracy === 'exact' || found.length >= query.count) return found;
  // Fewer than asked for: either there are no more, or the index has stopped too early. Only looking tells.
  return await runNearest(access, query, { ...plan, accuracy: 'exact' });
}

async function runNearest(
  access: ScopedAccess,
  query: Pick<SearchQuery, 'vector' | 'filter'> & { readonly count: number },
  { space, efSearch, accuracy }: VectorPlan,
): Promise<readonly Ranked[]> {
  const text = toVectorText(query.vector ?? [], { ...space, field: 'vector' });
  const values = new Values([access.scope.tenantId, space.id, text, query.count]);
  const filter = toFilterSql(query.filter, values);
  const type = columnType(space);
  const distance = `e.vector::${type} ${operators[space.metric]} $3::${type}`;
  // An expression that no index has: so that the planner looks at every vector.
  const order = accuracy === 'exact' ? `(${distance}) + 0.0::float8` : distance;
  const join = filter === '' ? '' : ' join passage p on p.tenant_id = e.tenant_id and p.id = e.passage';
  const { rows } = await access.run<Ranked>(
    {
      text: `select e.tenant_id, e.passage, ${toSimilarity(space, distance)} as score
        from embedding e${join} where e.tenant_id = $1 and e.space = $2${filter}
        order by ${order} limit $4`,
      values: values.values,
    },
    {
      settings: {
        ...plannerSettings,
        ...(accuracy === 'exact'
          ? {}
          : {
              'hnsw.ef_search': String(Math.min(1_000, Math.max(efSearch, query.count))),
              'hnsw.iterative_scan': 'strict_order',
            }),
      },
    },
  );
  return rows;
}

/** Larger is better, whatever the metric. */
function toSimilarity({ metric }: Space, distance: string): string {
  switch (metric) {
    case 'cosine':
      return `1 - (${distance})`;
    case 'inner_product':
      return `-(${distance})`;
    case 'l2':
      return `1 / (1 + (${distance}))`;
  }
}

/** Passages by BM25. */
export async function byWords(
  access: ScopedAccess,
  query: Pick<SearchQuery, 'text' | 'filter' | 'language'> & { readonly count: number },
  container: string,
): Promise<readonly Ranked[]> {
  const { text, language = 'english' } = query;
  if (text === undefined || text.trim() === '') throw invalid('text', 'is needed for this mode');
  if (text.length > 4_000) throw invalid('text', 'up to 4,000 characters');
  if (text.includes('\u0000')) throw invalid('text', 'holds a NUL character');
  assertLanguage(language);
  const isFiltered = query.filter !== undefined && Object.keys(query.filter).length > 0;
  // Behind a filter more has to be looked at to fill a page.
  const looked = isFiltered ? 2_000 : query.count;
  const values = new Values([access.scope.tenantId, container, text, language, looked, query.count]);
  const filter = toFilterSql(query.filter, values);
  const join = isFiltered ? ` join passage p on p.tenant_id = $1 and p.id = s.passage` : '';
  const { rows } = await access.run<Ranked>(
    {
      text: `select s.tenant_id, s.passage, s.score from bulkhead_lexical.search($2, $3, $4::regconfig, $5) s${join}
        where s.tenant_id = $1${filter} order by s.score desc, s.passage limit $6`,
      values: values.values,
    },
    {},
  );
  return rows;
}

/** What a search needs beside its query. */
export interface SearchPlace {
  readonly container: string;
  /** undefined: nothing was embedded yet, so a vector finds nothing. */
  readonly vectors: VectorPlan | undefined;
}

/** Passages with their score, best first: ids alone. */
export async function rank(
  access: ScopedAccess,
  query: SearchQuery,
  place: SearchPlace,
): Promise<readonly Pick<Ranked, 'passage' | 'score'>[]> {
  const { limit, offset } = parseLimits(query);
  const wanted = limit + offset;
  const byVector = (count: number): Promise<readonly Ranked[]> =>
    place.vectors === undefined ? Promise.resolve([]) : nearest(access, { ...query, count }, place.vectors);
  switch (query.mode) {
    case 'vector':
      return (await byVector(wanted)).slice(offset);
    case 'text':
      return (await byWords(access, { ...query, count: wanted }, place.container)).slice(offset);
    case 'hybrid': {
      const count = Math.max(fusedCandidates, wanted);
      const rankings = await Promise.all([
        byVector(count),
        byWords(access, { ...query, count }, place.container),
      ]);
      return fuse(rankings, [query.vectorWeight ?? 1, 1]).slice(offset, wanted);
    }
  }
}

/** Reciprocal rank fusion: what both rankings like comes before what one of them loves. */
export function fuse(
  rankings: readonly (readonly Pick<Ranked, 'passage'>[])[],
  weights: readonly number[],
): readonly Pick<Ranked, 'passage' | 'score'>[] {
  const scores = new Map<string, number>();
  for (const [index, ranking] of rankings.entries())
    for (const [place, { passage }] of ranking.entries()) {
      const share = (weights[index] ?? 1) / (fusionConstant + place + 1);
      scores.set(passage, (scores.get(passage) ?? 0) + share);
    }
  return [...scores]
    .map(([passage, score]) => ({ passage, score }))
    .toSorted((a, b) => b.score - a.score || (a.passage < b.passage ? -1 : 1));
}

export interface PassageRow extends Record<string, unknown> {
  readonly tenant_id: string;
  readonly id: string;
  readonly document: string;
  readonly ordinal: number;
  readonly title: string;
  readonly body: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** @throws foreign_row from the access itself where a row is another tenant's */
export async function fetchMatches(
  access: ScopedAccess,
  ranked: readonly Pick<Ranked, 'passage' | 'score'>[],
): Promise<readonly Match[]> {
  if (ranked.length === 0) return [];
  const { rows } = await access.run<PassageRow>(
    {
      text: `select tenant_id, id, document, ordinal, title, body, metadata from passage
        where tenant_id = $1 and id = any ($2::uuid[])`,
      values: [access.scope.tenantId, ranked.map(({ passage }) => passage)],
    },
    {},
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  // One that was deleted between the two statements is not there any more, and is left out.
  return ranked.flatMap(({ passage, score }) => {
    const row = byId.get(passage);
    return row === undefined ? [] : [toMatch(row, score)];
  });
}

export function toMatch(row: PassageRow, score: number): Match {
  const { id, document, ordinal, title, body, metadata } = row;
  if (typeof metadata !== 'object') throw new BulkheadError('internal', { reason: 'metadata is no object' });
  return { id, document, ordinal, title, body, metadata, score };
}
