import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import { newTenantId, type TenantId } from '../../src/core/ids.ts';
import type { Registry } from '../../src/registry/registry.ts';
import {
  describeRegistry,
  insertActive,
  isFeed,
  makeRegistry,
  MovableClock,
  newSlug,
  operator,
  until,
  WatchedDatabase,
  type TestRegistry,
} from './support.ts';

async function isStale(pending: Promise<unknown>): Promise<boolean> {
  return pending.then(
    () => false,
    (error: unknown) => isBulkheadError(error, 'registry_stale'),
  );
}

describeRegistry('the directory', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  let watched: WatchedDatabase;
  const clock = new MovableClock();
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    watched = new WatchedDatabase(made.database.admin);
    registry = await made.node({ admin: watched, clock, answerTimeoutMs: 1_000 });
  });
  afterAll(() => made[Symbol.asyncDispose]());
  beforeEach(() => {
    watched.fault = 'none';
    watched.seen.length = 0;
  });

  /** Until the node may believe its memory again. */
  const confirmed = (id: TenantId) => until(() => registry.directory.peek(id) !== undefined);

  /** A tenant in the node's memory, whose making is old news. */
  async function warm() {
    const tenant = await insertActive(made.registry);
    await watched.heard();
    await registry.directory.byId(tenant.id);
    await registry.directory.bySlug(tenant.slug);
    await confirmed(tenant.id);
    return tenant;
  }

  test('a tenant that was read once is read from memory, by id and by slug', async () => {
    const { id, slug } = await warm();
    const first = await registry.directory.byId(id);
    watched.seen.length = 0;
    expect(await registry.directory.byId(id)).toBe(first);
    expect(registry.directory.peek(id)).toBe(first);
    expect(await registry.directory.bySlug(slug)).toBe(first);
    expect(watched.count).toBe(0);
  });

  test('a hundred who miss at the same time cause one query', async () => {
    const { id } = await insertActive(made.registry);
    await registry.plans.list();
    await watched.heard();
    watched.seen.length = 0;
    const answers = await Promise.all(Array.from({ length: 100 }, () => registry.directory.byId(id)));
    expect(new Set(answers).size).toBe(1);
    expect(watched.count).toBe(1);
  });

  test('five minutes later a tenant is read again, and not before', async () => {
    const { id } = await warm();
    clock.advance(250_000);
    await confirmed(id);
    watched.seen.length = 0;
    await registry.directory.byId(id);
    expect(watched.count).toBe(0);
    clock.advance(51_000);
    await until(() => watched.seen.some(isFeed));
    await registry.directory.byId(id);
    expect(watched.count).toBeGreaterThan(0);
  });

  test('ids that do not exist are remembered as well', async () => {
    const id = newTenantId();
    const slug = newSlug();
    expect(await registry.directory.byId(id)).toBeUndefined();
    expect(await registry.directory.bySlug(slug)).toBeUndefined();
    watched.seen.length = 0;
    for (let time = 0; time < 50; time += 1) {
      expect(await registry.directory.byId(id)).toBeUndefined();
      expect(await registry.directory.bySlug(slug)).toBeUndefined();
    }
    expect(watched.count).toBe(0);
  });

  test('a flood of ids that do not exist becomes a few queries, two at a time', async () => {
    const ids = Array.from({ length: 10_000 }, () => newTenantId());
    const answers = await Promise.all(ids.map((id) => registry.directory.byId(id)));
    expect(answers.every((answer) => answer === undefined)).toBe(true);
    expect(watched.count).toBeLessThanOrEqual(25);
  });

  test('an id that was asked for before it existed is found as soon as it does', async () => {
    const id = newTenantId();
    const slug = newSlug();
    expect(await registry.directory.byId(id)).toBeUndefined();
    expect(await registry.directory.bySlug(slug)).toBeUndefined();
    await insertActive(made.registry, { id, slug });
    const tookMs = await until(async () => (await registry.directory.bySlug(slug))?.id === id);
    expect(tookMs).toBeLessThan(1_000);
    expect((await registry.directory.byId(id))?.slug).toBe(slug);
  });

  test('fresh reads past the cache and corrects it', async () => {
    const { id } = await insertActive(made.registry);
    const before = await registry.directory.byId(id);
    await made.registry.tenants.transition(id, 'suspended', operator);
    expect((await registry.directory.fresh(id))?.state).toBe('suspended');
    expect((await registry.directory.byId(id))?.state).toBe('suspended');
    expect(before?.state).toBe('active');
  });

  test('a node that cannot hear changes does not answer from memory, and says so when it cannot ask either', async () => {
    const { id } = await warm();
    watched.fault = 'fails';
    await until(() => registry.directory.peek(id) === undefined);
    expect(await isStale(registry.directory.byId(id))).toBe(true);
    expect(await isStale(registry.directory.fresh(id))).toBe(true);
    expect(await isStale(registry.directory.bySlug(newSlug()))).toBe(true);
    watched.fault = 'none';
    expect((await registry.directory.byId(id))?.id).toBe(id);
    await confirmed(id);
  });

  test('a database that does not answer at all is given up on, not waited for', async () => {
    const { id } = await insertActive(made.registry);
    await warm();
    watched.fault = 'hangs';
    const startedMs = performance.now();
    expect(await isStale(registry.directory.byId(id))).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    watched.fault = 'none';
    await until(async () => !(await isStale(registry.directory.byId(id))));
    await confirmed(id);
  });

  test('a machine that slept does not trust what it knew before', async () => {
    const { id } = await warm();
    watched.fault = (text) => (isFeed(text) ? 'fails' : 'none');
    // The monotonic clock stands still in a sleep; the wall clock does not.
    clock.jump(60_000);
    expect(registry.directory.peek(id)).toBeUndefined();
    watched.fault = 'none';
    await confirmed(id);
  });

  test('a clock that is set back does not make old knowledge young', async () => {
    const { id } = await warm();
    watched.fault = (text) => (isFeed(text) ? 'fails' : 'none');
    clock.jump(-3_600_000);
    await until(() => registry.directory.peek(id) === undefined, 1_500);
    watched.fault = 'none';
    await confirmed(id);
  });

  test('the number of tenants in memory is bounded', async () => {
    const small = await made.node({ cache: { maxEntries: 3 } });
    const tenants = await Promise.all(Array.from({ length: 6 }, () => insertActive(made.registry)));
    for (const { id } of tenants) await small.directory.byId(id);
    const kept = tenants.filter(({ id }) => small.directory.peek(id) !== undefined);
    expect(kept.map(({ id }) => id)).toEqual(tenants.slice(3).map(({ id }) => id));
  });

  test('tenants of one plan share what they have in common, and none of it can be changed', async () => {
    const [one, two] = [await insertActive(made.registry), await insertActive(made.registry)];
    const [a, b] = [await registry.directory.byId(one.id), await registry.directory.byId(two.id)];
    if (a === undefined || b === undefined) throw new Error('not found');
    expect(a.planDetail).toBe(b.planDetail);
    expect(a.effectiveFeatures).toBe(b.effectiveFeatures);
    expect(
      Object.isFrozen(a) && Object.isFrozen(a.planDetail) && Object.isFrozen(a.planDetail.governor),
    ).toBe(true);
  });
});
