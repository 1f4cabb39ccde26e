import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { LimitAnswer, LimitAsking, LimitRule } from '../../src/core/limit.ts';
import type { LimitStore } from '../../src/drivers/limit-store.ts';
import { openMemoryLimits } from '../../src/drivers/memory/limits.ts';
import { describeOnEachLimitStore } from './each-limit-store.ts';

const startMs = Date.UTC(2026, 0, 31, 23, 59, 30);

function ask(key: string, rule: LimitRule, cost = 1): LimitAsking {
  return { charges: [{ key, rule, cost }] };
}

const newKey = (): string => `limit:{${randomUUID()}}:k`;

async function admitted(store: LimitStore, askings: readonly LimitAsking[], nowMs: number): Promise<number> {
  return (await store.decide(askings, nowMs)).filter(({ isAllowed }) => isAllowed).length;
}

/** Numbers that look random and are the same in every run: mulberry32. */
function newRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describeOnEachLimitStore('limits', (store) => {
  const window = (limit: number, from = startMs - (startMs % 60_000), lengthMs = 60_000): LimitRule => ({
    kind: 'window',
    limit,
    startMs: from,
    endMs: from + lengthMs,
  });

  test('of a hundred callers at once, as many pass as the limit says and not one more', async () => {
    for (const rule of [
      window(30),
      { kind: 'sliding', limit: 30, periodMs: 60_000 } as const,
      { kind: 'bucket', limit: 60, periodMs: 60_000, burst: 30 } as const,
    ]) {
      const key = newKey();
      const calls = Array.from({ length: 100 }, () => admitted(store(), [ask(key, rule)], startMs));
      const passed = await Promise.all(calls);
      expect(passed.reduce((sum, count) => sum + count, 0)).toBe(30);
    }
  });

  test('a bucket refills one by one, and holds its burst and no more', async () => {
    const key = newKey();
    const rule = { kind: 'bucket', limit: 7, periodMs: 1_000, burst: 3 } as const;
    expect(
      await admitted(
        store(),
        Array.from({ length: 5 }, () => ask(key, rule)),
        startMs,
      ),
    ).toBe(3);
    // A seventh of a second is no whole number of milliseconds.
    for (let index = 1; index <= 20; index += 1) {
      const [early] = await store().decide([ask(key, rule)], startMs + (index * 1_000) / 7 - 1);
      expect(early?.isAllowed).toBe(false);
      expect(early?.standings[0]?.waitMs).toBeCloseTo(1, 2);
      expect(await admitted(store(), [ask(key, rule)], startMs + (index * 1_000) / 7)).toBe(1);
    }
    expect(
      await admitted(
        store(),
        Array.from({ length: 9 }, () => ask(key, rule)),
        startMs + 3_600_000,
      ),
    ).toBe(3);
  });

  test('a window ends at its end, at midnight and at the end of a month, and what was refused took nothing', async () => {
    const key = newKey();
    const day = 86_400_000;
    const midnight = Date.UTC(2026, 1, 1);
    const january = window(2, midnight - day, day);
    const february = window(2, midnight, day);
    expect(
      await admitted(
        store(),
        Array.from({ length: 9 }, () => ask(key, january)),
        midnight - 1,
      ),
    ).toBe(2);
    const [refused] = await store().decide([ask(key, january)], midnight - 1);
    expect(refused?.standings[0]).toMatchObject({ isAllowed: false, remaining: 0, waitMs: 1 });
    expect(
      await admitted(
        store(),
        Array.from({ length: 9 }, () => ask(key, february)),
        midnight,
      ),
    ).toBe(2);
  });

  test('a sliding window knows what was before it', async () => {
    const key = newKey();
    const rule = { kind: 'sliding', limit: 10, periodMs: 60_000 } as const;
    const minute = startMs - (startMs % 60_000);
    expect(
      await admitted(
        store(),
        Array.from({ length: 20 }, () => ask(key, rule)),
        minute + 59_000,
      ),
    ).toBe(10);
    // Two seconds later the clock minute is another one, but not the last sixty seconds.
    expect(
      await admitted(
        store(),
        Array.from({ length: 20 }, () => ask(key, rule)),
        minute + 61_000,
      ),
    ).toBe(0);
    expect(
      await admitted(
        store(),
        Array.from({ length: 20 }, () => ask(key, rule)),
        minute + 90_000,
      ),
    ).toBe(5);
  });

  test('a clock that is set back admits no more, and does not shut anybody out for longer than the limit', async () => {
    for (const rule of [
      { kind: 'bucket', limit: 60, periodMs: 60_000, burst: 10 } as const,
      { kind: 'sliding', limit: 10, periodMs: 60_000 } as const,
    ]) {
      const key = newKey();
      expect(
        await admitted(
          store(),
          Array.from({ length: 20 }, () => ask(key, rule)),
          startMs,
        ),
      ).toBe(10);
      const backMs = startMs - 3_600_000;
      expect(
        await admitted(
          store(),
          Array.from({ length: 20 }, () => ask(key, rule)),
          backMs,
        ),
      ).toBe(0);
      const [refused] = await store().decide([ask(key, rule)], backMs);
      expect(refused?.standings[0]?.waitMs).toBeLessThanOrEqual(120_000);
    }
    const key = newKey();
    expect(
      await admitted(
        store(),
        Array.from({ length: 20 }, () => ask(key, window(10))),
        startMs,
      ),
    ).toBe(10);
    const earlier = window(10, startMs - (startMs % 60_000) - 3_600_000);
    expect(await admitted(store(), [ask(key, earlier)], startMs - 3_600_000)).toBe(0);
  });

  test('an asking of several limits takes from all of them or from none', async () => {
    const [wide, narrow] = [newKey(), newKey()];
    const both = (): LimitAsking => ({
      charges: [
        { key: wide, rule: window(100), cost: 1 },
        { key: narrow, rule: window(3), cost: 1 },
      ],
    });
    expect(await admitted(store(), Array.from({ length: 50 }, both), startMs)).toBe(3);
    const [standing] = await store().decide([ask(wide, window(100), 0)], startMs);
    expect(standing?.standings[0]?.remaining).toBe(97);
  });

  test('more than the limit at once is never admitted, and says so', async () => {
    const [answer] = await store().decide([ask(newKey(), window(5), 6)], startMs);
    expect(answer?.standings[0]).toMatchObject({ isAllowed: false, waitMs: Number.POSITIVE_INFINITY });
  });

  test('asking without taking changes nothing', async () => {
    const key = newKey();
    for (let round = 0; round < 3; round += 1) {
      const [answer] = await store().decide([ask(key, window(5), 0)], startMs);
      expect(answer?.standings[0]).toMatchObject({ isAllowed: true, remaining: 5 });
    }
  });

  test('tells the same as the arithmetic does, through 600 askings at random with a clock that jumps', async () => {
    const reference = openMemoryLimits();
    const random = newRandom(20_260_131);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
    const tenants = Array.from({ length: 5 }, () => `limit:{${randomUUID()}}`);
    let nowMs = startMs;
    for (let batch = 0; batch < 60; batch += 1) {
      nowMs += pick([0, 1, 17.25, 333, 1_000, 59_999, 61_000, 86_400_000, -500, -7_200_000]);
      const askings = Array.from({ length: 10 }, (): LimitAsking => {
        const tenant = pick(tenants);
        const periodMs = pick([1_000, 60_000, 3_600_000]);
        const limit = pick([1, 3, 7, 60]);
        const from = Math.floor(nowMs / periodMs) * periodMs;
        const rules: readonly (readonly [string, LimitRule])[] = [
          [`bucket:${limit}:${periodMs}`, { kind: 'bucket', limit, periodMs, burst: pick([1, 2, 5]) }],
          [`window:${limit}:${periodMs}`, { kind: 'window', limit, startMs: from, endMs: from + periodMs }],
          [`sliding:${limit}:${periodMs}`, { kind: 'sliding', limit, periodMs }],
        ];
        const chosen = rules.filter(() => random() < 0.6);
        return {
          charges: chosen.map(([name, rule]) => ({
            key: `${tenant}:${name}`,
            rule,
            cost: pick([0, 1, 1, 2]),
          })),
        };
      });
      const [expected, actual] = [
        await reference.decide(askings, nowMs),
        await store().decide(askings, nowMs),
      ];
      expect(actual.map(visible)).toEqual(expected.map(visible));
    }
  });
});

function visible({ isAllowed, standings }: LimitAnswer): unknown {
  return {
    isAllowed,
    standings: standings.map(({ isAllowed: each, remaining, waitMs, resetMs }) => ({
      each,
      remaining,
      waitMs: Number.isFinite(waitMs) ? Math.round(waitMs * 1e3) : waitMs,
      resetMs: Math.round(resetMs * 1e3),
    })),
  };
}
