import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Bulkhead } from '../../../src/bulkhead.ts';
import { isBulkheadError } from '../../../src/core/errors.ts';
import type { TenantId } from '../../../src/core/ids.ts';
import { isolations, type Isolation } from '../../../src/core/placement.ts';
import type { Tenant } from '../../../src/core/tenant.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { describeWith, serviceUrl } from '../../support/services.ts';
import { fill, readTitles } from './support/fill.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const dayMs = 86_400_000;

describeWith('postgres', 'a tenant that leaves', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let node: Bulkhead;
  let other: Bulkhead;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    ({ node } = bed);
    other = await bed.another();
    const cell = serviceUrl('cell');
    if (cell === undefined) throw new Error('this test needs a second server: BULKHEAD_TEST_CELL_URL');
    await node.registry.servers.add(
      { name: 'cell-leave', role: 'dedicated', region: undefined, maxConnections: 10 },
      cell,
      operator,
    );
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (cause: unknown) => (isBulkheadError(cause) ? cause.code : String(cause)),
    );
  const expire = (id: TenantId): Promise<unknown> =>
    database.root.query(`update bulkhead.tenant set erases_at = now() - interval '1 s' where id = $1`, [id]);

  test('is refused at once, on another node within a second, and has lost its keys; cancelled, it has its data again', async () => {
    const tenant = await bed.tenant('schema');
    const titles = await fill(node, tenant.id, 3);
    const { secret } = await node.registry.keys.issue(
      { tenant: tenant.id, name: 'k', expiresAt: undefined },
      operator,
    );
    expect((await other.registry.keys.verify(secret)).kind).toBe('allowed');
    const scope = await other.scope(tenant.id);
    await using held = await other.rows.open(scope);
    expect(await held.table('documents').count()).toBe(3);

    const left = await node.lifecycle.offboard({ tenant: tenant.id }, operator);
    const begunMs = performance.now();
    expect(left.state).toBe('offboarding');
    expect((left.erasesAt?.getTime() ?? 0) - left.updatedAt.getTime()).toBe(30 * dayMs);
    const isShut = async (): Promise<boolean> =>
      (await other.registry.keys.verify(secret)).kind === 'refused' &&
      (await codeOf(other.scope(tenant.id))) === 'tenant_inactive' &&
      (await codeOf(held.table('documents').count())) !== 'done';
    while (!(await isShut())) expect(performance.now() - begunMs).toBeLessThan(1_000);

    const back = await node.lifecycle.reinstate(tenant.id, operator);
    expect(back).toMatchObject({ state: 'suspended', erasesAt: undefined });
    await node.lifecycle.resume(tenant.id, operator);
    expect(await readTitles(node, tenant.id)).toEqual(titles);
    expect((await node.registry.keys.verify(secret)).kind).toBe('refused');
  });

  test('is kept for as long as the tenant, its plan or the default says, and never for no time at all', async () => {
    const { settings } = node.registry;
    const key = 'offboarding.retention_days';
    const daysOf = async ({ id }: Tenant, retentionDays?: number): Promise<number> => {
      const left = await node.lifecycle.offboard({ tenant: id, retentionDays }, operator);
      return ((left.erasesAt?.getTime() ?? 0) - left.updatedAt.getTime()) / dayMs;
    };
    await settings.setDefault({}, key, 20, operator);
    expect(await daysOf(await bed.tenant('shared'))).toBe(20);
    await settings.setDefault({ plan: 'enterprise' }, key, 90, operator);
    expect(await daysOf(await bed.tenant('shared'))).toBe(90);
    const own = await bed.tenant('shared');
    await settings.set(own.id, key, 0, operator);
    expect(await daysOf(own)).toBe(1);
    expect(await daysOf(await bed.tenant('shared'), 7)).toBe(7);
    await expect(settings.set((await bed.tenant('shared')).id, key, 'soon', operator)).rejects.toMatchObject({
      code: 'value_invalid',
    });
    await expect(
      node.lifecycle.offboard({ tenant: (await bed.tenant('shared')).id, retentionDays: 0 }, operator),
    ).rejects.toMatchObject({ code: 'value_invalid' });
  });

  test('is erased when the database says that its time has come, by one node, whatever the clock of a node says', async () => {
    const tenant = await bed.tenant('shared');
    await node.lifecycle.offboard({ tenant: tenant.id }, operator);
    const ahead = Date.now() + 365 * dayMs;
    const hasty = await bed.another({ clock: { nowMs: () => ahead, monotonicMs: () => performance.now() } });
    expect(await hasty.lifecycle.eraseDue()).toBe(0);
    expect((await node.registry.tenants.read(tenant.id))?.state).toBe('offboarding');
    await expire(tenant.id);
    const erased = await Promise.all([node, other, hasty].map(({ lifecycle }) => lifecycle.eraseDue()));
    expect(erased.reduce((sum, n) => sum + n, 0)).toBe(1);
    const status = await node.lifecycle.erasureOf(tenant.id);
    expect(status).toMatchObject({ phase: 'complete', receipt: { receipt: { because: 'retention_ended' } } });
  });

  test.each(isolations)(
    'and is erased from %s leaves a signed receipt, a tombstone and its neighbour',
    async (isolation) => {
      const tenant = await bed.tenant(isolation);
      const neighbour = await bed.tenant(isolation === 'dedicated' ? 'database' : isolation);
      const titles = await fill(node, neighbour.id, 2);
      await fill(node, tenant.id, 5);
      await node.registry.settings.set(tenant.id, 'contact', 'jane@example.test', operator);
      const { secret } = await node.registry.keys.issue(
        { tenant: tenant.id, name: 'Jane’s laptop', expiresAt: undefined },
        operator,
      );
      await expect(
        node.lifecycle.erase({ tenant: tenant.id, confirm: neighbour.slug }, operator),
      ).rejects.toMatchObject({ code: 'value_invalid', detail: { field: 'confirm' } });
      const { receipt, body, signature } = await node.lifecycle.erase(
        { tenant: tenant.id, confirm: tenant.slug },
        operator,
      );
      expect(receipt).toMatchObject({
        state: 'complete',
        because: 'requested',
        hunt: { found: [], notSeen: [] },
      });
      expect(receipt.credentials.apiKeys).toBe(1);
      expect(receipt.places.filter(({ compartment }) => compartment === 'rows')).toEqual([
        {
          compartment: 'rows',
          container: tenant.placements.find(({ compartment }) => compartment === 'rows')?.container,
          before: 5,
          removed: 5,
          after: 0,
          problem: null,
        },
      ]);
      expect(receipt.hunt.looked).toEqual(
        expect.arrayContaining(['compartment rows', 'registry', 'data folder']),
      );
      expect(receipt.notCovered.length).toBeGreaterThan(2);
      expect(node.registry.signer.verify(body, signature)).toBe(true);
      expect(node.registry.signer.verify(body.replace('"before":5', '"before":4'), signature)).toBe(false);

      const gone = await node.registry.tenants.read(tenant.id);
      expect(gone).toMatchObject({
        state: 'deleted',
        settings: {},
        features: [],
        placements: [],
        name: tenant.slug,
      });
      expect(await traces(tenant.id)).toEqual({
        schemas: 0,
        databases: 0,
        roles: 0,
        admitted: 0,
        keys: 0,
        claimed: 0,
      });
      expect(await readTitles(node, neighbour.id)).toEqual(titles);
      await expect(
        node.lifecycle.create({ slug: tenant.slug, name: 'again', plan: 'enterprise' }, operator),
      ).rejects.toMatchObject({ code: 'slug_taken' });
      const unknown = 'nobody-was-here';
      expect(await codeOf(node.scope(tenant.id))).toBe(await codeOf(node.scope(unknown)));
      expect(await codeOf(node.scope(tenant.slug))).toBe(await codeOf(node.scope(unknown)));
      expect(await node.registry.keys.verify(secret)).toEqual(
        await node.registry.keys.verify(`bh_${'0'.repeat(16)}_${'A'.repeat(43)}`),
      );
      await expect(
        node.lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator),
      ).rejects.toMatchObject({
        code: 'transition_refused',
      });
      const audited = (await node.registry.audit.list({ tenant: tenant.id, limit: 50 })).map(
        ({ action }) => action,
      );
      expect(audited).toEqual(expect.arrayContaining(['tenant.offboarded', 'tenant.erased', 'erase.done']));
      const { rows } = await database.root.query(
        `select count(*)::int as n from bulkhead.operation o left join bulkhead.operation_step s on s.operation_id = o.id
        where o.tenant_id = $1 and (o.input::text || coalesce(s.result::text, '')) ~ 'jane|Jane'`,
        [tenant.id],
      );
      expect(rows[0]?.['n']).toBe(0);
    },
  );

  async function traces(id: TenantId): Promise<Record<string, number>> {
    const { rows } = await database.root.query<Record<string, number>>(
      `select (select count(*)::int from pg_namespace where nspname like '%' || $1) as schemas,
              (select count(*)::int from pg_database where datname like '%' || $1) as databases,
              (select count(*)::int from pg_roles where rolname like '%' || $1) as roles,
              (select count(*)::int from bulkhead_wall.tenant where tenant_id = $2) as admitted,
              (select count(*)::int from bulkhead.api_key where tenant_id = $2) as keys,
              (select count(*)::int from bulkhead.server where claimed_by = $2) as claimed`,
      [id.replaceAll('-', ''), id],
    );
    return rows[0] ?? {};
  }

  test('takes nobody along: a parent is refused while it has children, and a child does not come back before its parent', async () => {
    const parent = await bed.tenant('shared');
    const child = await bed.tenant('shared', { parent: parent.id });
    const refused = { code: 'transition_refused', detail: { children: [child.slug] } };
    await expect(node.lifecycle.offboard({ tenant: parent.id }, operator)).rejects.toMatchObject(refused);
    await expect(
      node.lifecycle.erase({ tenant: parent.id, confirm: parent.slug }, operator),
    ).rejects.toMatchObject(refused);
    expect((await node.registry.tenants.read(parent.id))?.state).toBe('active');

    await node.lifecycle.offboard({ tenant: child.id }, operator);
    await node.lifecycle.offboard({ tenant: parent.id }, operator);
    await expect(node.lifecycle.reinstate(child.id, operator)).rejects.toMatchObject({
      code: 'transition_refused',
    });
    await expire(parent.id);
    expect(await node.lifecycle.eraseDue()).toBe(0);
    await expire(child.id);
    expect(await node.lifecycle.eraseDue()).toBe(1);
    expect(await node.lifecycle.eraseDue()).toBe(1);
    expect((await node.registry.tenants.read(parent.id))?.state).toBe('deleted');
  });

  test('in the middle of something else is told what is in the way', async () => {
    const tenant = await bed.tenant('shared');
    const { operations } = node.registry;
    const running = await operations.begin({ tenant: tenant.id, kind: 'export', input: {} }, operator);
    const inTheWay = { code: 'operation_in_progress', detail: { operation: running.id } };
    await expect(node.lifecycle.offboard({ tenant: tenant.id }, operator)).rejects.toMatchObject(inTheWay);
    await expect(
      node.lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator),
    ).rejects.toMatchObject(inTheWay);
    await operations.end(running.id, { state: 'done' });
    const ends = await Promise.all(
      [node, other].map(({ lifecycle }) =>
        codeOf(lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator)),
      ),
    );
    expect(ends).toContain('done');
    expect(['operation_in_progress', 'transition_refused']).toContain(ends.find((code) => code !== 'done'));
  });

  test.each([
    ['shared', 'schema'],
    ['schema', 'database'],
    ['database', 'shared'],
  ] as const satisfies readonly (readonly [Isolation, Isolation])[])(
    'with an unconfirmed move from %s to %s is erased from both',
    async (from, to) => {
      const tenant = await bed.tenant(from);
      await fill(node, tenant.id, 4);
      await node.lifecycle.move({ tenant: tenant.id, isolation: to }, operator);
      await fill(node, tenant.id, 1);
      const { receipt } = await node.lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator);
      expect(receipt).toMatchObject({ state: 'complete', hunt: { found: [] } });
      const places = receipt.places.filter(({ compartment }) => compartment === 'rows');
      expect(places.map(({ before, after }) => `${before} ${after}`).toSorted()).toEqual(['4 0', '5 0']);
      expect(await traces(tenant.id)).toMatchObject({ schemas: 0, databases: 0, roles: 0, admitted: 0 });
      const { rows } = await database.root.query(
        `select (select count(*)::int from bulkhead_wall.move_change where tenant_id = $1) as notes,
           (select count(*)::int from pg_trigger where tgname like 'bulkhead_move_' || replace($1::text, '-', '') || '%') as triggers`,
        [tenant.id],
      );
      expect(rows).toEqual([{ notes: 0, triggers: 0 }]);
      expect(await codeOf(node.lifecycle.confirmMove(tenant.id, operator))).toBe('tenant_not_found');
    },
  );

  test('is found by the hunt wherever something of it was left', async () => {
    const tenant = await bed.tenant('shared');
    await fill(node, tenant.id, 2);
    const stray = await database.root.query<{ id: string }>(
      `insert into shared.documents (tenant_id, title, content) values (gen_random_uuid(), 'stray', 'x') returning tenant_id::text as id`,
    );
    const found = await node.lifecycle.hunt(tenant.id);
    expect(found.found).toEqual(
      expect.arrayContaining([
        { place: 'rows main:shared', records: 2, holds: ['admission'] },
        { place: 'registry placement', records: expect.any(Number), holds: [] },
      ]),
    );
    const { orphans } = await node.lifecycle.orphans();
    expect(orphans.map(({ kind, placement }) => [kind, placement.tenant])).toEqual([
      ['unknown', stray.rows[0]?.id],
    ]);
    await node.lifecycle.removeOrphan(`main:shared/${stray.rows[0]?.id}`, operator);
    expect((await node.lifecycle.orphans()).orphans).toEqual([]);
  });
});
