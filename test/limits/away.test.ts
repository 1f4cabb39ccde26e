import { afterAll, beforeAll, expect, test } from 'vitest';
import { Limiter } from '../../src/billing/limits/limiter.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { LimitAsking } from '../../src/core/limit.ts';
import type { SharedLimitStore } from '../../src/drivers/limit-store.ts';
import { openMemoryLimits } from '../../src/drivers/memory/limits.ts';
import { openRedisLimits } from '../../src/drivers/redis/limits.ts';
import { bySlot } from '../../src/drivers/redis/limits.ts';
import { slotOf } from '../../src/drivers/redis/slot.ts';
import { startProxy, type Proxy } from '../drivers/support/proxy.ts';
import { describeWith } from '../support/services.ts';

const askings = (key: string, count: number): readonly LimitAsking[] =>
  Array.from({ length: count }, () => ({
    charges: [{ key, rule: { kind: 'bucket', limit: 1, periodMs: 3_600_000, burst: 40 }, cost: 1 }],
  }));

async function admitted(limiter: Limiter, key: string, mode: 'closed' | 'local'): Promise<number> {
  const answers = await Promise.all(
    askings(key, 100).map(async (asking) => await limiter.decide(asking, mode)),
  );
  return answers.filter((each) => each.kind === 'answer' && each.answer.isAllowed).length;
}

describeWith('valkey', 'limits whose store does not answer', (url) => {
  let proxy: Proxy;
  let store: SharedLimitStore;
  let limiter: Limiter;
  beforeAll(async () => {
    proxy = await startProxy(url);
    store = openRedisLimits({ name: 'limits', url: proxy.url, timeoutMs: 500, topology: 'single' });
    limiter = new Limiter({ store, local: openMemoryLimits(), localShare: 0.25, clock: systemClock });
  });
  afterAll(async () => {
    await limiter.close();
    await proxy[Symbol.asyncDispose]();
  });

  test('admit nobody of a tenant that is closed then, and a share of one that is not; and recover by themselves', async () => {
    const key = (): string => `limit:{${crypto.randomUUID()}}:k`;
    expect(await admitted(limiter, key(), 'closed')).toBe(40);
    proxy.hold('stop');
    expect(await admitted(limiter, key(), 'closed')).toBe(0);
    expect(limiter.isAway).toBe(true);
    expect(await admitted(limiter, key(), 'local')).toBe(10);
    proxy.hold('flow');
    await expect.poll(() => limiter.isAway, { timeout: 20_000, interval: 20 }).toBe(false);
    expect(await admitted(limiter, key(), 'local')).toBe(40);
  });

  test('are asked once for all that is asked in one turn of the event loop', async () => {
    const key = `limit:{${crypto.randomUUID()}}:k`;
    let calls = 0;
    const counting = new Limiter({
      store: {
        ...store,
        decide: (...asked) => {
          calls += 1;
          return store.decide(...asked);
        },
      },
      local: openMemoryLimits(),
      localShare: 1,
      clock: systemClock,
    });
    expect(await admitted(counting, key, 'closed')).toBe(40);
    expect(calls).toBe(1);
  });
});

test('keys of one tenant are in one slot, and a call on a cluster holds keys of one slot alone', () => {
  // From the Redis Cluster specification, and from CLUSTER KEYSLOT.
  expect(slotOf('123456789')).toBe(0x31c3 % 16_384);
  expect(slotOf('{user1000}.following')).toBe(slotOf('{user1000}.followers'));
  expect(slotOf('foo{}{bar}')).toBe(slotOf('foo{}{bar}'));
  const tenants = Array.from({ length: 50 }, () => crypto.randomUUID());
  const mixed = tenants.flatMap((tenant) => askings(`limit:{${tenant}}:minute`, 3));
  const groups = bySlot(mixed);
  expect(groups.flat()).toHaveLength(150);
  for (const group of groups)
    expect(new Set(group.flatMap(({ asking }) => asking.charges.map(({ key }) => slotOf(key)))).size).toBe(1);
});
