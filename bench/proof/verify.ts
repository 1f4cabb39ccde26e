import { isolations } from '../../src/core/placement.ts';
import { openVerifications } from '../../src/server/index.ts';
import { newTestDatabase, newTestNode } from '../../test/support/node.ts';
import { measured, type BenchRow } from '../row.ts';

const tenants = 20;

/** How long a whole verification of an installation with twenty tenants takes, every one of them attacked. */
export async function benchVerify(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  const cell = process.env['BULKHEAD_TEST_CELL_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url });
  const there = cell === undefined ? isolations.slice(0, 3) : isolations;
  if (cell !== undefined) {
    const server = { name: 'cell', role: 'dedicated', region: undefined, maxConnections: 20 } as const;
    await bed.node.registry.servers.add(server, cell, { kind: 'operator', id: 'bench' });
  }
  for (let made = 0; made < tenants; made += 1) {
    // One server of its own is at hand, and it takes one tenant.
    const isolation = there[made < there.length ? made : made % 3] ?? 'shared';
    await bed.tenant(isolation);
  }
  const { verify } = openVerifications(bed.node, 'bench');
  const { durationMs, verdict, executed, reasons } = await verify({
    sample: tenants,
    mutations: 'without',
    maxTables: 0,
    meanwhile: 'still',
  });
  if (verdict !== 'held') throw new Error(`it did not hold: ${reasons[0] ?? verdict}`);
  return [
    measured({
      area: 'proof',
      name: 'full verify of 20 tenants',
      value: durationMs / 1_000,
      unit: 's',
      target: '<= 60',
      how: `${executed} attacks over ${there.join(', ')}, one run, throw-away tenants made and databases proved included`,
    }),
  ];
}
