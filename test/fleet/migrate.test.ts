import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Bulkhead } from '../../src/bulkhead.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { operator } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { labels } from './support/app-migrations.ts';
import { ofRows, openFleet, withRows, type FleetUnderTest } from './support/fleet-node.ts';

const before = 'app/1 bulkhead/1';
const after = 'app/2 bulkhead/1';
/** Vectors and memory have migrations of their own, and nothing to do in these tests. */
const afterAllSets = `${after} memory/1 vectors/1`;

describeWith('postgres', 'a fleet on PostgreSQL', (url) => {
  let fleet: FleetUnderTest;
  let next: Bulkhead;
  let tenants: Tenant[];

  beforeEach(async () => {
    fleet = await openFleet(url);
    tenants = [];
    for (const isolation of ['shared', 'schema', 'schema', 'database'] as const)
      tenants.push(await fleet.first.tenant(isolation));
    await fleet.folder.add(labels.file, labels.sql);
    next = await fleet.release();
  });
  afterEach(() => fleet[Symbol.asyncDispose]());

  const tenant = (index: number): Tenant => {
    const found = tenants[index];
    if (found === undefined) throw new Error(`no tenant ${index}`);
    return found;
  };

  test('starting a node changes no container; migrating brings all of them to the newest version, and then there is nothing to do', async () => {
    const found = await next.fleet.versions();
    expect(found.head).toBe(afterAllSets);
    expect(found.containers.filter(ofRows).map(({ version, missing }) => [version, missing])).toEqual(
      tenants.map(() => [before, 1]),
    );
    const seen: string[] = [];
    const run = await next.fleet.migrate({}, operator, ({ container, state }) =>
      seen.push(`${container} ${state}`),
    );
    expect(run).toMatchObject({
      state: 'done',
      target: afterAllSets,
      counts: { done: 4, failed: 0, pending: 0 },
    });
    expect(seen).toHaveLength(4);
    // Many tenants in one schema go last: what breaks has broken for one before.
    expect(seen.at(-1)).toBe('main:shared done');
    expect(
      (await next.fleet.versions({ versions: 'asked' })).containers
        .filter(ofRows)
        .every((c) => c.version === after),
    ).toBe(true);
    const again = await next.fleet.migrate({}, operator);
    expect(again).toMatchObject({ state: 'done', counts: { done: 0 } });
  });

  test('a plan says which containers, from where to where and with which SQL, and changes nothing', async () => {
    const plan = await next.fleet.plan({ canary: 1 });
    expect(plan.containers).toHaveLength(4);
    expect(plan.containers.filter(({ ring }) => ring === 'canary')).toHaveLength(1);
    expect(plan.sql).toHaveLength(1);
    expect(plan.sql[0]?.sql).toContain('create policy bulkhead_wall');
    expect((await next.fleet.plan()).containers).toHaveLength(4);
    expect(await next.fleet.runs(10)).toEqual([]);
  });

  test('tenants of both versions are served at once, by nodes of both versions, and follow the migration within a second', async () => {
    await next.fleet.migrate({ only: [tenant(1).id] }, operator);
    for (const one of tenants) {
      const created = await withRows(fleet.first.node, one.id, (rows) =>
        rows.table('notes').create({ title: 'old node' }),
      );
      expect(created).not.toHaveProperty('label');
    }
    for (const [index, one] of tenants.entries())
      await withRows(next, one.id, async (rows) => {
        const table = rows.table('notes');
        expect(table.columns.has('label')).toBe(index === 1);
        const made = await table.create(index === 1 ? { title: 'new', label: 'x' } : { title: 'new' });
        expect('label' in made).toBe(index === 1);
        expect((await table.findAll()).rows).toHaveLength(2);
      });
    await next.fleet.migrate({}, operator);
    await withRows(next, tenant(0).id, async (rows) => {
      expect((await rows.table('notes').create({ title: 'a', label: 'y' }))['label']).toBe('y');
      expect((await rows.table('tags').create({ name: 'b' }))['name']).toBe('b');
    });
  });

  test('a node that missed the news finds out from the container itself', async () => {
    await fleet.database.root.query(`update bulkhead.container_version set version = '${after}'`);
    const late = await fleet.release();
    await withRows(late, tenant(1).id, async (rows) => {
      expect((await rows.table('notes').findAll()).rows).toEqual([]);
      expect(rows.table('notes').columns.has('label')).toBe(false);
    });
  });

  test('one chosen tenant is migrated and nobody else; one of the shared schema cannot be chosen', async () => {
    const run = await next.fleet.migrate({ only: [tenant(2).slug] }, operator);
    expect(run.counts.done).toBe(1);
    const { containers } = await next.fleet.versions();
    expect(containers.filter(({ version }) => version === after).map((c) => c.tenant)).toEqual([
      tenant(2).id,
    ]);
    await expect(next.fleet.migrate({ only: [tenant(0).id] }, operator)).rejects.toMatchObject({
      code: 'value_invalid',
    });
  });

  test('a frozen tenant stays where it is until it is let go', async () => {
    await next.fleet.freeze({ tenant: tenant(3).id, reason: 'their audit' }, operator);
    const run = await next.fleet.migrate({}, operator);
    expect(run).toMatchObject({ state: 'done', counts: { done: 3, frozen: 1 } });
    await next.fleet.unfreeze(tenant(3).id, operator);
    expect((await next.fleet.migrate({}, operator)).counts).toMatchObject({ done: 1, frozen: 0 });
  });

  test('a tenant created by a node of the version before ends at the newest, when a run comes by', async () => {
    await next.fleet.migrate({}, operator);
    const byNew = await next.lifecycle.create(
      { slug: 'made-by-new', name: 'n', plan: 'enterprise', isolation: 'schema' },
      operator,
    );
    const byOld = await fleet.first.tenant('schema');
    const states = new Map(
      (await next.fleet.versions()).containers.filter(ofRows).map((c) => [c.tenant, c.version]),
    );
    expect(states.get(byNew.tenant.id)).toBe(after);
    expect(states.get(byOld.id)).toBe(before);
    expect((await next.fleet.migrate({}, operator)).counts.done).toBe(1);
  });
});
