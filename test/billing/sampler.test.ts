import { afterAll, beforeAll, expect, test } from 'vitest';
import { monthAt } from '../../src/billing/month.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

describeWith('postgres', 'storage', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  test('what a tenant keeps is an hour of it, once an hour, whichever of several nodes looks', async () => {
    const shared = await bed.tenant('shared');
    const own = await bed.tenant('schema');
    for (const { id } of [shared, own])
      await bed.node.run(id, async (scope) => {
        await using rows = await bed.node.rows.open(scope);
        await rows.table('documents').create({ title: 'a', content: 'b'.repeat(1_000) });
      });
    const other = await bed.another();
    const counts = await Promise.all([bed.node.billing.sampleStorage(), other.billing.sampleStorage()]);
    expect(counts.filter((count) => count > 0)).toHaveLength(1);
    expect(await bed.node.billing.sampleStorage()).toBe(0);
    await other.billing.ledger.flush();
    for (const { id } of [shared, own]) {
      const lines = await bed.node.billing.lines(monthAt(Date.now()), id);
      const kept = lines.filter(({ meter }) => meter.startsWith('storage.'));
      expect(kept.map(({ amount }) => amount > 0n)).toContain(true);
      expect(kept.every(({ model }) => model.includes('.'))).toBe(true);
    }
  });

  test('an hour that a node left half done is taken up by another, and counted once', async () => {
    const tenant = await bed.tenant('shared');
    await bed.node.run(tenant.id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      await rows.table('documents').create({ title: 'a', content: 'b' });
    });
    const before = await bed.node.billing.lines(monthAt(Date.now()));
    await database.root.query(
      `update bulkhead.usage_sample set done_at = null, lease_until = now() - interval '1 minute'`,
    );
    expect(await bed.node.billing.sampleStorage()).toBeGreaterThan(0);
    const after = await bed.node.billing.lines(monthAt(Date.now()));
    const amounts = (lines: typeof before) =>
      lines
        .filter((line) => line.meter.startsWith('storage.') && line.tenant !== tenant.id)
        .map(({ tenant: id, model, amount }) => `${id} ${model} ${amount}`);
    expect(amounts(after)).toEqual(amounts(before));
    expect(after.some((line) => line.tenant === tenant.id && line.meter.startsWith('storage.'))).toBe(true);
  });
});
