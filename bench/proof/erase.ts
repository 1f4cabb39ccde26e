import { newTestDatabase, newTestNode, operator } from '../../test/support/node.ts';
import { measured, median, type BenchRow } from '../row.ts';

const rounds = 7;
const documents = 90;

/** Erasures of schema tenants with some data: from the call to the signed receipt, every store and the hunt included. */
export async function benchErase(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url });
  const { node } = bed;
  const tookMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const tenant = await bed.tenant('schema');
    await node.run(tenant.id, async (scope) => {
      await using rows = await node.rows.open(scope);
      await rows.transaction(async (tx) => {
        for (let n = 0; n < documents; n += 1)
          await tx.table('documents').create({ title: `${n}`, content: 'x' });
      });
    });
    // Usage is written in batches, and an erasure waits for what comes late.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const startedMs = performance.now();
    const { receipt } = await node.lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator);
    tookMs.push(performance.now() - startedMs);
    if (receipt.state !== 'complete') throw new Error('an erasure was partial');
  }
  return [
    measured({
      area: 'proof',
      name: 'erase of a schema tenant',
      value: median(tookMs),
      unit: 'ms',
      target: '<= 1000',
      how: `median of ${rounds}, all stores, three counts, hunt and signed receipt; slowest ${Math.round(Math.max(...tookMs))} ms`,
    }),
  ];
}
