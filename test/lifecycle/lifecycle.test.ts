import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bulkhead } from '../../src/bulkhead.ts';
import { isBulkheadError } from '../../src/core/errors.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { Isolation } from '../../src/core/placement.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import type { Checkpoint } from '../../src/lifecycle/journal.ts';
import { newTestDatabase, newTestNode, operator, type TestDatabase, type TestNode } from '../support/node.ts';
import { recoverNow } from '../support/recovery.ts';
import { describeWith, serviceUrl } from '../support/services.ts';

/** Breaks off at one step, before or after it ran. */
interface Fault {
  readonly step: string;
  readonly moment: 'before' | 'after';
}

const steps = ['place rows', 'provision rows', 'activate'];
/** All but the moment after the last step: then the tenant is active, and there is nothing to undo. */
const faults: readonly Fault[] = steps
  .flatMap((step): readonly Fault[] => [
    { step, moment: 'before' },
    { step, moment: 'after' },
  ])
  .slice(0, -1);

class Switchboard {
  fault: Fault | undefined;
  readonly seen = new Set<string>();
  readonly checkpoint: Checkpoint = async (step, moment) => {
    this.seen.add(step);
    if (this.fault?.step === step && this.fault.moment === moment) throw new Error('injected');
  };
}

/** What a tenant can leave behind: schemas, databases, roles, rows of the wall, placements, credentials, running operations. */
async function traces(database: TestDatabase, id: TenantId): Promise<Record<string, number>> {
  const hex = id.replaceAll('-', '');
  const { rows } = await database.root.query<Record<string, number>>(
    `select (select count(*)::int from pg_namespace where nspname like '%' || $1) as schemas,
            (select count(*)::int from pg_database where datname like '%' || $1) as databases,
            (select count(*)::int from pg_roles where rolname like '%' || $1) as roles,
            (select count(*)::int from bulkhead_wall.tenant where tenant_id = $2) as admitted,
            (select count(*)::int from bulkhead.placement where tenant_id = $2) as placements,
            (select count(*)::int from bulkhead.credential where owner = $2::text) as credentials,
            (select count(*)::int from bulkhead.server where claimed_by = $2) as servers,
            (select count(*)::int from bulkhead.operation where tenant_id = $2 and state = 'running') as operations`,
    [hex, id],
  );
  return rows[0] ?? {};
}

function rowsOf({ placements }: Tenant): string | undefined {
  return placements.find(({ compartment }) => compartment === 'rows')?.container;
}

const nothing = {
  schemas: 0,
  databases: 0,
  roles: 0,
  admitted: 0,
  placements: 0,
  credentials: 0,
  servers: 0,
  operations: 0,
};

describeWith('postgres', 'provisioning on PostgreSQL', (url) => {
  const switchboard = new Switchboard();
  let database: TestDatabase;
  let test0: TestNode;
  let node: Bulkhead;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    test0 = await newTestNode({ databaseUrl: database.url, checkpoint: switchboard.checkpoint });
    node = test0.node;
    const cell = serviceUrl('cell');
    if (cell !== undefined)
      for (const name of ['cell-1', 'cell-2'])
        await node.registry.servers.add(
          { name, role: 'dedicated', region: undefined, maxConnections: 10 },
          cell,
          operator,
        );
  });
  afterAll(async () => {
    await test0[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const tiers: readonly Isolation[] = ['shared', 'schema', 'database', 'dedicated'];
  for (const isolation of tiers) {
    test.each(faults)(
      `a ${isolation} tenant broken off $moment "$step" leaves nothing, and its slug is free again`,
      async (fault) => {
        const slug = `broken-${isolation}`;
        const create = (): Promise<unknown> =>
          node.lifecycle.create({ slug, name: 'X', plan: 'enterprise', isolation }, operator);
        switchboard.fault = fault;
        await expect(create()).rejects.toThrow(/step/);
        switchboard.fault = undefined;
        const { rows } = await database.root.query<{ id: TenantId }>(
          `select id from bulkhead.tenant where slug = $1 and state = 'deleted'`,
          [slug],
        );
        const id = rows.at(-1)?.id;
        if (id === undefined) throw new Error('no trace of the attempt in the registry');
        expect(await traces(database, id)).toEqual(nothing);
        expect(await node.registry.directory.fresh(id).then((tenant) => tenant?.state)).not.toBe('active');
      },
    );

    test(`a ${isolation} tenant broken off once it is active is whole`, async () => {
      switchboard.fault = { step: 'activate', moment: 'after' };
      const { tenant } = await node.lifecycle.create(
        { slug: `forward-${isolation}`, name: 'X', plan: 'enterprise', isolation },
        operator,
      );
      switchboard.fault = undefined;
      expect(tenant.state).toBe('active');
      expect((await traces(database, tenant.id))['operations']).toBe(0);
    });

    test(`a ${isolation} tenant is whole when nothing breaks`, async () => {
      const { tenant, operation } = await node.lifecycle.create(
        { slug: `whole-${isolation}`, name: 'X', plan: 'enterprise', isolation },
        operator,
      );
      expect(tenant.state).toBe('active');
      expect((await node.registry.operations.read(operation.id))?.state).toBe('done');
      await node.run(tenant.id, async (scope) => {
        await using rows = await node.rows.open(scope);
        const made = await rows.table('documents').create({ title: 'a', content: 'b' });
        expect(made['tenant_id']).toBe(tenant.id);
      });
    });
  }

  test('every step named here is a step that runs', () => {
    expect([...switchboard.seen]).toEqual(expect.arrayContaining(steps));
  });

  test('what a process that died left running is taken up by another and ends whole', async () => {
    const orphan = await newOrphan(node);
    await using second = await disposable(test0.another());
    await recoverNow(database.root, second.node, orphan);
    const tenant = await second.node.registry.tenants.read(orphan);
    expect(tenant?.state).toBe('active');
    await second.node.run(orphan, async (scope) => {
      await using rows = await second.node.rows.open(scope);
      expect(await rows.table('documents').count()).toBe(0);
    });
  });

  test('a tenant whose process died before it was journalled is dropped, and its slug is free again', async () => {
    const { parseNewTenant } = await import('../../src/lifecycle/input.ts');
    const input = { slug: 'unbegun', name: 'X', plan: 'enterprise' };
    const { tenant } = await parseNewTenant(node.registry, input);
    await node.registry.tenants.insert(tenant, operator);
    await node.lifecycle.recover();
    expect((await node.registry.tenants.read(tenant.id))?.state).toBe('provisioning');
    await database.root.query(
      `update bulkhead.tenant set created_at = now() - interval '1 hour' where id = $1`,
      [tenant.id],
    );
    expect(await node.lifecycle.recover()).toBe(1);
    expect((await node.lifecycle.create(input, operator)).tenant.state).toBe('active');
  });

  test.each(['shared', 'schema'] as const)(
    'a pool server of a region takes that region’s %s tenants, and is made ready by the first',
    async (isolation) => {
      const second = serviceUrl('cell');
      if (second === undefined) throw new Error('this test needs a second server: BULKHEAD_TEST_CELL_URL');
      await using elsewhere = await newTestDatabase(second);
      const region = `region-${isolation}`;
      await node.registry.servers.add(
        { name: region, role: 'pool', region, maxConnections: 10 },
        elsewhere.url,
        operator,
      );
      const made = await node.lifecycle.create(
        { slug: region, name: 'X', plan: 'enterprise', isolation, region },
        operator,
      );
      expect(rowsOf(made.tenant)).toMatch(new RegExp(`^${region}:`));
      await node.run(made.tenant.id, async (scope) => {
        await using rows = await node.rows.open(scope);
        await rows.table('documents').create({ title: 'here', content: 'x' });
      });
      const { rows: found } = await elsewhere.root.query(
        `select schema_name from bulkhead_wall.tenant where tenant_id = $1 and schema_name ~ '^(shared|tenant)'`,
        [made.tenant.id],
      );
      expect(found).toHaveLength(1);
      await expect(
        node.lifecycle
          .create(
            { slug: `${region}-no`, name: 'X', plan: 'enterprise', isolation, region: 'nowhere' },
            operator,
          )
          .then(({ tenant }) => rowsOf(tenant)),
      ).resolves.toMatch(/^main:/);
    },
  );

  test.each(tiers.slice(0, 3))(
    'a suspended %s tenant is refused within a second on another node, in an open scope too, and comes back whole',
    async (isolation) => {
      await using second = await disposable(test0.another());
      const tenant = await test0.tenant(isolation);
      const scope = await second.node.scope(tenant.id);
      await using rows = await second.node.rows.open(scope);
      await rows.table('documents').create({ title: 'kept', content: 'kept' });

      const startedMs = performance.now();
      await node.lifecycle.suspend(tenant.id, operator);
      let refusedAfterMs = 0;
      while (refusedAfterMs === 0) {
        const code = await rows
          .table('documents')
          .count()
          .then(
            () => 'served',
            (cause: unknown) => (isBulkheadError(cause) ? cause.code : 'other'),
          );
        if (code === 'tenant_inactive') refusedAfterMs = performance.now() - startedMs;
        else expect(['served', 'capability_refused']).toContain(code);
        expect(performance.now() - startedMs).toBeLessThan(1_000);
      }
      await expect(node.run(tenant.id, async () => 1)).rejects.toMatchObject({
        code: 'tenant_inactive',
        detail: { reason: 'suspended' },
      });
      await expect(node.lifecycle.suspend(tenant.id, operator)).rejects.toMatchObject({
        code: 'transition_refused',
      });

      await node.lifecycle.resume(tenant.id, operator);
      await node.run(tenant.id, async (again) => {
        await using handle = await node.rows.open(again);
        expect(await handle.table('documents').count({ title: 'kept' })).toBe(1);
      });
    },
  );

  test('a suspended tenant gets no capability from the database even where a node would ask for one', async () => {
    const tenant = await test0.tenant('shared');
    await node.lifecycle.suspend(tenant.id, operator);
    const { rows } = await database.root.query(
      `select (select bool_and(sealed) from bulkhead_wall.tenant where tenant_id = $1) as sealed,
              (select count(*)::int from bulkhead_wall.capability where tenant_id = $1) as live`,
      [tenant.id],
    );
    expect(rows).toEqual([{ sealed: true, live: 0 }]);
  });
});

/** A tenant whose provisioning began and was never taken further, as kill -9 leaves it. */
async function newOrphan(node: Bulkhead): Promise<TenantId> {
  const { tenants, operations } = node.registry;
  const { parseNewTenant } = await import('../../src/lifecycle/input.ts');
  const { tenant } = await parseNewTenant(node.registry, {
    slug: 'orphan',
    name: 'Orphan',
    plan: 'enterprise',
    isolation: 'schema',
  });
  await tenants.insert(tenant, operator);
  await operations.begin({ tenant: tenant.id, kind: 'provision', input: { server: null } }, operator);
  return tenant.id;
}

async function disposable(
  opening: Promise<Bulkhead>,
): Promise<AsyncDisposable & { readonly node: Bulkhead }> {
  const node = await opening;
  return { node, [Symbol.asyncDispose]: async () => {} };
}

describe('bad input', () => {
  let bed: TestNode;
  beforeAll(async () => {
    bed = await newTestNode();
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test.each([
    [{ slug: 'www' }, 'request_invalid', 'slug'],
    [{ slug: 'api' }, 'request_invalid', 'slug'],
    [{ slug: 'Acme' }, 'request_invalid', 'slug'],
    [{ slug: '../etc' }, 'request_invalid', 'slug'],
    [{ slug: 'a'.repeat(64) }, 'request_invalid', 'slug'],
    [{ slug: 'аcme' }, 'request_invalid', 'slug'],
    [{ name: '' }, 'request_invalid', 'name'],
    [{ name: 'x'.repeat(201) }, 'request_invalid', 'name'],
    [{ name: 'a\u0000b' }, 'request_invalid', 'name'],
    [{ plan: 'platinum' }, 'plan_unknown', 'plan'],
    [{ isolation: 'none' }, 'request_invalid', 'isolation'],
    [{ region: 'EU West' }, 'request_invalid', 'region'],
    [{ parent: 'nobody' }, 'hierarchy_refused', 'parent'],
  ])('%j is refused with %s and nothing is written', async (change, code, field) => {
    const before = (await bed.node.registry.tenants.list({ limit: 100 })).tenants.length;
    await expect(
      bed.node.lifecycle.create({ slug: 'acme', name: 'Acme', ...change }, operator),
    ).rejects.toMatchObject({ code, detail: { field } });
    expect((await bed.node.registry.tenants.list({ limit: 100 })).tenants.length).toBe(before);
  });

  test('a slug in use is refused, by name only', async () => {
    await bed.node.lifecycle.create({ slug: 'taken', name: 'First' }, operator);
    await expect(
      bed.node.lifecycle.create({ slug: 'taken', name: 'Second' }, operator),
    ).rejects.toMatchObject({ code: 'slug_taken' });
  });
});
