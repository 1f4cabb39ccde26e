import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { MemoryHandle, UserMemory } from '../../src/compartments/memory/memory.ts';
import type { Plan } from '../../src/core/plan.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { describeCompartment, type TestApi } from '../../src/testing/index.ts';
import { describeOnEachStore } from '../support/each-store.ts';
import { enroll } from '../support/enroll.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const api: TestApi = { test, equal: (actual, expected) => expect(actual).toEqual(expected) };

async function fill(memory: MemoryHandle): Promise<number> {
  const { id } = await memory.user('u').start({ title: 'first' });
  await memory.user('u').append(id, [
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'two' },
  ]);
  return 3;
}

async function count(memory: MemoryHandle): Promise<number> {
  const { conversations, messages } = await memory.count();
  return conversations + messages;
}

describeOnEachStore('memory', (store) => {
  let plan: Plan;
  let a: Tenant;
  let b: Tenant;
  beforeAll(async () => {
    const { bed } = store();
    const found = await bed.node.registry.plans.read('enterprise');
    if (found === undefined) throw new Error('no enterprise plan');
    plan = found;
    a = await bed.tenant('shared');
    b = await bed.tenant('shared');
  });

  for (const isolation of ['shared', 'schema'] as const)
    describe(`as a compartment, ${isolation}`, () => {
      describeCompartment<MemoryHandle>(api, () => ({
        compartment: store().bed.node.memory,
        plan,
        isolation,
        enroll: (tenant) => enroll(store().bed.node, tenant, isolation),
        fill,
        count,
      }));
    });

  const as = <T>(tenant: Tenant, user: string, body: (memory: UserMemory) => Promise<T>): Promise<T> => {
    const { node } = store().bed;
    return node.run(tenant.id, async (scope) => {
      await using memory = await node.memory.open(scope);
      return await body(memory.user(user));
    });
  };

  test('a user of one name in two tenants is two users, and an id taken across is an id that is not there', async () => {
    const { id } = await as(a, 'kim', async (kim) => {
      const made = await kim.start({ title: 'mine' });
      await kim.append(made.id, [{ role: 'user', content: 'a secret of the first' }]);
      return made;
    });
    for (const [tenant, user] of [
      [b, 'kim'],
      [a, 'lee'],
    ] as const)
      await as(tenant, user, async (other) => {
        expect(await other.read(id)).toBeUndefined();
        expect((await other.list()).map((each) => each.id)).not.toContain(id);
        expect(await other.search('secret')).toEqual([]);
        await expect(other.messages(id)).rejects.toMatchObject({ code: 'not_found' });
        await expect(other.append(id, [{ role: 'user', content: 'x' }])).rejects.toMatchObject({
          code: 'not_found',
        });
        expect(await other.remove(id)).toBe(false);
      });
    expect(await as(a, 'kim', async (kim) => (await kim.messages(id)).length)).toBe(1);
  });

  test('messages keep their order, also when several callers append at once', async () => {
    await as(a, 'order', async (user) => {
      const { id } = await user.start();
      await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          user.append(id, [
            { role: 'user', content: `${index} first` },
            { role: 'assistant', content: `${index} second` },
          ]),
        ),
      );
      const messages = await user.messages(id);
      expect(messages.map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: 16 }, (_, index) => index));
      for (let pair = 0; pair < 16; pair += 2)
        expect(messages[pair]?.content.split(' ')[0]).toBe(messages[pair + 1]?.content.split(' ')[0]);
    });
  });

  test('a window is the newest that fit, behind the summary of what went before', async () => {
    await as(a, 'window', async (user) => {
      const { id } = await user.start();
      const said = Array.from({ length: 10 }, (_, index) => ({
        role: 'user' as const,
        content: `m${index}`,
        tokens: 10,
      }));
      await user.append(id, said);
      const byTokens = await user.window(id, { tokens: 35 });
      expect(byTokens.messages.map(({ content }) => content)).toEqual(['m7', 'm8', 'm9']);
      expect(byTokens).toMatchObject({ tokens: 30, left: 7, summary: '' });
      expect((await user.window(id, { messages: 2 })).messages.map(({ ordinal }) => ordinal)).toEqual([8, 9]);
      await user.summarise(id, { text: 'They said eight things.', below: 8 });
      const after = await user.window(id, { messages: 100 });
      expect(after.summary).toBe('They said eight things.');
      expect(after.messages.map(({ ordinal }) => ordinal)).toEqual([8, 9]);
      await expect(user.summarise(id, { text: 'x', below: 3 })).rejects.toMatchObject({
        code: 'value_invalid',
      });
      await expect(user.summarise(id, { text: 'x', below: 11 })).rejects.toMatchObject({
        code: 'value_invalid',
      });
    });
  });

  test('what is over is not read any more, and is swept away', async () => {
    const { node } = store().bed;
    const id = await as(a, 'brief', async (user) => {
      const made = await user.start({ ttlMs: 1_000 });
      await user.append(made.id, [{ role: 'user', content: 'gone soon' }]);
      await vi.waitFor(async () => expect(await user.read(made.id)).toBeUndefined(), {
        timeout: 20_000,
        interval: 250,
      });
      await expect(user.messages(made.id)).rejects.toMatchObject({ code: 'not_found' });
      return made.id;
    });
    const tenant = await node.registry.tenants.read(a.id);
    const placement = tenant?.placements.find(({ compartment }) => compartment === 'memory');
    if (placement === undefined) throw new Error('no placement');
    expect(await node.memory.sweep(placement)).toBe(1);
    expect(await node.memory.sweep(placement)).toBe(0);
    expect(await as(a, 'brief', (user) => user.read(id))).toBeUndefined();
  });

  test('everything of one user is exported, and erased without a trace of it or of anybody else’s', async () => {
    const kept = await as(a, 'stays', async (user) => {
      const { id } = await user.start();
      await user.append(id, [{ role: 'user', content: 'mine stays' }]);
      return id;
    });
    await as(a, 'leaves', async (user) => {
      for (const title of ['x', 'y']) {
        const { id } = await user.start({ title });
        await user.append(id, [{ role: 'user', content: `about ${title}` }]);
      }
      const exported: string[] = [];
      for await (const { conversation, messages } of user.export())
        exported.push(`${conversation.title}: ${messages.map(({ content }) => content).join()}`);
      expect(exported.toSorted()).toEqual(['x: about x', 'y: about y']);
      expect(await user.erase()).toEqual({ conversations: 2, messages: 2, left: 0 });
      expect(await user.list()).toEqual([]);
    });
    expect(await as(a, 'stays', async (user) => (await user.messages(kept)).length)).toBe(1);
  });

  test('what cannot be kept is refused with its place, and nothing of the call is', async () => {
    await as(a, 'bad', async (user) => {
      const { id } = await user.start();
      const good = { role: 'user', content: 'good' } as const;
      const bad = [
        { role: 'user' as const, content: 'x\u0000y' },
        { role: 'robot' as never, content: 'x' },
        { role: 'user' as const, content: 'x', tokens: -1 },
        { role: 'user' as const, content: 'x', tokens: Number.NaN },
        { role: 'user' as const, content: 'x'.repeat(200_001) },
      ];
      for (const message of bad)
        await expect(user.append(id, [good, message])).rejects.toMatchObject({
          code: 'value_invalid',
          detail: { field: expect.stringMatching(/^messages\[1\]\./) },
        });
      await expect(user.append(id, [])).rejects.toMatchObject({ code: 'value_invalid' });
      for (const foreign of ['', 'no-id', '../x', '00000000-0000-0000-0000-000000000000'])
        await expect(user.append(foreign, [good])).rejects.toMatchObject({ code: 'not_found' });
      expect(await user.messages(id)).toEqual([]);
    });
    const { node } = store().bed;
    await node.run(a.id, async (scope) => {
      const memory = await node.memory.open(scope);
      for (const name of ['', 'x'.repeat(257), 'a\u0000b'])
        expect(() => memory.user(name)).toThrow(expect.objectContaining({ code: 'value_invalid' }));
      const hostile = memory.user(`o'neil"; drop table conversation; --`);
      const { id } = await hostile.start();
      expect((await hostile.read(id))?.user).toContain('drop table');
    });
  });
});

describe('limits of a conversation', () => {
  test('are kept by dropping its oldest messages', async () => {
    const { newTestNode } = await import('../support/node.ts');
    await using bed = await newTestNode({
      env: { BULKHEAD_MEMORY_MESSAGES: '5', BULKHEAD_MEMORY_BYTES: '1000' },
    });
    const tenant = await bed.tenant('shared');
    await bed.node.run(tenant.id, async (scope) => {
      const user = (await bed.node.memory.open(scope)).user('u');
      const { id } = await user.start();
      for (let index = 0; index < 8; index += 1)
        await user.append(id, [{ role: 'user', content: `m${index}` }]);
      expect((await user.messages(id)).map(({ content }) => content)).toEqual(['m3', 'm4', 'm5', 'm6', 'm7']);
      await user.append(id, [{ role: 'user', content: 'x'.repeat(990) }]);
      expect((await user.messages(id)).map(({ ordinal }) => ordinal)).toEqual([4, 5, 6, 7, 8].slice(-5));
      await user.append(id, [{ role: 'user', content: 'y'.repeat(500) }]);
      expect((await user.messages(id)).map(({ ordinal }) => ordinal)).toEqual([9]);
    });
  });
});
