import type { VectorsHandle } from '../../src/compartments/vectors/vectors.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { createLexicalEmbedder } from '../../src/rag/embed/lexical.ts';
import { newTestDatabase, newTestNode, type TestNode } from '../../test/support/node.ts';
import { measured, median, quantile, type BenchRow } from '../row.ts';

const dimension = 384;
const area = 'knowledge';
/** Tenants by how many vectors they have; the smallest are many. */
const sizes: readonly (readonly [vectors: number, tenants: number])[] = [
  [200, 60],
  [5_000, 3],
  [20_000, 1],
  [60_000, 1],
];
const queries = 60;
const words = Array.from({ length: 4_000 }, (_, index) => `w${index.toString(36)}x${(index * 7) % 97}`);

interface Filled {
  readonly size: number;
  readonly tenant: Tenant;
}

/** Search in tenants of very different size that share a pool, on PostgreSQL; 384 dimensions, clustered vectors. */
export async function benchVectors(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) return [notMeasured('BULKHEAD_TEST_POSTGRES_URL is not set')];
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url });
  const filled: Filled[] = [];
  const startedMs = performance.now();
  for (const [size, count] of sizes)
    for (let index = 0; index < count; index += 1) filled.push(await fill(bed, size));
  const total = filled.reduce((sum, { size }) => sum + size, 0);
  const perSecond = total / ((performance.now() - startedMs) / 1_000);
  await database.root.script('analyze');
  const rows: BenchRow[] = [
    measured({
      area,
      name: 'passages stored with a vector and words',
      value: perSecond,
      unit: '/s',
      target: '',
      how: `${total} passages of 60 words, 500 a statement, one after the other`,
    }),
    await benchIngest(bed),
  ];
  for (const { size, tenant } of filled.filter((each) => each.size >= 5_000)) {
    const promotion = await promote(bed, tenant);
    if (size !== 60_000) continue;
    rows.push(
      measured({
        area,
        name: 'promotion of 60,000 vectors',
        value: promotion.seconds,
        unit: 's',
        target: '<= 15',
        how: `the index alone, beside ${promotion.searches} searches, ${promotion.failed} of them failed`,
      }),
    );
  }
  for (const [size] of sizes) {
    const tenant = filled.find((each) => each.size === size)?.tenant;
    if (tenant !== undefined) rows.push(...(await benchSize(bed, { size, tenant })));
  }
  return rows;
}

/** Gaussian-like around one of fifty centres of the tenant: real embeddings lie in heaps as well. */
function toVector(seed: number): number[] {
  const centre = seed % 50;
  return Array.from(
    { length: dimension },
    (_, index) => Math.sin(centre * 31 + index * 1.7) + (Math.random() + Math.random() + Math.random() - 1.5),
  );
}

function toText(): string {
  return Array.from({ length: 60 }, () => words[Math.floor(words.length * Math.random() ** 3)]).join(' ');
}

async function withVectors<T>(
  { node }: TestNode,
  tenant: Tenant,
  body: (vectors: VectorsHandle) => Promise<T>,
): Promise<T> {
  return await node.run(tenant.id, async (scope) => {
    if (node.vectors === undefined) throw new Error('no pgvector');
    await using vectors = await node.vectors.open(scope);
    return await body(vectors);
  });
}

async function fill(bed: TestNode, size: number): Promise<Filled> {
  const tenant = await bed.tenant('shared');
  await withVectors(bed, tenant, (vectors) =>
    vectors.ensureSpace({ model: 'bench', dimension, metric: 'cosine' }),
  );
  for (let start = 0; start < size; start += 5_000)
    await withVectors(bed, tenant, (vectors) =>
      vectors.upsert(
        Array.from({ length: Math.min(5_000, size - start) }, (_, index) => ({
          document: `d${start + index}`,
          body: toText(),
          vector: toVector(start + index),
        })),
      ),
    );
  return { size, tenant };
}

/** From text to found, with the built-in embedder, through the whole of it but reading files. */
async function benchIngest(bed: TestNode): Promise<BenchRow> {
  const tenant = await bed.tenant('shared');
  const embedder = createLexicalEmbedder();
  const texts = Array.from({ length: 4_000 }, toText);
  const startedMs = performance.now();
  await withVectors(bed, tenant, (vectors) => vectors.ensureSpace(embedder));
  for (let start = 0; start < texts.length; start += 1_000) {
    const part = texts.slice(start, start + 1_000);
    const made = await embedder.embed(part, { as: 'passage' });
    await withVectors(bed, tenant, (vectors) =>
      vectors.upsert(
        part.map((body, index) => ({ document: `t${start + index}`, body, vector: made[index] ?? [] })),
      ),
    );
  }
  return measured({
    area,
    name: 'chunks embedded by the built-in embedder and stored',
    value: texts.length / ((performance.now() - startedMs) / 1_000),
    unit: '/s',
    target: '>= 2000',
    how: `${texts.length} chunks of 60 words, ${embedder.dimension} dimensions, one writer`,
  });
}

async function promote(
  bed: TestNode,
  tenant: Tenant,
): Promise<{ readonly seconds: number; readonly searches: number; readonly failed: number }> {
  const placement = (await bed.node.registry.tenants.read(tenant.id))?.placements.find(
    ({ compartment }) => compartment === 'vectors',
  );
  if (placement === undefined) throw new Error('no placement');
  const state = { over: false, searches: 0, failed: 0 };
  const traffic = (async () => {
    while (!state.over) {
      await withVectors(bed, tenant, (vectors) =>
        vectors.search({ mode: 'vector', vector: toVector(state.searches), limit: 10 }),
      ).catch(() => {
        state.failed += 1;
      });
      state.searches += 1;
    }
  })();
  const startedMs = performance.now();
  await bed.node.vectors?.buildIndex(placement);
  const seconds = (performance.now() - startedMs) / 1_000;
  state.over = true;
  await traffic;
  await bed.node.vectors?.sampleRecall(placement, 0.95);
  await bed.node.vectors?.sampleWords(placement);
  return { seconds, searches: state.searches, failed: state.failed };
}

async function benchSize(bed: TestNode, { size, tenant }: Filled): Promise<readonly BenchRow[]> {
  const times = { vector: [] as number[], hybrid: [] as number[] };
  const overheads: number[] = [];
  let found = 0;
  let true10 = 0;
  for (let query = 0; query < queries; query += 1) {
    const vector = toVector(query);
    const text = toText().split(' ').slice(0, 8).join(' ');
    await withVectors(bed, tenant, async (vectors) => {
      const exact = await vectors.search({ mode: 'vector', vector, limit: 10, accuracy: 'exact' });
      const startedMs = performance.now();
      const answer = await vectors.search({ mode: 'vector', vector, limit: 10 });
      times.vector.push(performance.now() - startedMs);
      overheads.push(answer.overheadMs);
      const hybridMs = performance.now();
      await vectors.search({ mode: 'hybrid', vector, text, language: 'simple', limit: 10 });
      times.hybrid.push(performance.now() - hybridMs);
      const truth = new Set(exact.matches.map(({ id }) => id));
      true10 += truth.size;
      found += answer.matches.filter(({ id }) => truth.has(id)).length;
    });
  }
  const how = `${queries} searches of a tenant with ${size.toLocaleString('en')} vectors, text of the ten fetched too`;
  const row = (name: string, value: number, unit: string, target: string): BenchRow =>
    measured({ area, name: `${name}, ${size.toLocaleString('en')} vectors`, value, unit, target, how });
  return [
    row('search by vector, p50', median(times.vector), 'ms', ''),
    row('search by vector, p95', quantile(times.vector, 0.95), 'ms', '<= 10'),
    row('recall at 10', found / true10, '', '>= 0.95'),
    row('hybrid search, p50', median(times.hybrid), 'ms', '<= 5'),
    row('of which beside the database’s search, p50', median(overheads), 'ms', '<= 1'),
  ];
}

function notMeasured(reason: string): BenchRow {
  return {
    area,
    name: 'vectors',
    value: null,
    unit: '',
    target: '',
    holds: null,
    how: `not measured: ${reason}`,
  };
}
