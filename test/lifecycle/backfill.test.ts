import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BulkheadError } from '../../src/core/errors.ts';
import { systemClock } from '../../src/core/clock.ts';
import { newRequestId, type TenantId } from '../../src/core/ids.ts';
import type { CompartmentKind, Isolation } from '../../src/core/placement.ts';
import type { Plan } from '../../src/core/plan.ts';
import type { Scope } from '../../src/core/scope.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { createLifecycle } from '../../src/lifecycle/create-lifecycle.ts';
import type { Checkpoint } from '../../src/lifecycle/journal.ts';
import type { Lifecycle } from '../../src/lifecycle/lifecycle.ts';
import { openTenantScope } from '../../src/request/scope.ts';
import { newTestDatabase, newTestNode, operator, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { ShelfCompartment } from './support/shelf.ts';

describeWith('postgres', 'a compartment that is younger than its tenants', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let plan: Plan;
  /** A node of the version before: it has rows and nothing else. */
  let older: Lifecycle;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    const found = await bed.node.registry.plans.read('enterprise');
    if (found === undefined) throw new Error('no such plan');
    plan = found;
    const { registry, rows } = bed.node;
    older = createLifecycle({ registry, compartments: [rows], clock: systemClock });
  });

  async function newTenant(isolation: Isolation = 'shared'): Promise<Tenant> {
    const slug = `t-${randomBytes(8).toString('hex')}`;
    const { tenant } = await older.create({ slug, name: slug, plan: 'enterprise', isolation }, operator);
    return tenant;
  }

  /** Past the door of the node, which would fill up what its own compartments lack. */
  async function scopeOf(id: TenantId): Promise<Scope> {
    const tenant = await bed.node.registry.directory.fresh(id);
    if (tenant === undefined) throw new Error('no such tenant');
    const signal = new AbortController().signal;
    return openTenantScope(tenant, { actor: operator, requestId: newRequestId(), signal });
  }
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** A node of the next version: it has one compartment more. */
  function upgraded(
    kind: CompartmentKind,
    checkpoint?: Checkpoint,
  ): { lifecycle: Lifecycle; shelf: ShelfCompartment } {
    const { registry, rows } = bed.node;
    const shelf = new ShelfCompartment(kind, plan);
    const compartments = [rows, shelf];
    const lifecycle = createLifecycle({
      registry,
      compartments,
      clock: systemClock,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    });
    return { lifecycle, shelf };
  }

  async function read(id: TenantId): Promise<Tenant> {
    const tenant = await bed.node.registry.tenants.read(id);
    if (tenant === undefined) throw new Error('no such tenant');
    return tenant;
  }

  async function kindsOf(id: TenantId): Promise<readonly string[]> {
    return (await read(id)).placements.map(({ compartment }) => compartment);
  }

  test('every live tenant gets its place, of its own isolation; the suspended one sealed; once', async () => {
    const shared = await newTenant();
    const own = await newTenant('schema');
    const asleep = await newTenant();
    await older.suspend(asleep.id, operator);
    const { lifecycle, shelf } = upgraded('vectors');

    await expect(shelf.open(await scopeOf(own.id))).rejects.toMatchObject({
      code: 'compartment_unreachable',
      detail: { kind: 'vectors', reason: 'the tenant has no placement there yet' },
    });
    const pass = await lifecycle.backfill();
    expect(pass).toEqual({ filled: 3, isComplete: true });
    const placed = async (id: TenantId) =>
      (await read(id)).placements.find(({ compartment }) => compartment === 'vectors');
    expect(await placed(shared.id)).toMatchObject({ isolation: 'shared', container: 'shelf:shared' });
    expect(await placed(own.id)).toMatchObject({ isolation: 'schema', container: `shelf:schema/${own.id}` });
    expect(shelf.shelves.get(`shelf:shared ${asleep.id}`)?.sealed).toBe(true);
    {
      await using handle = await shelf.open(await scopeOf(own.id));
      handle.put('a', 'b');
    }
    expect(await lifecycle.backfill()).toEqual({ filled: 0, isComplete: true });
    expect(shelf.shelves.get(`shelf:schema/${own.id} ${own.id}`)?.things.size).toBe(1);
    const operations = await bed.node.registry.operations.list({ tenant: own.id, limit: 10 });
    expect(operations.filter(({ kind }) => kind === 'backfill').map(({ state }) => state)).toEqual(['done']);
  });

  test('two nodes that fill at once fill each tenant once', async () => {
    const tenants = await Promise.all(Array.from({ length: 6 }, () => newTenant()));
    const [one, other] = [upgraded('memory'), upgraded('memory')];
    await Promise.all([one.lifecycle.backfill(), other.lifecycle.backfill()]);
    await one.lifecycle.backfill();
    for (const { id } of tenants) {
      expect(await kindsOf(id)).toContain('memory');
      const operations = await bed.node.registry.operations.list({ tenant: id, state: 'done', limit: 50 });
      expect(operations.filter(({ input }) => input['compartment'] === 'memory')).toHaveLength(1);
    }
  });

  test('whoever is asked for is not kept waiting for its turn; a node that stops ends what it has begun', async () => {
    const [tenant, late] = [await newTenant(), await newTenant()];
    const { lifecycle } = upgraded('objects');
    lifecycle.backfillSoon(tenant);
    await lifecycle.stopBackfill();
    lifecycle.backfillSoon(late);
    await lifecycle.stopBackfill();
    expect(await kindsOf(tenant.id)).toContain('objects');
    expect(await kindsOf(late.id)).not.toContain('objects');
  });

  test('a store that is down costs one attempt a pass, and nobody else anything', async () => {
    const tenant = await newTenant();
    const { lifecycle, shelf } = upgraded('events');
    let attempts = 0;
    shelf.fault = (verb) => {
      if (verb === 'provision') attempts += 1;
      if (verb === 'provision') throw new BulkheadError('compartment_unreachable', { kind: 'events' });
    };
    expect(await lifecycle.backfill()).toMatchObject({ filled: 0, isComplete: false });
    expect(attempts).toBeLessThanOrEqual(4);
    expect(await kindsOf(tenant.id)).not.toContain('events');
    // Nothing stays running that would keep anybody from working with the tenant.
    await lifecycle.suspend(tenant.id, operator);
    await lifecycle.resume(tenant.id, operator);
    shelf.fault = () => {};
    expect(await lifecycle.backfill()).toMatchObject({ isComplete: true });
    expect(await kindsOf(tenant.id)).toContain('events');
  });

  test('a tenant whose place cannot be made keeps no other from having theirs, and is left in peace for a while', async () => {
    const [broken, whole] = [await newTenant(), await newTenant()];
    const { lifecycle, shelf } = upgraded('jobs');
    let attempts = 0;
    shelf.fault = (verb, tenant) => {
      if (tenant !== broken.id || verb !== 'provision') return;
      attempts += 1;
      throw new Error('this one cannot be made');
    };
    await lifecycle.backfill();
    await lifecycle.backfill();
    expect(attempts).toBe(1);
    expect(await kindsOf(whole.id)).toContain('jobs');
    expect(await kindsOf(broken.id)).not.toContain('jobs');
    expect(shelf.shelves.has(`shelf:shared ${broken.id}`)).toBe(false);
    const [failed] = await bed.node.registry.operations.list({ tenant: broken.id, limit: 1 });
    expect(failed).toMatchObject({
      kind: 'backfill',
      state: 'rolled_back',
      failure: { step: 'provision jobs' },
    });
  });

  const steps = ['place models', 'provision models', 'admit models'];
  test.each(steps)('one that died before or after "%s" is ended by another process', async (step) => {
    for (const moment of ['before', 'after']) {
      const tenant = await newTenant();
      // As kill -9 would: neither the step's end nor any undoing is written.
      const dying = upgraded('models', async (name, at) => {
        if (name === step && at === moment) await new Promise<never>(() => {});
      });
      dying.lifecycle.backfillSoon(tenant);
      await expect
        .poll(async () => (await running(tenant.id))?.steps.length ?? -1, { timeout: 10_000 })
        .toBe(steps.indexOf(step));
      await database.root.query(
        `update bulkhead.operation set lease_until = now() - interval '1 hour', owner_node = 'dead'
           where tenant_id = $1 and state = 'running'`,
        [tenant.id],
      );
      const living = upgraded('models');
      // The store outlives the process that died.
      for (const [key, shelf] of dying.shelf.shelves) living.shelf.shelves.set(key, shelf);
      await living.lifecycle.recover();
      expect(await kindsOf(tenant.id)).toContain('models');
      expect(await running(tenant.id)).toBeUndefined();
    }
  });

  async function running(tenant: TenantId) {
    const [operation] = await bed.node.registry.operations.list({ tenant, state: 'running', limit: 1 });
    return operation;
  }

  test('whoever wants something of a tenant meanwhile waits for the end instead of being refused', async () => {
    const tenant = await newTenant();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const { lifecycle } = upgraded('keys', async (name, at) => {
      if (name === 'provision keys' && at === 'before') await held;
    });
    lifecycle.backfillSoon(tenant);
    await expect.poll(async () => (await running(tenant.id))?.kind, { timeout: 10_000 }).toBe('backfill');
    const suspending = older.suspend(tenant.id, operator);
    setTimeout(release, 200);
    expect((await suspending).state).toBe('suspended');
  });
});
