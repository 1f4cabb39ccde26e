import { afterAll, beforeAll, expect, test } from 'vitest';
import { newTenantId } from '../../src/core/ids.ts';
import type { Registry } from '../../src/registry/registry.ts';
import {
  describeRegistry,
  insertActive,
  makeRegistry,
  newTenant,
  operator,
  WatchedDatabase,
  type TestRegistry,
} from './support.ts';

describeRegistry('settings', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    ({ registry } = made);
  });
  afterAll(() => made[Symbol.asyncDispose]());

  test("the tenant's own value wins over its plan's, and that over everybody's", async () => {
    const { settings } = registry;
    const { id } = await insertActive(registry, { plan: 'pro' });
    const { id: other } = await insertActive(registry, { plan: 'free' });
    expect(await settings.get(id, 'locale')).toBeUndefined();
    await settings.setDefault({}, 'locale', 'en', operator);
    expect(await settings.get(id, 'locale')).toBe('en');
    await settings.setDefault({ plan: 'starter' }, 'locale', 'fr', operator);
    expect(await settings.get(id, 'locale')).toBe('fr');
    expect(await settings.get(other, 'locale')).toBe('en');
    await settings.set(id, 'locale', 'de', operator);
    expect((await settings.all(id))['locale']).toEqual({ value: 'de', from: 'tenant' });
    expect((await settings.all(other))['locale']).toEqual({ value: 'en', from: 'default' });
    await settings.unset(id, 'locale', operator);
    expect((await settings.all(id))['locale']).toEqual({ value: 'fr', from: 'plan' });
  });

  test('a declared setting takes values of its type only, at every level', async () => {
    const { settings } = registry;
    const { id } = await insertActive(registry);
    const kinds = { string: 'text', number: 1.5, boolean: false, json: { list: [null, 'x'] } };
    for (const [kind, value] of Object.entries(kinds)) {
      const key = `typed.${kind}`;
      await settings.declare({ key, kind: kind as keyof typeof kinds }, operator);
      await settings.set(id, key, value, operator);
      await settings.setDefault({}, key, value, operator);
      expect(await settings.get(id, key)).toEqual(value);
      for (const [otherKind, other] of Object.entries(kinds)) {
        if (otherKind === kind || kind === 'json') continue;
        await expect(settings.set(id, key, other, operator)).rejects.toMatchObject({
          code: 'value_invalid',
          detail: { field: key },
        });
        await expect(settings.setDefault({ plan: 'pro' }, key, other, operator)).rejects.toMatchObject({
          code: 'value_invalid',
        });
      }
      expect(await settings.get(id, key)).toEqual(value);
    }
  });

  test('a type that stored values contradict cannot be declared', async () => {
    const { id } = await insertActive(registry);
    await registry.settings.set(id, 'late', 'a text', operator);
    await expect(registry.settings.declare({ key: 'late', kind: 'number' }, operator)).rejects.toMatchObject({
      code: 'value_invalid',
      detail: { contradicting: 1 },
    });
    await registry.settings.declare({ key: 'late', kind: 'string' }, operator);
  });

  test.each([
    undefined,
    () => 1,
    new Date(),
    10n,
    Number.NaN,
    { deep: { date: new Date() } },
    'x'.repeat(20_000),
  ])('a value that is no small JSON is refused: %s', async (value) => {
    const { id } = await insertActive(registry);
    await expect(registry.settings.set(id, 'key', value, operator)).rejects.toMatchObject({
      code: 'value_invalid',
    });
    expect(await registry.settings.get(id, 'key')).toBeUndefined();
  });

  test.each(['', '1st', 'with space', '__proto__', "a'; drop table", 'k'.repeat(129)])(
    'a malformed key is refused: %j',
    async (key) => {
      const { id } = await insertActive(registry);
      await expect(registry.settings.set(id, key, 1, operator)).rejects.toMatchObject({
        code: 'value_invalid',
      });
    },
  );

  test('a key named like something every object has is a setting like any other', async () => {
    const { id } = await insertActive(registry);
    expect(await registry.settings.get(id, 'constructor')).toBeUndefined();
    await registry.settings.set(id, 'constructor', 'mine', operator);
    expect(await registry.settings.get(id, 'constructor')).toBe('mine');
  });

  test('null is a value: it hides the default until it is unset', async () => {
    const { id } = await insertActive(registry);
    await registry.settings.setDefault({}, 'theme', 'dark', operator);
    await registry.settings.set(id, 'theme', null, operator);
    expect(await registry.settings.get(id, 'theme')).toBeNull();
    await registry.settings.unset(id, 'theme', operator);
    expect(await registry.settings.get(id, 'theme')).toBe('dark');
  });

  test('settings are read from memory', async () => {
    const watched = new WatchedDatabase(made.database.connect());
    const node = await made.node({ admin: watched });
    const { id } = await insertActive(registry, { settings: { colour: 'red' } });
    await watched.heard();
    await node.settings.get(id, 'colour');
    watched.seen.length = 0;
    expect(await node.settings.get(id, 'colour')).toBe('red');
    expect(await node.settings.all(id)).toMatchObject({ colour: { value: 'red', from: 'tenant' } });
    expect(watched.count).toBe(0);
  });

  test('two who set different keys at once do not undo each other', async () => {
    const { id } = await insertActive(registry);
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`);
    await Promise.all(keys.map((key) => registry.settings.set(id, key, key, operator)));
    expect(Object.keys((await registry.tenants.read(id))?.settings ?? {}).toSorted()).toEqual(
      keys.toSorted(),
    );
  });

  test('who set what is on record, without the value', async () => {
    const { id } = await insertActive(registry);
    await registry.settings.set(id, 'motto', 'keepitsecret', operator);
    await registry.settings.unset(id, 'motto', operator);
    const events = await registry.audit.list({ tenant: id, limit: 2 });
    expect(events.map(({ action, detail }) => [action, detail])).toEqual([
      ['setting.unset', { key: 'motto' }],
      ['setting.set', { key: 'motto' }],
    ]);
  });

  test('a tenant or plan that does not exist has no settings', async () => {
    const id = newTenantId();
    await expect(registry.settings.get(id, 'a')).rejects.toMatchObject({ code: 'tenant_not_found' });
    await expect(registry.settings.set(id, 'a', 1, operator)).rejects.toMatchObject({
      code: 'tenant_not_found',
    });
    await expect(registry.settings.setDefault({ plan: 'gold' }, 'a', 1, operator)).rejects.toMatchObject({
      code: 'plan_unknown',
    });
  });

  test("features: on by plan or tenant, off or limited by a setting, the tenant's word last", async () => {
    const { settings, directory } = registry;
    await settings.setDefault({}, 'feature.everywhere', true, operator);
    await settings.setDefault({ plan: 'pro' }, 'feature.webhooks', false, operator);
    await settings.setDefault({ plan: 'pro' }, 'feature.reports', 'read', operator);
    const { id } = await insertActive(registry, { plan: 'pro', features: ['beta'] });
    expect(await settings.features(id)).toMatchObject({
      export: { level: 'on', from: 'plan' },
      webhooks: { level: 'off', from: 'plan' },
      reports: { level: 'read', from: 'plan' },
      everywhere: { level: 'on', from: 'default' },
      beta: { level: 'on', from: 'tenant' },
    });
    expect([...((await directory.byId(id))?.effectiveFeatures ?? [])].toSorted()).toEqual([
      'beta',
      'everywhere',
      'export',
      'reports',
    ]);
    await settings.set(id, 'feature.webhooks', true, operator);
    await settings.set(id, 'feature.everywhere', 'off', operator);
    await settings.set(id, 'feature.reports', 'write', operator);
    expect(await settings.features(id)).toMatchObject({ reports: { level: 'write', from: 'tenant' } });
    expect([...((await directory.byId(id))?.effectiveFeatures ?? [])].toSorted()).toEqual([
      'beta',
      'export',
      'reports',
      'webhooks',
    ]);
    const { id: free } = await insertActive(registry, { plan: 'free' });
    expect([...((await directory.byId(free))?.effectiveFeatures ?? [])]).toEqual(['everywhere']);
  });
});

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
