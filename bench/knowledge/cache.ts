import { Redis } from 'ioredis';
import { systemClock } from '../../src/core/clock.ts';
import type { KeyValueStore } from '../../src/drivers/key-value.ts';
import { openMemoryStore } from '../../src/drivers/memory/store.ts';
import { openRedisStore } from '../../src/drivers/redis/store.ts';
import { newCacheBed } from '../../test/cache/support.ts';
import { measured, median, quantile, type BenchRow } from '../row.ts';

const rounds = 5;
const tenants = 50;
const keys = 20;
const value = { title: 'price list', currency: 'EUR', lines: [12, 40, 7, 3], validUntil: '2026-12-31' };
const how = `hits of ${tenants} tenants, values of ${JSON.stringify(value).length} bytes, one call at a time, median of ${rounds} rounds`;

type Get = (tenant: number, key: string) => Promise<unknown>;

/** A hit through the scoped handle: liveness, key, gate, envelope and JSON included. The peer is `GET` by the same client, parsed. */
export async function benchCache(): Promise<readonly BenchRow[]> {
  const memory = openMemoryStore({ clock: systemClock, spaceBytes: 16_777_216, totalBytes: 268_435_456 });
  const inMemory = await measure({ bulkhead: await openHits(memory) }, 100_000);
  const rows = [
    measured({
      area: 'knowledge',
      name: 'cache get in memory, p99',
      value: median(inMemory.p99['bulkhead'] ?? []) * 1_000,
      unit: 'µs',
      target: '<= 5',
      how,
    }),
  ];
  const url = process.env['BULKHEAD_TEST_VALKEY_URL'];
  if (url === undefined)
    return [
      ...rows,
      {
        area: 'knowledge',
        name: 'cache get over Valkey, p99',
        value: null,
        unit: 'ms',
        target: '<= 1',
        holds: null,
        how: 'not measured: BULKHEAD_TEST_VALKEY_URL is not set',
      },
    ];
  const store = openRedisStore({ name: 'main', url, timeoutMs: 5_000 });
  const raw = new Redis(url, { enableAutoPipelining: false });
  try {
    const overValkey = await measure({ bulkhead: await openHits(store), raw: await openRaw(raw) }, 3_000);
    const ratio = (overValkey.p50['bulkhead'] ?? []).map(
      (each, round) => each / (overValkey.p50['raw']?.[round] ?? 0),
    );
    return [
      ...rows,
      measured({
        area: 'knowledge',
        name: 'cache get over Valkey, p99',
        value: median(overValkey.p99['bulkhead'] ?? []),
        unit: 'ms',
        target: '<= 1',
        how: `${how}; unscoped GET in the same rounds: ${median(overValkey.p99['raw'] ?? []).toFixed(3)} ms`,
      }),
      measured({
        area: 'knowledge',
        name: 'cache get over Valkey, median against an unscoped GET',
        value: median(ratio),
        unit: 'x',
        target: '',
        how,
      }),
    ];
  } finally {
    await store.close();
    raw.disconnect();
  }
}

async function openHits(store: KeyValueStore): Promise<Get> {
  const bed = newCacheBed(store);
  const all = await Promise.all(Array.from({ length: tenants }, () => bed.tenant()));
  for (const { handle } of all)
    for (let key = 0; key < keys; key += 1) await handle.set(['bench', String(key)], value);
  return async (tenant, key) => await all[tenant]?.handle.get(['bench', key]);
}

async function openRaw(redis: Redis): Promise<Get> {
  for (let tenant = 0; tenant < tenants; tenant += 1)
    for (let key = 0; key < keys; key += 1)
      await redis.set(`bench:${tenant}:${key}`, JSON.stringify(value), 'EX', 600);
  return async (tenant, key) => JSON.parse((await redis.get(`bench:${tenant}:${key}`)) ?? 'null') as unknown;
}

type Figures = Readonly<Record<string, readonly number[]>>;

/** The contenders take turns in blocks within each round, and change who begins. */
async function measure(
  contenders: Readonly<Record<string, Get>>,
  calls: number,
): Promise<{ readonly p50: Figures; readonly p99: Figures }> {
  const p50: Record<string, number[]> = {};
  const p99: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round += 1) {
    const entries = Object.entries(contenders);
    for (const [name, get] of round % 2 === 0 ? entries : entries.toReversed()) {
      const samples: number[] = [];
      for (let call = 0; call < calls; call += 1) {
        const startedMs = performance.now();
        const got = await get(call % tenants, String(call % keys));
        samples.push(performance.now() - startedMs);
        if (got === undefined || got === null) throw new Error(`${name}: a miss where a hit was expected`);
      }
      // The first round warms up.
      if (round < 0) continue;
      (p50[name] ??= []).push(median(samples));
      (p99[name] ??= []).push(quantile(samples, 0.99));
    }
  }
  return { p50, p99 };
}
