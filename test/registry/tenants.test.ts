import { afterAll, beforeAll, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import { newTenantId, type TenantId } from '../../src/core/ids.ts';
import type { Registry } from '../../src/registry/registry.ts';
import {
  describeRegistry,
  insertActive,
  makeRegistry,
  newSlug,
  newTenant,
  operator,
  placementOf,
  type TestRegistry,
} from './support.ts';

async function codeOf(pending: Promise<unknown>): Promise<string> {
  return pending.then(
    () => 'accepted',
    (error: unknown) => (isBulkheadError(error) ? error.code : String(error)),
  );
}

describeRegistry('tenants', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    ({ registry } = made);
  });
  afterAll(() => made[Symbol.asyncDispose]());

  test('what is stored is read back, whole', async () => {
    const wanted = newTenant({
      plan: 'STARTER',
      isolation: 'schema',
      region: 'eu-central-1',
      features: ['beta'],
      settings: { language: 'de', nested: { list: [1, null, true] } },
    });
    const stored = await registry.tenants.insert(wanted, operator);
    expect(stored).toMatchObject({ ...wanted, plan: 'pro', state: 'provisioning', epoch: 1, placements: [] });
    expect(stored.encryptionKeyId).not.toBe('');
    expect(await registry.tenants.read(wanted.id)).toEqual(stored);
    expect(await registry.tenants.readBySlug(wanted.slug)).toEqual(stored);
    expect(await registry.directory.byId(wanted.id)).toMatchObject(stored);
  });

  test('an id is registered once', async () => {
    const first = await registry.tenants.insert(newTenant(), operator);
    expect(await codeOf(registry.tenants.insert(newTenant({ id: first.id }), operator))).toBe('conflict');
    expect((await registry.tenants.read(first.id))?.slug).toBe(first.slug);
  });

  test('of fifty who want one slug at the same time one gets it', async () => {
    const slug = newSlug();
    const codes = await Promise.all(
      Array.from({ length: 50 }, () => codeOf(registry.tenants.insert(newTenant({ slug }), operator))),
    );
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
    expect(codes.filter((code) => code === 'slug_taken')).toHaveLength(49);
  });

  test('the slug of a tenant that was erased is not given out again', async () => {
    const { id, slug } = await insertActive(registry);
    await registry.tenants.transition(id, 'offboarded', operator);
    await registry.tenants.transition(id, 'erased', operator);
    expect(await codeOf(registry.tenants.insert(newTenant({ slug }), operator))).toBe('slug_taken');
    expect(await codeOf(registry.tenants.insert(newTenant({ id }), operator))).toBe('conflict');
  });

  test('a provisioning that failed gives its slug back, and the slug then names the new tenant', async () => {
    const slug = newSlug();
    const failed = await registry.tenants.insert(newTenant({ slug }), operator);
    expect((await registry.directory.bySlug(slug))?.id).toBe(failed.id);
    await registry.tenants.transition(failed.id, 'erased', operator);
    const next = await registry.tenants.insert(newTenant({ slug }), operator);
    expect((await registry.directory.bySlug(slug))?.id).toBe(next.id);
    expect((await registry.tenants.readBySlug(slug))?.id).toBe(next.id);
  });

  test('of a deleted tenant only what an audit needs is kept', async () => {
    const { id, slug } = await insertActive(registry, {
      name: 'Dr. Somebody',
      settings: { a: 1 },
      features: ['x'],
    });
    await registry.tenants.transition(id, 'offboarded', operator);
    const gone = await registry.tenants.transition(id, 'erased', operator);
    expect(gone).toMatchObject({ state: 'deleted', name: slug, settings: {}, features: [] });
    expect(await codeOf(registry.tenants.update(id, { name: 'Back' }, operator))).toBe('tenant_not_found');
  });

  test('rows of tenants cannot be deleted, not even by the owner of the database', async () => {
    const { id } = await insertActive(registry);
    await expect(
      made.database.admin.query('delete from bulkhead.tenant where id = $1', [id]),
    ).rejects.toMatchObject({ sqlState: 'BH002' });
  });

  test('a plan that does not exist and an isolation that the plan does not sell are refused, and nothing is written', async () => {
    const wanted = newTenant({ plan: 'platinum' });
    expect(await codeOf(registry.tenants.insert(wanted, operator))).toBe('plan_unknown');
    const schema = newTenant({ plan: 'free', isolation: 'schema' });
    expect(await codeOf(registry.tenants.insert(schema, operator))).toBe('isolation_unavailable');
    expect(await registry.tenants.read(wanted.id)).toBeUndefined();
    expect(await registry.tenants.read(schema.id)).toBeUndefined();
    expect(await codeOf(registry.tenants.insert({ ...schema, isolation: 'shared' }, operator))).toBe(
      'accepted',
    );
  });

  test('every plan takes exactly the isolations that it lists', async () => {
    for (const plan of await registry.plans.list())
      for (const isolation of ['shared', 'schema', 'database', 'dedicated'] as const)
        expect(await codeOf(registry.tenants.insert(newTenant({ plan: plan.id, isolation }), operator))).toBe(
          plan.isolations.includes(isolation) ? 'accepted' : 'isolation_unavailable',
        );
  });

  test('a plan can be changed only to one that sells the isolation the tenant has', async () => {
    const { id } = await insertActive(registry, { isolation: 'database' });
    expect(await codeOf(registry.tenants.update(id, { plan: 'free' }, operator))).toBe(
      'isolation_unavailable',
    );
    const moved = await registry.tenants.update(id, { plan: 'standard', isolation: 'schema' }, operator);
    expect(moved).toMatchObject({ plan: 'pro', isolation: 'schema' });
  });

  test('two changes that are fine alone and not together do not both happen', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await insertActive(registry, { isolation: 'shared' });
      await Promise.allSettled([
        registry.tenants.update(id, { plan: 'free' }, operator),
        registry.tenants.update(id, { isolation: 'database' }, operator),
      ]);
      const tenant = await registry.tenants.read(id);
      const plan = await registry.plans.read(tenant?.plan ?? '');
      expect(plan?.isolations).toContain(tenant?.isolation);
    }
  });

  test.each([
    ['a name of a feature with a space', { features: ['not a name'] }],
    ['a setting that is no JSON', { settings: { when: new Date() } }],
    ['a setting called __proto__', { settings: { ['__proto__']: 1 } }],
    ['settings over 16 KiB', { settings: { a: 'x'.repeat(9_000), b: 'y'.repeat(9_000) } }],
    ['an empty name', { name: '' }],
    ['a name of 201 characters', { name: 'n'.repeat(201) }],
  ])('%s is refused', async (_what, fields) => {
    const wanted = newTenant(fields);
    expect(await codeOf(registry.tenants.insert(wanted, operator))).toBe('value_invalid');
    expect(await registry.tenants.read(wanted.id)).toBeUndefined();
  });

  test('a stored field of a type we do not know is refused, for that tenant alone', async () => {
    const good = await insertActive(registry);
    const bad = await insertActive(registry);
    await made.database.admin.query(
      `insert into bulkhead.placement (tenant_id, compartment, isolation, container) values ($1, 'parquet', 'shared', 'x')`,
      [bad.id],
    );
    registry.directory.peek(bad.id);
    const answers = await Promise.all([
      codeOf(registry.directory.fresh(good.id)),
      codeOf(registry.directory.fresh(bad.id)),
    ]);
    expect(answers).toEqual(['accepted', 'internal']);
    await made.database.admin.query(`delete from bulkhead.placement where tenant_id = $1`, [bad.id]);
  });

  test('a hierarchy goes five levels deep and no deeper', async () => {
    let parent: TenantId | undefined;
    for (let depth = 1; depth <= 5; depth += 1) {
      const tenant = await insertActive(registry, { parent });
      expect(tenant.parent).toBe(parent);
      parent = tenant.id;
    }
    expect(await codeOf(registry.tenants.insert(newTenant({ parent }), operator))).toBe('hierarchy_refused');
  });

  test('a parent must exist, be active and be another tenant', async () => {
    const id = newTenantId();
    const suspended = await insertActive(registry);
    await registry.tenants.transition(suspended.id, 'suspended', operator);
    const fresh = await registry.tenants.insert(newTenant(), operator);
    for (const fields of [
      { parent: newTenantId() },
      { parent: suspended.id },
      { parent: fresh.id },
      { id, parent: id },
    ])
      expect(await codeOf(registry.tenants.insert(newTenant(fields), operator))).toBe('hierarchy_refused');
  });

  test('children are those directly below, without the deleted ones', async () => {
    const parent = await insertActive(registry);
    const [one, two] = [
      await insertActive(registry, { parent: parent.id }),
      await insertActive(registry, { parent: parent.id }),
    ];
    await insertActive(registry, { parent: one.id });
    await registry.tenants.transition(two.id, 'offboarded', operator);
    await registry.tenants.transition(two.id, 'erased', operator);
    expect((await registry.tenants.children(parent.id)).map(({ id }) => id)).toEqual([one.id]);
  });

  test('pages follow each other without gap or repetition, also for tenants of the same instant', async () => {
    const inserted = await Promise.all(Array.from({ length: 25 }, () => insertActive(registry)));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await registry.tenants.list({ limit: 7, cursor, state: 'active' });
      expect(page.tenants.length).toBeLessThanOrEqual(7);
      seen.push(...page.tenants.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(inserted.filter(({ id }) => !seen.includes(id))).toEqual([]);
  });

  test.each(['', 'x', 'eHh4', Buffer.from("2026-01-01 00:00:00+00|' or 1=1").toString('base64url')])(
    'a cursor that is not ours is refused: %j',
    async (cursor) => {
      expect(await codeOf(registry.tenants.list({ limit: 5, cursor }))).toBe('request_invalid');
    },
  );

  test('every change makes the epoch grow, also one of a placement and one made by hand', async () => {
    const tenant = await insertActive(registry);
    const epochAfter = async (change: () => Promise<unknown>): Promise<number> => {
      await change();
      return (await registry.tenants.read(tenant.id))?.epoch ?? 0;
    };
    const epochs = [
      tenant.epoch,
      await epochAfter(() => registry.tenants.update(tenant.id, { name: 'New' }, operator)),
      await epochAfter(() => registry.tenants.putPlacement(placementOf(tenant.id))),
      await epochAfter(() => registry.tenants.putPlacement(placementOf(tenant.id, 'main:other'))),
      await epochAfter(() => registry.tenants.dropPlacement(tenant.id, 'rows')),
      await epochAfter(() => registry.tenants.transition(tenant.id, 'suspended', operator)),
      await epochAfter(() =>
        made.database.admin.query(`update bulkhead.tenant set region = 'eu' where id = $1`, [tenant.id]),
      ),
    ];
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
    expect(new Set(epochs).size).toBe(epochs.length);
  });

  test('the same placement put twice is one, and changes nothing the second time', async () => {
    const { id } = await insertActive(registry);
    await registry.tenants.putPlacement(placementOf(id));
    const before = await registry.tenants.read(id);
    await registry.tenants.putPlacement(placementOf(id));
    expect(await registry.tenants.read(id)).toEqual(before);
    expect(before?.placements).toEqual([placementOf(id)]);
    expect(await codeOf(registry.tenants.putPlacement(placementOf(newTenantId())))).toBe('tenant_not_found');
  });

  test('who did what is stored with the change, and without data', async () => {
    const { id } = await insertActive(registry, { name: 'Secret Name' });
    await registry.tenants.update(id, { name: 'Another Name', features: ['x'] }, operator);
    await registry.tenants.transition(id, 'suspended', { kind: 'user', id: 'user-1' });
    const events = await registry.audit.list({ tenant: id, limit: 10 });
    expect(events.map(({ action, actor }) => [action, actor.id])).toEqual([
      ['tenant.suspended', 'user-1'],
      ['tenant.updated', 'test'],
      ['tenant.provisioned', 'test'],
      ['tenant.created', 'test'],
    ]);
    expect(JSON.stringify(events)).not.toMatch(/Secret|Another/);
  });

  test('a change that is refused leaves no audit entry', async () => {
    const { id } = await insertActive(registry);
    expect(await codeOf(registry.tenants.transition(id, 'resumed', operator))).toBe('transition_refused');
    const actions = (await registry.audit.list({ tenant: id, limit: 10 })).map(({ action }) => action);
    expect(actions).not.toContain('tenant.resumed');
  });
});
