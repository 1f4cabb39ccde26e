import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVerifier } from '../../../src/create-verifier.ts';
import { testCrossTenantIsolation } from '../../../src/index.ts';
import { createFrontOpener } from '../../../src/server/front.ts';
import { createServer } from '../../../src/server/server.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../../support/node.ts';
import { describeWith } from '../../support/services.ts';

const slow = 300_000;

const quick = { sample: 2, mutations: 'without', maxTables: 0, meanwhile: 'still' } as const;

interface Store {
  readonly bed: TestNode;
  /** Superuser past every wall; on Postgres alone. */
  readonly database: TestDatabase | undefined;
}

describeWith('postgres', 'a sound node on PostgreSQL', (url) => {
  let store: Store;
  beforeAll(async () => {
    const database = await newTestDatabase(url);
    store = { database, bed: await newTestNode({ databaseUrl: database.url }) };
  });
  afterAll(async () => {
    await store.bed[Symbol.asyncDispose]();
    await store.database?.[Symbol.asyncDispose]();
  });
  holds(() => store);
});

describe('a sound node on the embedded database', () => {
  let store: Store;
  beforeAll(async () => {
    // All instances stay open: opening one again for each attack takes longer than the attacks.
    const bed = await newTestNode({ env: { BULKHEAD_EMBEDDED_INSTANCES: '8' } });
    store = { database: undefined, bed };
  }, slow);
  afterAll(() => store.bed[Symbol.asyncDispose]());
  holds(() => store);
});

function holds(store: () => Store): void {
  test(
    'holds against every attack of every front, on every isolation, and is left as it was',
    { timeout: slow },
    async () => {
      const { node } = store().bed;
      const kept = await store().bed.tenant('shared');
      const openFront = createFrontOpener(node, createServer);
      const told: string[] = [];
      const result = await createVerifier(node, { version: 'test', openFront })({
        ...quick,
        onProgress: ({ label }) => told.push(label),
      });
      expect([result.verdict, result.reasons]).toEqual(['held', []]);
      expect(new Set(result.attacks.map(({ front }) => front))).toEqual(
        new Set(['store', 'scope', 'pool', 'registry', 'http']),
      );
      expect(result.executed).toBeGreaterThan(400);
      expect(result.controls.filter(({ found }) => !found)).toEqual([]);
      expect(result.controls.map(({ store: name }) => name)).toEqual(
        expect.arrayContaining(['hunt', ...node.compartments.map(({ kind }) => kind)]),
      );
      // Whatever is not held is said, and why: there is no mail that could leak.
      expect(result.catalogue.filter((line) => line.result !== 'held')).toMatchObject([
        { id: 'A73', result: 'not_covered' },
      ]);
      const covered = new Set(result.tenants.map(({ isolation }) => isolation));
      for (const isolation of ['shared', 'schema', 'database'] as const) expect(covered).toContain(isolation);
      expect(
        covered.has('dedicated') || result.notCovered.some((text) => text.startsWith('isolation dedicated')),
      ).toBe(true);
      expect(told.length).toBeGreaterThan(10);
      const { tenants } = await node.registry.tenants.list({ limit: 200, state: 'active' });
      expect(tenants.map(({ id }) => id)).toEqual([kept.id]);
      await expect(node.run(kept.id, () => node.rows.current().table('documents').count())).resolves.toBe(0);
    },
  );

  test(
    'two tenants of one’s own: the leak attempts fail, the test passes, and nothing of theirs is changed',
    { timeout: slow },
    async () => {
      const { bed } = store();
      const { node } = bed;
      const [a, b] = [await bed.tenant('shared'), await bed.tenant('schema')];
      const stored = async ({ id }: typeof a): Promise<unknown> =>
        await node.run(id, async () => (await node.rows.current().table('documents').findAll()).rows);
      for (const { id } of [a, b])
        await node.run(id, () =>
          node.rows.current().table('documents').create({ title: 'mine', content: 'mine' }),
        );
      const before = [await stored(a), await stored(b)];
      const { passed, summary, evidence } = await testCrossTenantIsolation(node, a.id, b.slug);
      expect([passed, evidence.reasons]).toEqual([true, []]);
      expect(summary).toMatch(/^\d+ leak attempts failed: the test passed$/);
      expect(evidence.tenants.map(({ kind }) => kind)).toEqual(['kept', 'kept']);
      expect([await stored(a), await stored(b)]).toEqual(before);
      await expect(testCrossTenantIsolation(node, a.id, a.slug)).rejects.toMatchObject({
        code: 'value_invalid',
      });
      await expect(testCrossTenantIsolation(node, a.id, 'nobody-here')).rejects.toMatchObject({
        code: 'tenant_not_found',
      });
    },
  );

  test(
    'a wall that is taken down for one table is a leak, by the attack and by the proof',
    { timeout: slow },
    async () => {
      const { database, bed } = store();
      const { node } = bed;
      const [a, b] = [await bed.tenant('shared'), await bed.tenant('shared')];
      if (database === undefined) {
        await expectBlindControl(store);
        return;
      }
      await database.root.script('drop policy bulkhead_wall on shared.documents');
      try {
        const { passed, evidence } = await testCrossTenantIsolation(node, a.id, b.id);
        expect([passed, evidence.verdict]).toEqual([false, 'leaked']);
        expect(evidence.reasons.join('\n')).toMatch(/rows\/read-by-id/);
        expect(evidence.reasons.join('\n')).toMatch(/proof of main: S06 shared\.documents/);
      } finally {
        await database.root.script(
          `create policy bulkhead_wall on shared.documents as restrictive using (tenant_id = (select bulkhead_wall.current_tenant_id())) with check (tenant_id = (select bulkhead_wall.current_tenant_id()))`,
        );
      }
      expect((await testCrossTenantIsolation(node, a.id, b.id)).passed).toBe(true);
    },
  );
}

/** Nobody gets past the embedded database's only owner; there a probe that sees nothing must not be taken for a wall. */
async function expectBlindControl(store: () => Store): Promise<void> {
  const { node } = store().bed;
  const rows = { ...node.rows, probe: () => Promise.resolve([]) };
  const verify = createVerifier({ ...node, rows, compartments: [rows] }, { version: 'test' });
  const result = await verify({ ...quick, sample: 0 });
  expect(result.verdict).toBe('inconclusive');
  expect(result.reasons.join('\n')).toContain('control of rows');
}
