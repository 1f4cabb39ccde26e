import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bulkhead } from '../../src/bulkhead.ts';
import { isBulkheadError } from '../../src/core/errors.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { placementIn, type Scope } from '../../src/core/scope.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { describeOnEachStore, type StoreUnderTest } from '../support/each-store.ts';
import { newTestNode, operator, type TestNode } from '../support/node.ts';

const hourMs = 3_600_000;

describeOnEachStore('a parent that reads its children', (store) => {
  let node: Bulkhead;
  /** root > clinic > ward, root > school; all on isolations of their own. */
  let root: Tenant;
  let clinic: Tenant;
  let ward: Tenant;
  let school: Tenant;
  beforeAll(async () => {
    const { bed } = store();
    node = bed.node;
    root = await bed.tenant('shared');
    clinic = await bed.tenant('schema', { parent: root.slug });
    ward = await bed.tenant('shared', { parent: clinic.slug });
    school = await bed.tenant('database', { parent: root.slug });
    for (const tenant of [root, clinic, ward, school]) await write(tenant.id, `of ${tenant.slug}`);
  });

  async function write(tenant: TenantId, title: string): Promise<void> {
    await node.run(tenant, async (scope) => {
      await using rows = await node.rows.open(scope);
      await rows.table('documents').create({ title, content: 'x' });
    });
  }

  async function titles(scope: Scope): Promise<readonly unknown[]> {
    await using rows = await node.rows.open(scope);
    const page = await rows.table('documents').findAll();
    return page.rows.map(({ title }) => title);
  }

  const grant = (reader: Tenant, child: Tenant | undefined, forMs = hourMs) =>
    node.registry.umbrella.grant(
      { reader: reader.id, child: child?.id, expiresAt: new Date(Date.now() + forMs) },
      operator,
    );
  const revoke = ({ id }: { readonly id: string }, reader: Tenant) =>
    node.registry.umbrella.revoke({ id, side: 'reader', tenant: reader.id }, operator);

  async function codeOf(work: Promise<unknown>): Promise<string> {
    return await work.then(
      () => 'done',
      (cause: unknown) => (isBulkheadError(cause) ? cause.code : String(cause)),
    );
  }

  test('sees them where it was granted and nowhere else: not without a grant, not sideways, not upwards', async () => {
    const scope = await node.scope(root.id);
    for (const named of [clinic.id, clinic.slug, ward.id, school.id, root.id, 'nobody-here', '../x'])
      expect(await codeOf(node.umbrella.open(scope, named)), named).toBe('tenant_not_found');

    const given = await grant(root, clinic);
    const view = await node.umbrella.open(scope, clinic.slug);
    expect(view).toMatchObject({ tenantId: clinic.id, access: { kind: 'umbrella', reader: root.id } });
    expect(await titles(view)).toEqual([`of ${clinic.slug}`]);
    // A grandchild is not in a grant for the child, nor is a sibling of it.
    for (const other of [ward, school])
      expect(await codeOf(node.umbrella.open(scope, other.id))).toBe('tenant_not_found');
    // Whoever is looked at looks at nobody by that: not up, not sideways, not at its own children.
    const below = await node.scope(clinic.id);
    for (const other of [root, school, ward])
      expect(await codeOf(node.umbrella.open(below, other.id))).toBe('tenant_not_found');
    expect((await node.umbrella.children(scope)).tenants.map(({ id }) => id)).toEqual([clinic.id]);
    expect((await node.umbrella.children(below)).tenants).toEqual([]);
    await revoke(given, root);
  });

  test('is refused a grant over whoever is not below it', async () => {
    for (const [reader, child] of [
      [clinic, root],
      [clinic, school],
      [ward, school],
      [ward, clinic],
    ] as const)
      expect(await codeOf(grant(reader, child))).toBe('hierarchy_refused');
    expect(await codeOf(grant(root, root))).toBe('hierarchy_refused');
  });

  test('no scope opened by a grant leads on to a further one', async () => {
    const [up, down] = [await grant(root, clinic), await grant(clinic, ward)];
    const view = await node.umbrella.open(await node.scope(root.id), clinic.id);
    expect(await codeOf(node.umbrella.open(view, ward.id))).toBe('tenant_not_found');
    expect(await codeOf(node.umbrella.children(view))).toBe('tenant_not_found');
    expect(await titles(await node.umbrella.open(await node.scope(clinic.id), ward.id))).toEqual([
      `of ${ward.slug}`,
    ]);
    await revoke(up, root);
    await revoke(down, clinic);
  });

  test('reads all below it, one after another, each in its own scope', async () => {
    const given = await grant(root, undefined);
    const seen: Record<string, unknown> = {};
    for await (const { child, outcome } of node.umbrella.each(await node.scope(root.id), titles))
      seen[child.id] = outcome.kind === 'read' ? outcome.value : outcome.code;
    expect(seen).toEqual({
      [clinic.id]: [`of ${clinic.slug}`],
      [ward.id]: [`of ${ward.slug}`],
      [school.id]: [`of ${school.slug}`],
    });
    await revoke(given, root);
  });

  const writes: readonly (readonly [string, (scope: Scope) => Promise<unknown>])[] = [
    [
      'create',
      async (scope) => (await node.rows.open(scope)).table('documents').create({ title: 'x', content: 'x' }),
    ],
    [
      'sql insert',
      async (scope) =>
        (await node.rows.open(scope)).sql`insert into documents (title, content) values ('x', 'x')`,
    ],
    [
      'sql update',
      async (scope) => (await node.rows.open(scope)).sql`update documents set title = 'taken over'`,
    ],
    ['sql delete', async (scope) => (await node.rows.open(scope)).sql`delete from documents`],
    [
      'a write hidden in a read',
      async (scope) =>
        (await node.rows.open(scope))
          .sql`with w as (update documents set title = 'taken over' returning id) select count(*) from w`,
    ],
    [
      'a write in a transaction that has read before',
      async (scope) =>
        (await node.rows.open(scope)).transaction(async (tx) => {
          await tx.table('documents').findAll();
          await tx.sql`update documents set title = 'taken over'`;
        }),
    ],
    [
      'a statement that first makes its transaction a writing one',
      async (scope) =>
        (await node.rows.open(scope))
          .sql`with off as (select set_config('transaction_read_only', 'off', true) as v)
          select v, (select count(*) from documents) from off`,
    ],
    [
      'a transaction that first makes itself a writing one',
      async (scope) =>
        (await node.rows.open(scope)).transaction(async (tx) => {
          await tx.sql`select set_config('transaction_read_only', 'off', true)`;
          await tx.sql`update documents set title = 'taken over'`;
        }),
    ],
  ];
  test.each(writes)('cannot write: %s', async (_, attempt) => {
    const given = await grant(root, clinic);
    const view = await node.umbrella.open(await node.scope(root.id), clinic.id);
    expect(await codeOf(attempt(view))).not.toBe('done');
    expect(await titles(await node.scope(clinic.id))).toEqual([`of ${clinic.slug}`]);
    await revoke(given, root);
  });

  test('is told that it only reads, by every door that is for owners', async () => {
    const given = await grant(root, clinic);
    const view = await node.umbrella.open(await node.scope(root.id), clinic.id);
    expect(
      await codeOf((await node.rows.open(view)).table('documents').create({ title: 'x', content: 'x' })),
    ).toBe('read_only');
    expect(await codeOf(node.rows.rotateCredential(view))).toBe('read_only');
    // What a compartment asks that does not tell readers from owners.
    expect(() => placementIn(view, 'vectors')).toThrow(expect.objectContaining({ code: 'read_only' }));
    await revoke(given, root);
  });

  test('a revoked grant ends an open scope within a second, and so does one that expires', async () => {
    const given = await grant(root, clinic);
    const view = await node.umbrella.open(await node.scope(root.id), clinic.id);
    await using rows = await node.rows.open(view);
    expect(await rows.table('documents').count()).toBe(1);
    await revoke(given, root);
    expect(await codeOf(rows.table('documents').count())).toBe('tenant_not_found');

    await grant(root, clinic, 700);
    const brief = await node.rows.open(await node.umbrella.open(await node.scope(root.id), clinic.id));
    expect(await brief.table('documents').count()).toBe(1);
    await setTimeout(800);
    expect(await codeOf(brief.table('documents').count())).toBe('tenant_not_found');
  });

  test('a child, or a parent between, that is suspended ends it; so does the reader’s own suspension', async () => {
    const given = await grant(root, ward);
    const view = await node.umbrella.open(await node.scope(root.id), ward.id);
    for (const asleep of [ward, clinic, root]) {
      await node.lifecycle.suspend(asleep.id, operator);
      expect(await codeOf(titles(view))).toBe('tenant_inactive');
      if (asleep !== root)
        for await (const { outcome } of node.umbrella.each(await node.scope(root.id), titles))
          expect(outcome).toEqual({ kind: 'refused', code: 'tenant_inactive' });
      await node.lifecycle.resume(asleep.id, operator);
    }
    expect(await titles(view)).toEqual([`of ${ward.slug}`]);
    await revoke(given, root);
  });

  test('whoever is read finds that in its trail, and whoever tries in vain in its own', async () => {
    const given = await grant(root, school);
    const actor = { kind: 'key', id: 'key-of-root' } as const;
    const scope = await node.scope(root.id, { actor });
    await node.umbrella.open(scope, school.id);
    await codeOf(node.umbrella.open(scope, ward.id));
    await revoke(given, root);
    await node.registry.audit.flush();
    const read = await node.registry.audit.list({ tenant: school.id, limit: 100 });
    expect(read.find(({ action }) => action === 'umbrella.opened')).toMatchObject({
      actor,
      detail: { reader: root.id, grant: given.id },
    });
    expect(read.map(({ action }) => action)).toContain('umbrella.granted');
    const tried = await node.registry.audit.list({ tenant: root.id, limit: 100 });
    expect(
      tried.find(({ actor: by, action }) => action === 'access.cross_tenant_attempt' && by.id === actor.id),
    ).toMatchObject({ severity: 'high', detail: { source: 'umbrella', named: ward.id } });
    expect(tried.map(({ action }) => action)).toContain('umbrella.revoked');
  });

  test('a grant is ended by either of its two sides and by nobody else', async () => {
    const given = await grant(root, clinic);
    const end = (side: 'reader' | 'child', tenant: Tenant) =>
      codeOf(node.registry.umbrella.revoke({ id: given.id, side, tenant: tenant.id }, operator));
    expect(await end('child', school)).toBe('not_found');
    expect(await end('reader', clinic)).toBe('not_found');
    expect(await end('child', clinic)).toBe('done');
    expect(await codeOf(node.umbrella.open(await node.scope(root.id), clinic.id))).toBe('tenant_not_found');
    const all = await node.registry.umbrella.list(clinic.id);
    expect(all.find(({ id }) => id === given.id)?.revokedAt).toBeInstanceOf(Date);
  });

  test('reads on while the child is moved, and writes at neither end', async () => {
    const given = await grant(root, clinic);
    const opened = async (): Promise<Scope> => node.umbrella.open(await node.scope(root.id), clinic.id);
    const held = await opened();
    let isMoving = true;
    let reads = 0;
    const reading = (async () => {
      for (let view = held; isMoving; view = reads % 20 === 0 ? await opened() : view) {
        expect(await titles(view)).toEqual([`of ${clinic.slug}`]);
        expect(await codeOf((await node.rows.open(view)).sql`delete from documents`)).toBe('read_only');
        reads += 1;
        await setTimeout(5);
      }
    })();
    await node.lifecycle.move({ tenant: clinic.id, isolation: 'shared' }, operator);
    await setTimeout(100);
    isMoving = false;
    await reading;
    expect(reads).toBeGreaterThan(2);
    expect(await titles(held)).toEqual([`of ${clinic.slug}`]);
    await node.lifecycle.rollBackMove(clinic.id, operator);
    expect(await titles(held)).toEqual([`of ${clinic.slug}`]);
    await revoke(given, root);
  });

  inTheDatabase(store, () => ({ node, clinic }));
});

/** Past the program: a capability for reading, as somebody who has stolen it would use it. */
function inTheDatabase(
  store: () => StoreUnderTest,
  read: () => { readonly node: Bulkhead; readonly clinic: Tenant },
): void {
  test('a stolen capability of a reader is worth nothing in a transaction that writes', async () => {
    const { database } = store();
    if (database === undefined) return;
    const { node, clinic } = read();
    const { Capabilities } = await import('../../src/compartments/rows/capabilities.ts');
    const capabilities = new Capabilities({
      withIssuer: (_, body) => body(database.root),
      renewWall: async () => {},
      clock: node.clock,
      ttlMs: 60_000,
      maxTenants: 10,
    });
    const placement = clinic.placements.find(({ compartment }) => compartment === 'rows');
    if (placement === undefined) throw new Error('no placement');
    const token = await capabilities.token(placement, 'reads');
    const schema = placement.container.split('/')[1] ?? '';
    const { rows: roles } = await database.root.query<{ name: string }>(
      `select rolname as name from pg_roles where rolname like '%' || $1`,
      [clinic.id.replaceAll('-', '')],
    );
    const attempt = (mode: 'read only' | 'read write', text: string) =>
      database.root.transaction(async (tx) => {
        await tx.script(`set transaction ${mode}`);
        await tx.query(
          `select set_config('bulkhead.capability', $1, true), set_config('search_path', $2, true), set_config('role', $3, true)`,
          [token, schema, roles[0]?.name],
        );
        return (await tx.query<{ n: number }>(text)).rows[0]?.n;
      });
    const count = 'select count(*)::int as n from documents';
    expect(await attempt('read only', count)).toBe(1);
    await expect(attempt('read write', count)).rejects.toMatchObject({ sqlState: 'BH003' });
    await expect(
      attempt('read write', `insert into documents (title, content) values ('x', 'x')`),
    ).rejects.toMatchObject({ sqlState: 'BH003' });
    await expect(
      attempt('read only', `insert into documents (title, content) values ('x', 'x')`),
    ).rejects.toMatchObject({ detail: { sqlState: '25006' } });
  });
}

describe('five levels', () => {
  let bed: TestNode;
  beforeAll(async () => {
    bed = await newTestNode();
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test('the topmost reads the lowest, and is told how far down it is', async () => {
    const line: Tenant[] = [];
    for (let level = 0; level < 5; level += 1)
      line.push(await bed.tenant('shared', level === 0 ? {} : { parent: line[level - 1]?.slug ?? '' }));
    const [top, , , , bottom] = line;
    if (top === undefined || bottom === undefined) throw new Error('no line');
    const { node } = bed;
    await node.registry.umbrella.grant(
      { reader: top.id, child: undefined, expiresAt: new Date(Date.now() + hourMs) },
      operator,
    );
    const scope = await node.scope(top.id);
    const { tenants } = await node.umbrella.children(scope);
    expect(tenants.map(({ depth }) => depth).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    expect((await node.umbrella.open(scope, bottom.id)).tenantId).toBe(bottom.id);
    const pages = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await node.umbrella.children(scope, { limit: 3, cursor });
      pages.push(page.tenants.length);
      cursor = page.nextCursor;
    }
    expect(pages).toEqual([3, 1]);
  });
});
