import { randomBytes } from 'node:crypto';
import type { Isolation } from '../../src/core/placement.ts';
import { newTestDatabase, newTestNode, type TestNode } from '../../test/support/node.ts';
import { measured, median, quantile, type BenchRow } from '../row.ts';

const area = 'wall';

/** Provisioning rates, and whether a point read slows down as tenants become many. */
export async function benchProvision(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url, env: { BULKHEAD_MAX_CONNECTIONS: '60' } });
  const few = await pointReadMs(bed, await createMany(bed, 'shared', 10));
  const shared = await rateOf(bed, 'shared', 400);
  const schema = await rateOf(bed, 'schema', 60);
  const many = await pointReadMs(bed, await createMany(bed, 'shared', 10_000));
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
    measured({
      area,
      name: 'point select p50, 10,000 tenants against 10',
      value: many / few,
      unit: 'x',
      target: '<= 1.1',
      how: 'scoped select by id of random tenants, one at a time, capabilities warm, medians of 5 rounds of 2,000',
    }),
  ];
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

async function pointReadMs(bed: TestNode, tenants: readonly string[]): Promise<number> {
  const documents = new Map<string, string>();
  for (const tenant of tenants) {
    await bed.node.run(tenant, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      const { id } = await rows
        .table('documents')
        .create({ title: randomBytes(4).toString('hex'), content: 'x' });
      documents.set(tenant, String(id));
    });
  }
  const rounds: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const times: number[] = [];
    for (let i = 0; i < 2_000; i += 1) {
      const tenant = tenants[Math.floor(Math.random() * tenants.length)] ?? '';
      const scope = await bed.node.scope(tenant);
      await using rows = await bed.node.rows.open(scope);
      const table = rows.table('documents');
      const startedMs = performance.now();
      await table.findById(documents.get(tenant) ?? '');
      times.push(performance.now() - startedMs);
    }
    rounds.push(quantile(times, 0.5));
  }
  return median(rounds);
}
