import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { RegistryEvent } from '../../src/registry/log.ts';
import {
  describeBehindPoolers,
  describeRegistry,
  insertActive,
  isFeed,
  makeRegistry,
  MovableClock,
  newTenant,
  operator,
  placementOf,
  until,
  WatchedDatabase,
  type Dialect,
  type TestRegistry,
} from './support.ts';

function twoNodes(dialect: Dialect): void {
  let made: TestRegistry;
  let a: Registry;
  let b: Registry;
  let databaseOfB: WatchedDatabase;
  const clock = new MovableClock();
  const events: RegistryEvent[] = [];
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    a = made.registry;
    databaseOfB = new WatchedDatabase(made.database.connect());
    b = await made.node({
      admin: databaseOfB,
      clock,
      answerTimeoutMs: 500,
      logger: (event) => events.push(event),
    });
  });
  afterAll(() => made[Symbol.asyncDispose]());
  beforeEach(() => {
    databaseOfB.fault = 'none';
  });

  /** An active tenant with a key, both warm on node B. */
  async function warmOnB() {
    const { id } = await insertActive(a);
    const { key, secret } = await a.keys.issue({ tenant: id, name: 'k', expiresAt: undefined }, operator);
    await until(async () => {
      await b.directory.byId(id);
      await b.keys.verify(secret);
      return b.directory.peek(id) !== undefined && !(b.keys.verify(secret) instanceof Promise);
    });
    expect(b.directory.peek(id)?.state).toBe('active');
    return { id, key, secret };
  }

  test('a tenant suspended on one is refused by the other within a second, from its cache', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await warmOnB();
      await a.tenants.transition(id, 'suspended', operator);
      expect(a.directory.peek(id)?.state).not.toBe('active');
      const tookMs = await until(() => b.directory.peek(id)?.state !== 'active');
      expect(tookMs).toBeLessThan(1_000);
      expect((await b.directory.byId(id))?.state).toBe('suspended');
      expect(b.directory.peek(id)?.state).toBe('suspended');
    }
  });

  test('a key revoked on one is refused by the other within a second', async () => {
    const { id, key, secret } = await warmOnB();
    await a.keys.revoke({ tenant: id, id: key.id }, operator);
    expect(await a.keys.verify(secret)).toMatchObject({ kind: 'refused', code: 'unauthenticated' });
    const tookMs = await until(async () => (await b.keys.verify(secret)).kind === 'refused');
    expect(tookMs).toBeLessThan(1_000);
  });

  test('a node that no longer hears changes asks the database instead of remembering', async () => {
    const { id, key, secret } = await warmOnB();
    databaseOfB.fault = (text) => (isFeed(text) ? 'fails' : 'none');
    await a.tenants.transition(id, 'suspended', operator);
    await a.keys.revoke({ tenant: id, id: key.id }, operator);
    const tookMs = await until(() => b.directory.peek(id) === undefined);
    expect(tookMs).toBeLessThan(1_100);
    expect((await b.directory.byId(id))?.state).toBe('suspended');
    expect(await b.keys.verify(secret)).toMatchObject({ kind: 'refused' });
  });

  test.each(['fails', 'hangs'] as const)(
    'a node whose database %s refuses: it allows nothing that it only remembers',
    async (fault) => {
      const { id, secret } = await warmOnB();
      databaseOfB.fault = fault;
      await a.tenants.transition(id, 'suspended', operator);
      const answers: string[] = [];
      const startedMs = performance.now();
      while (performance.now() - startedMs < 2_500) {
        const ageMs = performance.now() - startedMs;
        const tenant = b.directory.peek(id);
        if (tenant !== undefined && ageMs > 1_100) answers.push(`tenant ${tenant.state} at ${ageMs}`);
        const verdict = b.keys.verify(secret);
        if (verdict instanceof Promise) {
          await expect(verdict).rejects.toMatchObject({ code: 'registry_stale', status: 503 });
        } else if (verdict.kind === 'allowed' && ageMs > 1_100) answers.push(`key at ${ageMs}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      expect(answers).toEqual([]);
      await expect(b.directory.byId(id)).rejects.toSatisfy((error) =>
        isBulkheadError(error, 'registry_stale'),
      );
      databaseOfB.fault = 'none';
      await until(async () => (await b.directory.byId(id).catch(() => undefined))?.state === 'suspended');
    },
  );

  test('an outage is logged once, and so is its end', async () => {
    await until(() => events.at(-1)?.event !== 'registry.feed_failed');
    events.length = 0;
    databaseOfB.fault = 'fails';
    await until(() => databaseOfB.seen.length > 0 && events.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 700));
    databaseOfB.fault = 'none';
    await until(() => events.some(({ event }) => event === 'registry.feed_recovered'));
    const ofFeed = events.map(({ event }) => event).filter((event) => event.startsWith('registry.feed_'));
    expect(ofFeed).toEqual(['registry.feed_failed', 'registry.feed_recovered']);
  });

  test('after an outage the changes of that time are known, each of them', async () => {
    const { id, key, secret } = await warmOnB();
    databaseOfB.fault = 'fails';
    await until(() => b.directory.peek(id) === undefined);
    await a.tenants.transition(id, 'suspended', operator);
    await a.keys.revoke({ tenant: id, id: key.id }, operator);
    databaseOfB.fault = 'none';
    await until(() => databaseOfB.seen.length > 0 && !(b.keys.verify(secret) instanceof Promise));
    expect(b.directory.peek(id)?.state).not.toBe('active');
    expect(await b.keys.verify(secret)).toMatchObject({ kind: 'refused' });
  });

  test('placements, plans, settings and defaults made on one are in force on the other within a second', async () => {
    const { id } = await warmOnB();
    const pro = await a.plans.read('enterprise');
    if (pro === undefined) throw new Error('no plan');
    await a.tenants.putPlacement(placementOf(id));
    await a.plans.put({ ...pro, connections: 77 }, operator);
    await a.settings.set(id, 'feature.chat', true, operator);
    await a.settings.setDefault({}, 'feature.search', 'read', operator);
    await until(async () => {
      const tenant = await b.directory.byId(id);
      return (
        tenant?.placements.length === 1 &&
        tenant.planDetail.connections === 77 &&
        tenant.effectiveFeatures.has('chat') &&
        tenant.effectiveFeatures.has('search')
      );
    }, 1_000);
    await until(() => b.directory.peek(id)?.effectiveFeatures.has('chat') === true);
  });

  test('a plan that one node has just made is known to the other when a tenant has it', async () => {
    await b.plans.list();
    const [free] = await a.plans.list();
    if (free === undefined) throw new Error('no plan');
    await a.plans.put(
      { ...free, id: 'brand-new', aliases: [], isolations: ['shared'], defaultIsolation: 'shared' },
      operator,
    );
    const { id } = await a.tenants.insert(newTenant({ plan: 'brand-new' }), operator);
    expect((await b.directory.byId(id))?.planDetail.id).toBe('brand-new');
  });

  test('a change made by hand in the database is honoured too', async () => {
    const { id, secret } = await warmOnB();
    await made.database.admin.query(`update bulkhead.tenant set state = 'suspended' where id = $1`, [id]);
    await made.database.admin.query('update bulkhead.api_key set revoked_at = now() where tenant_id = $1', [
      id,
    ]);
    const tookMs = await until(() => b.directory.peek(id)?.state !== 'active');
    expect(tookMs).toBeLessThan(1_000);
    await until(async () => (await b.keys.verify(secret)).kind === 'refused', 1_000);
  });

  test('leaving ends every key, one that is issued at the same moment as well', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await insertActive(a);
      const [left, ...issued] = await Promise.allSettled([
        a.tenants.transition(id, 'offboarded', operator),
        ...Array.from({ length: 5 }, () =>
          b.keys.issue({ tenant: id, name: 'k', expiresAt: undefined }, operator),
        ),
      ]);
      expect(left.status).toBe('fulfilled');
      for (const each of issued)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'tenant_inactive' });
      expect((await a.keys.list(id)).filter((key) => key.revokedAt === undefined)).toEqual([]);
    }
  });
}

describeRegistry('two nodes', twoNodes);
describeBehindPoolers('two nodes', twoNodes);
