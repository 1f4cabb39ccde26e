import type { Isolation } from '../../src/core/placement.ts';
import { createServer } from '../../src/server/index.ts';
import { runLoad } from '../../test/support/load.ts';
import { newTestDatabase, newTestNode, operator } from '../../test/support/node.ts';
import { measured, quantile, type BenchRow } from '../row.ts';

const area = 'wall';
const tenantCount = 100;
const durationMs = 20_000;
/** The published load waits 1 to 3 s; a tenth of that is ten times the load. */
const waitMs = [100, 300] as const;
const isolations: readonly Isolation[] = ['shared', 'shared', 'schema'];

/** The published load over HTTP, with every answer checked for what is not the caller's while it runs. */
export async function benchLoad(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url });
  const server = createServer(bed.node);
  const address = await server.listen({ port: 0 });
  const tenants = await Promise.all(
    Array.from({ length: tenantCount }, async (_, index) => {
      const isolation = index < 4 ? 'database' : (isolations[index % isolations.length] ?? 'shared');
      const { id } = await bed.tenant(isolation);
      const { secret } = await bed.node.registry.keys.issue(
        { tenant: id, name: 'load', expiresAt: undefined },
        operator,
      );
      return { key: secret, mark: `of ${id}` };
    }),
  );
  const result = await runLoad({ url: address, tenants, durationMs, waitMs });
  await server.close();
  const { requests, attacks, leaks, failures, durationsMs } = result;
  const how = `${tenantCount} tenants on three isolations, list 3 : create 2 : get 1, waits of ${waitMs.join(' to ')} ms, ${durationMs / 1_000} s; client and server in one process`;
  return [
    measured({
      area,
      name: 'load, answers with somebody else’s data',
      value: leaks,
      unit: 'answers',
      target: '<= 0',
      how: `of ${requests} requests, ${attacks} of them attacks; ${how}`,
    }),
    measured({
      area,
      name: 'load, requests that failed',
      value: failures,
      unit: 'requests',
      target: '<= 0',
      how,
    }),
    measured({
      area,
      name: 'load, requests',
      value: requests / (durationMs / 1_000),
      unit: '/s',
      target: '',
      how,
    }),
    measured({ area, name: 'load, p50', value: quantile(durationsMs, 0.5), unit: 'ms', target: '', how }),
    measured({ area, name: 'load, p95', value: quantile(durationsMs, 0.95), unit: 'ms', target: '', how }),
  ];
}
