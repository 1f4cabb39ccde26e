import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Isolation } from '../../../src/core/placement.ts';
import { newTestNode, operator, type TestNode } from '../../support/node.ts';
import { fill, readIds, Traffic } from './support/traffic.ts';

describe('moving a tenant on the embedded database', () => {
  let bed: TestNode;
  beforeAll(async () => {
    bed = await newTestNode();
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  const ways: readonly (readonly [Isolation, Isolation])[] = [
    ['shared', 'schema'],
    ['schema', 'database'],
    ['database', 'dedicated'],
    ['dedicated', 'shared'],
  ];
  test.each(ways)(
    'from %s to %s under traffic, back, and there again for good',
    async (from, to) => {
      const { node } = bed;
      const tenant = await bed.tenant(from);
      const filled = await fill(node, tenant.id, 1_000);
      const plan = await node.lifecycle.planMove({ tenant: tenant.id, isolation: to });
      expect(plan.refusals).toEqual([]);
      await using traffic = new Traffic([node], tenant.id, 1);
      const receipt = await node.lifecycle.move({ tenant: tenant.id, isolation: to }, operator);
      await node.lifecycle.rollBackMove(tenant.id, operator);
      await node.lifecycle.move({ tenant: tenant.id, isolation: to }, operator);
      await traffic.stop();
      process.stdout.write(
        `embedded ${from} → ${to}: ${receipt.rows} rows in ${receipt.durationMs} ms, writes paused ${receipt.writePauseMs} ms\n`,
      );
      expect(traffic.refused.get('READ')).toBeUndefined();
      const { erased } = await node.lifecycle.confirmMove(tenant.id, operator);
      expect(erased['rows']?.left).toBe(0n);
      const found = await readIds(node, tenant.id);
      const known = new Set(found);
      expect(known.size).toBe(found.length);
      const expected = [...filled, ...traffic.acknowledged];
      expect(expected.filter((id) => !known.has(id) && !traffic.deleted.has(id))).toEqual([]);
      expect((await node.registry.tenants.read(tenant.id))?.isolation).toBe(to);
    },
    120_000,
  );
});
