import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CacheHandle, CacheKey } from '../../src/compartments/cache/cache.ts';
import { parseSlug, type TenantId } from '../../src/core/ids.ts';
import { isolations, type Isolation } from '../../src/core/placement.ts';
import type { Plan } from '../../src/core/plan.ts';
import { describeCompartment, type TestApi } from '../../src/testing/index.ts';
import { newTestNode, operator, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const api: TestApi = { test, equal: (actual, expected) => expect(actual).toEqual(expected) };
const keys: readonly CacheKey[] = [['docs', '1'], ['docs', 'a:b'], ['answers', '{x}\n*'], ['plain']];

async function fill(cache: CacheHandle): Promise<number> {
  for (const key of keys) await cache.set(key, { text: 'x'.repeat(50), key });
  return keys.length;
}

async function count(cache: CacheHandle): Promise<number> {
  const values = await Promise.all(keys.map((key) => cache.get(key)));
  return values.filter((value) => value !== undefined).length;
}

function suite(env: Readonly<Record<string, string>>): void {
  let bed: TestNode;
  let plan: Plan;
  beforeAll(async () => {
    bed = await newTestNode({ env });
    // Tenants of the suite are placed by the suite alone: what it has erased must not be given to them again.
    await bed.node.lifecycle.stopBackfill();
    const found = await bed.node.registry.plans.read('enterprise');
    if (found === undefined) throw new Error('no enterprise plan');
    plan = found;
  });
  afterAll(() => bed[Symbol.asyncDispose]());
  for (const isolation of isolations)
    describe(isolation, () => {
      describeCompartment<CacheHandle>(api, () => ({
        compartment: bed.node.cache,
        plan,
        isolation,
        enroll: (tenant) => enroll(bed, tenant, isolation),
        fill,
        count,
      }));
    });
}

/** The node asks its registry about every tenant before it serves one. */
async function enroll({ node }: TestNode, id: TenantId, isolation: Isolation): Promise<void> {
  const slug = parseSlug(`t-${id.slice(0, 8)}-${id.slice(-8)}`);
  if (slug === undefined) throw new Error('not a slug');
  const rest = { plan: 'enterprise', region: undefined, parent: undefined, features: [], settings: {} };
  await node.registry.tenants.insert({ id, slug, name: slug, isolation, ...rest }, operator);
  await node.registry.tenants.transition(id, 'provisioned', operator);
}

describe('cache in memory', () => suite({}));

describeWith('valkey', 'cache in Valkey', (url) => {
  const own = ['a', 'b', 'c'].map((name, index) => `${name}=${url}/${index + 1}`);
  suite({
    BULKHEAD_CACHE_URL: url,
    BULKHEAD_CACHE_SERVERS: own.join(','),
    BULKHEAD_CACHE_TIMEOUT_MS: '5000',
  });
});
