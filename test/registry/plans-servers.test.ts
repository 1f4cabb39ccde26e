import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Registry } from '../../src/registry/registry.ts';
import { describeRegistry, makeRegistry, newTenant, operator, type TestRegistry } from './support.ts';

describeRegistry('plans and servers', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    ({ registry } = made);
  });
  afterAll(() => made[Symbol.asyncDispose]());

  test('a plan answers to its id and its aliases, in any case', async () => {
    for (const name of ['pro', 'PRO', 'Standard', 'starter', 'BUSINESS'])
      expect((await registry.plans.read(name))?.id).toBe('pro');
    expect(await registry.plans.read('gold')).toBeUndefined();
    expect(await registry.plans.read('constructor')).toBeUndefined();
  });

  test('a plan that cannot be, or whose name is taken, is not stored', async () => {
    const free = await registry.plans.read('free');
    if (free === undefined) throw new Error('no plan');
    const put = (fields: object) => registry.plans.put({ ...free, ...fields }, operator);
    for (const fields of [
      { defaultIsolation: 'schema' },
      { isolations: [] },
      { priceUsd: 'much' },
      { rates: { perMinute: 0, perDay: 1, burst: 1 } },
      { governor: { ...free.governor, extra: 1 } },
      { id: 'Bad Id' },
    ])
      await expect(put(fields)).rejects.toMatchObject({ code: 'value_invalid' });
    await expect(put({ id: 'new', aliases: ['starter'] })).rejects.toMatchObject({ code: 'conflict' });
    await expect(put({ id: 'starter', aliases: [] })).rejects.toMatchObject({ code: 'conflict' });
    expect(await registry.plans.list()).toHaveLength(3);
    await put({ id: 'new', aliases: ['fresh'] });
    expect((await registry.plans.read('fresh'))?.id).toBe('new');
  });

  test('a plan stored with a field we do not know is refused when read', async () => {
    await using own = await makeRegistry(dialect);
    await own.database.admin.query(
      `update bulkhead.plan set rates = rates || '{"perSecond": "many"}' where id = 'pro'`,
    );
    await expect((await own.node()).plans.list()).rejects.toMatchObject({
      code: 'internal',
      detail: { table: 'plan' },
    });
  });

  test("a server's URL is kept in the vault and nowhere else", async () => {
    const url = 'postgres://owner:hunter2@cell-1/postgres';
    const server = { name: 'cell-1', role: 'dedicated', region: 'eu', maxConnections: 20 } as const;
    await registry.servers.add(server, url, operator);
    expect(await registry.servers.list()).toEqual([server]);
    expect(await registry.servers.url('cell-1')).toBe(url);
    expect(await registry.servers.url('cell-2')).toBeUndefined();
    await expect(registry.servers.add(server, 'postgres://other', operator)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await registry.servers.url('cell-1')).toBe(url);
    const { rows } = await made.database.admin.query(
      `select to_jsonb(s)::text as whole from bulkhead.server s union all select to_jsonb(a)::text from bulkhead.audit_event a`,
    );
    expect(JSON.stringify(rows)).not.toContain('hunter2');
  });

  test('of many tenants that want a dedicated server at once, each gets its own or is refused', async () => {
    await using own = await makeRegistry(dialect);
    for (const name of ['a', 'b', 'c'])
      await own.registry.servers.add(
        { name, role: 'dedicated', region: undefined, maxConnections: 5 },
        'postgres://x',
        operator,
      );
    await own.registry.servers.add(
      { name: 'pool', role: 'pool', region: undefined, maxConnections: 5 },
      'postgres://x',
      operator,
    );
    const tenants = await Promise.all(
      Array.from({ length: 8 }, () => own.registry.tenants.insert(newTenant(), operator)),
    );
    const claims = await Promise.allSettled(
      tenants.map(({ id }) =>
        own.registry.servers.claimDedicated({ tenant: id, region: undefined, name: undefined }),
      ),
    );
    const got = claims.flatMap((claim) => (claim.status === 'fulfilled' ? claim.value.name : []));
    expect(got.toSorted()).toEqual(['a', 'b', 'c']);
    for (const claim of claims)
      if (claim.status === 'rejected') expect(claim.reason).toMatchObject({ code: 'isolation_unavailable' });
  });

  test('a claim that is repeated gets the same server, one that is released can be had again', async () => {
    await using own = await makeRegistry(dialect);
    const { servers } = own.registry;
    await servers.add(
      { name: 'eu', role: 'dedicated', region: 'eu', maxConnections: 5 },
      'postgres://x',
      operator,
    );
    await servers.add(
      { name: 'us', role: 'dedicated', region: 'us', maxConnections: 5 },
      'postgres://x',
      operator,
    );
    const [one, two] = [
      await own.registry.tenants.insert(newTenant(), operator),
      await own.registry.tenants.insert(newTenant(), operator),
    ];
    const claim = (tenant: typeof one, region?: string, name?: string) =>
      servers.claimDedicated({ tenant: tenant.id, region, name });
    expect((await claim(one, 'us')).name).toBe('us');
    expect((await claim(one, 'us')).name).toBe('us');
    // On the move it holds two: by name it gets the other as well.
    expect((await claim(one, undefined, 'eu')).name).toBe('eu');
    await servers.releaseDedicated(one.id, 'eu');
    await expect(claim(two, 'us')).rejects.toMatchObject({ code: 'isolation_unavailable' });
    await expect(claim(two, undefined, 'us')).rejects.toMatchObject({ code: 'isolation_unavailable' });
    await servers.releaseDedicated(one.id, 'us');
    expect((await claim(two, undefined, 'us')).name).toBe('us');
  });
});
