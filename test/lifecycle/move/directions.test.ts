import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bulkhead } from '../../../src/bulkhead.ts';
import { isolations, type Isolation, type Placement } from '../../../src/core/placement.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { describeWith, serviceUrl } from '../../support/services.ts';
import { fill, readIds, Traffic } from './support/traffic.ts';

interface Direction {
  readonly from: Isolation;
  readonly to: Isolation;
}

const directions: readonly Direction[] = isolations.flatMap((from) =>
  isolations.filter((to) => to !== from).map((to) => ({ from, to })),
);

describeWith('postgres', 'moving a tenant on PostgreSQL', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let nodes: readonly Bulkhead[];
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    nodes = [bed.node, await bed.another()];
    const cell = serviceUrl('cell');
    if (cell === undefined) throw new Error('a second server is needed: BULKHEAD_TEST_CELL_URL');
    for (let i = 0; i < 8; i += 1)
      await bed.node.registry.servers.add(
        { name: `cell-${i}`, role: 'dedicated', region: undefined, maxConnections: 10 },
        cell,
        operator,
      );
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  test.each(directions)(
    'from $from to $to under traffic: reads never stop, no acknowledged write is lost or doubled',
    async ({ from, to }) => {
      const { node } = bed;
      const neighbour = await bed.tenant(from);
      const neighbourIds = await fill(node, neighbour.id, 20);
      const tenant = await bed.tenant(from);
      const filled = await fill(node, tenant.id, 3_000);
      await using traffic = new Traffic(nodes, tenant.id);
      const receipt = await node.lifecycle.move({ tenant: tenant.id, isolation: to }, operator);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await traffic.stop();
      const moved = await node.registry.tenants.read(tenant.id);
      expect(moved?.isolation).toBe(to);
      const containers = (placements: readonly Placement[] = []): readonly string[] =>
        placements.map(({ compartment, container }) => `${compartment} ${container}`).toSorted();
      const going = new Set(receipt.to.map(({ compartment }) => compartment));
      const staying = tenant.placements.filter(({ compartment }) => !going.has(compartment));
      expect(containers(moved?.placements)).toEqual(containers([...receipt.to, ...staying]));
      // Objects lie in a place of a tenant's own whether that tenant's rows share a server or not.
      expect(staying.every(({ compartment }) => compartment === 'objects')).toBe(true);
      expect(moved?.epoch).toBeGreaterThan(tenant.epoch);
      const expected = [...filled, ...traffic.acknowledged].toSorted();
      const unsure = traffic.deleted;
      for (const each of nodes) {
        const found = (await readIds(each, tenant.id)).filter((id) => !unsure.has(id)).toSorted();
        expect(found.length).toBe(new Set(found).size);
        const known = new Set(found);
        expect(expected.filter((id) => !known.has(id))).toEqual([]);
      }
      expect(traffic.acknowledged.size).toBeGreaterThan(10);
      expect(traffic.reads).toBeGreaterThan(10);
      const worstReadMs = Math.max(...traffic.readGapsMs);
      process.stdout.write(
        `${from} → ${to}: ${receipt.rows} rows in ${receipt.durationMs} ms, writes paused ${receipt.writePauseMs} ms, ` +
          `${traffic.acknowledged.size} writes, ${traffic.reads} reads, slowest ${worstReadMs.toFixed(0)} ms, refused ${JSON.stringify([...traffic.refused])}\n`,
      );
      expect(traffic.refused.get('READ')).toBeUndefined();
      const confirmed = await node.lifecycle.confirmMove(tenant.id, operator);
      expect(confirmed.erased['rows']?.left).toBe(0n);
      expect(confirmed.erased['rows']?.removed).toBeGreaterThan(3_000n);
      expect((await readIds(node, tenant.id)).length).toBeGreaterThanOrEqual(expected.length);
      expect((await readIds(node, neighbour.id)).toSorted()).toEqual([...neighbourIds].toSorted());
      expect((await node.lifecycle.moveOf(tenant.id)).phase).toBe('confirmed');
    },
    120_000,
  );
});
