import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { VectorsCompartment, VectorsHandle } from '../../src/compartments/vectors/vectors.ts';
import type { Plan } from '../../src/core/plan.ts';
import { describeCompartment, type TestApi } from '../../src/testing/index.ts';
import { describeOnEachStore, type StoreUnderTest } from '../support/each-store.ts';
import { enroll } from '../support/enroll.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const api: TestApi = { test, equal: (actual, expected) => expect(actual).toEqual(expected) };

async function fill(vectors: VectorsHandle): Promise<number> {
  await vectors.ensureSpace({ model: 'test', dimension: 4, metric: 'cosine' });
  await vectors.upsert(
    [0, 1, 2].map((ordinal) => ({
      document: 'd',
      ordinal,
      title: 'A title',
      body: `passage number ${ordinal}`,
      language: 'english',
      metadata: { ordinal },
      vector: [1, ordinal, 0, 0],
    })),
  );
  // One space, three passages, three vectors.
  return 7;
}

/** Counts what the handle finds, by each way of looking. */
async function count(vectors: VectorsHandle): Promise<number> {
  const passages = await vectors.count();
  const byWords = await vectors.search({ mode: 'text', text: 'passage', limit: 50 });
  const space = await vectors.space();
  if (space === undefined) return passages + byWords.matches.length;
  const byVector = await vectors.search({ mode: 'vector', vector: [1, 0, 0, 0], limit: 50 });
  expect([passages, byWords.matches.length, byVector.matches.length]).toEqual([3, 3, 3]);
  return 7;
}

function vectorsOf(store: () => StoreUnderTest): VectorsCompartment {
  const { vectors } = store().bed.node;
  if (vectors === undefined) throw new Error('the server has no pgvector');
  return vectors;
}

describeOnEachStore('vectors', (store) => {
  for (const isolation of ['shared', 'schema', 'database'] as const) {
    describe(isolation, () => {
      let plan: Plan;
      beforeAll(async () => {
        const found = await store().bed.node.registry.plans.read('enterprise');
        if (found === undefined) throw new Error('no enterprise plan');
        plan = found;
      });
      describeCompartment<VectorsHandle>(api, () => ({
        compartment: vectorsOf(store),
        plan,
        isolation,
        enroll: (tenant) => enroll(store().bed.node, tenant, isolation),
        fill,
        count,
      }));
    });
  }
});
