import { afterAll, beforeAll, expect, test } from 'vitest';
import { newTenantId } from '../../src/core/ids.ts';
import type { Registry } from '../../src/registry/registry.ts';
import {
  describeRegistry,
  insertActive,
  makeRegistry,
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

  test('several settings are changed together, or none of them', async () => {
    const { settings } = registry;
    const { id } = await insertActive(registry);
    await settings.declare({ key: 'together.size', kind: 'number' }, operator);
    await settings.change(id, { 'together.a': 'x', 'together.b': [1], 'together.size': 2 }, operator);
    await settings.change(id, { 'together.a': null, 'together.b': 'y' }, operator);
    const after = {
      'together.b': { value: 'y', from: 'tenant' },
      'together.size': { value: 2, from: 'tenant' },
    };
    expect(await settings.all(id)).toMatchObject(after);
    expect(await settings.get(id, 'together.a')).toBeUndefined();
    for (const refused of [
      { 'together.b': 'z', 'together.size': 'large' },
      { 'together.b': null, 'not a key': 1 },
      { 'together.b': 'z', 'together.c': 'x'.repeat(17_000) },
    ])
      await expect(settings.change(id, refused, operator)).rejects.toMatchObject({ code: 'value_invalid' });
    expect(await settings.all(id)).toMatchObject(after);
    const events = await registry.audit.list({ tenant: id, limit: 2 });
    expect(events[0]).toMatchObject({
      action: 'setting.changed',
      detail: { set: ['together.b'], unset: ['together.a'] },
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
