import type { Isolation } from '../../src/core/placement.ts';
import { newTestDatabase, newTestNode, type TestNode } from '../../test/support/node.ts';
import { measured, median, quantile, type BenchRow } from '../row.ts';

const area = 'wall';

/** Provisioning rates, and whether a point read slows down as tenants become many. */
export async function benchProvision(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using few = await newInstallation(url);
  await using many = await newInstallation(url);
  const shared = await rateOf(many.bed, 'shared', 400);
  const schema = await rateOf(many.bed, 'schema', 60);
  await writeDocuments(many, await createMany(many.bed, 'shared', 10_000));
  await writeDocuments(few, await createMany(few.bed, 'shared', 10));
  return [
    measured({
      area,
      name: 'provision shared',
      value: shared,
      unit: 'tenants/s',
      target: '>= 200',
      how: '400 tenants through the whole journalled lifecycle, 16 at a time',
    }),
    measured({
      area,
      name: 'provision schema',
      value: schema,
      unit: 'tenants/s',
      target: '>= 20',
      how: '60 tenants with all reference tables, 16 at a time',
    }),
    await pointReads(few, many),
  ];
}

interface Installation extends AsyncDisposable {
  readonly bed: TestNode;
  /** One of each shared tenant, once they are written. */
  readonly documents: { readonly tenant: string; readonly id: string }[];
}

async function newInstallation(url: string): Promise<Installation> {
  const database = await newTestDatabase(url);
  const bed = await newTestNode({ databaseUrl: database.url, env: { BULKHEAD_MAX_CONNECTIONS: '60' } });
  return {
    bed,
    documents: [],
    async [Symbol.asyncDispose]() {
      await bed[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function createMany(bed: TestNode, isolation: Isolation, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      ids.push((await bed.tenant(isolation)).id);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return ids;
}

async function rateOf(bed: TestNode, isolation: Isolation, count: number): Promise<number> {
  const startedMs = performance.now();
  await createMany(bed, isolation, count);
  return (count / (performance.now() - startedMs)) * 1_000;
}

const pointRounds = 9;
const readsPerRound = 1_000;

/**
 * Two installations side by side, one statement at a time, turn about: what the machine does to one it does to the other.
 * The processor alone makes the same read take 40 or 75 µs, so figures taken one after the other would compare its moods.
 */
async function pointReads(few: Installation, many: Installation): Promise<BenchRow> {
  const ratios: number[] = [];
  const times: number[] = [];
  for (let round = -1; round < pointRounds; round += 1) {
    const [ofFew, ofMany]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < readsPerRound; turn += 1) {
      ofFew.push(await pointReadMs(few));
      ofMany.push(await pointReadMs(many));
    }
    // The first round is for warming up.
    if (round < 0) continue;
    ratios.push(quantile(ofMany, 0.5) / quantile(ofFew, 0.5));
    times.push(quantile(ofMany, 0.5));
  }
  return measured({
    area,
    name: 'point select p50, 10,000 tenants against 10',
    value: median(ratios),
    unit: 'x',
    target: '<= 1.1',
    how: `two installations, scoped select by id of random tenants in each, turn about, capabilities warm; median of ${pointRounds} rounds of ${readsPerRound.toLocaleString('en')}; ${Math.round(median(times) * 1_000)} µs with 10,000`,
  });
}

async function writeDocuments({ bed, documents }: Installation, tenants: readonly string[]): Promise<void> {
  for (const tenant of tenants)
    await bed.node.run(tenant, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      const { id } = await rows.table('documents').create({ title: 'a title', content: 'x' });
      documents.push({ tenant, id: String(id) });
    });
}

async function pointReadMs({ bed, documents }: Installation): Promise<number> {
  const any = documents[Math.floor(Math.random() * documents.length)];
  if (any === undefined) throw new Error('there is nothing to read');
  const scope = await bed.node.scope(any.tenant);
  await using rows = await bed.node.rows.open(scope);
  const table = rows.table('documents');
  const startedMs = performance.now();
  const found = await table.findById(any.id);
  const tookMs = performance.now() - startedMs;
  if (found === undefined) throw new Error('a document is gone');
  return tookMs;
}
