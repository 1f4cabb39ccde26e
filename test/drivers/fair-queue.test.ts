import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairQueue } from '../../src/drivers/wire/fair-queue.ts';

test('between two turns of a tenant every other waiting tenant has at most one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 80 }), (arrivals) => {
      const queue = new FairQueue<{ tenantId: string; order: number }>({ total: 100, perTenant: 100 });
      arrivals.forEach((tenant, order) => queue.push({ tenantId: `t${tenant}`, order }));
      const left = new Map<string, number>();
      for (const tenant of arrivals) left.set(`t${tenant}`, (left.get(`t${tenant}`) ?? 0) + 1);
      const lastOrder = new Map<string, number>();
      let since = new Map<string, number>();
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        expect(item.order).toBeGreaterThan(lastOrder.get(item.tenantId) ?? -1);
        lastOrder.set(item.tenantId, item.order);
        for (const [tenant, waited] of since) if (tenant !== item.tenantId) since.set(tenant, waited + 1);
        expect(since.get(item.tenantId) ?? 0).toBeLessThan(6);
        since = new Map(since).set(item.tenantId, 0);
        left.set(item.tenantId, (left.get(item.tenantId) ?? 0) - 1);
      }
      expect([...left.values()].every((count) => count === 0)).toBe(true);
      expect(queue.size).toBe(0);
    }),
  );
});

test('a full queue takes no more, of one tenant or in all, until something leaves', () => {
  const queue = new FairQueue<{ tenantId: string }>({ total: 3, perTenant: 2 });
  const [a, b, c, d] = ['a', 'a', 'a', 'b'].map((tenantId) => ({ tenantId }));
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('four');
  expect([queue.push(a), queue.push(b), queue.push(c)]).toEqual([true, true, false]);
  expect([queue.push(d), queue.push({ tenantId: 'c' })]).toEqual([true, false]);
  expect([queue.remove(a), queue.remove(a), queue.size]).toEqual([true, false, 2]);
  expect(queue.push(c)).toBe(true);
  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([b, d, c, undefined]);
});
