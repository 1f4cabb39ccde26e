import { expect, test } from 'vitest';
import { openMemoryStore } from '../../src/drivers/memory/store.ts';
import { newCacheBed, newFakeClock, type CacheTenant } from './support.ts';

const clock = newFakeClock();
const kilobyte = 'x'.repeat(1_000);

async function kept({ handle }: CacheTenant, count: number): Promise<number> {
  const values = await Promise.all(
    Array.from({ length: count }, (_, index) => handle.get(['n', String(index)])),
  );
  return values.filter((value) => value !== undefined).length;
}

async function fill({ handle }: CacheTenant, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await handle.set(['n', String(index)], kilobyte);
}

test('a tenant that writes without end pushes out its own oldest values and nobody else’s', async () => {
  const store = openMemoryStore({ clock, spaceBytes: 100_000, totalBytes: 100_000_000 });
  const bed = newCacheBed(store, { clock });
  const [quiet, loud] = [await bed.tenant(), await bed.tenant()];
  await fill(quiet, 20);
  await fill(loud, 1_000);
  expect(await kept(quiet, 20)).toBe(20);
  const left = await kept(loud, 1_000);
  expect(left).toBeGreaterThan(10);
  expect(left).toBeLessThan(50);
  expect(await loud.handle.get(['n', '999'])).toBe(kilobyte);
  const usage = await bed.cache.usage(loud.placement);
  expect(usage.find(({ resource }) => resource === 'cache_bytes')?.limit).toBe(100_000n);
});

test('what is used stays longer than what is not', async () => {
  const store = openMemoryStore({ clock, spaceBytes: 30_000, totalBytes: 100_000_000 });
  const tenant = await newCacheBed(store, { clock }).tenant();
  await fill(tenant, 5);
  for (let index = 5; index < 40; index += 1) {
    expect(await tenant.handle.get(['n', '0'])).toBe(kilobyte);
    await tenant.handle.set(['n', String(index)], kilobyte);
  }
  expect(await tenant.handle.get(['n', '1'])).toBeUndefined();
});

test('where the memory of all is spent, the largest gives way', async () => {
  const store = openMemoryStore({ clock, spaceBytes: 1_000_000, totalBytes: 500_000 });
  const bed = newCacheBed(store, { clock });
  const small = await Promise.all(Array.from({ length: 10 }, () => bed.tenant()));
  for (const tenant of small) await fill(tenant, 5);
  const large = await bed.tenant();
  await fill(large, 1_000);
  for (const tenant of small) expect(await kept(tenant, 5)).toBe(5);
  expect(await kept(large, 1_000)).toBeGreaterThan(20);
});

test('what has run out does not count as used', async () => {
  const store = openMemoryStore({ clock, spaceBytes: 1_000_000, totalBytes: 10_000_000 });
  const bed = newCacheBed(store, { clock });
  const tenant = await bed.tenant();
  await fill(tenant, 5);
  clock.advance(3_600_001);
  expect((await bed.cache.usage(tenant.placement)).map(({ amount }) => amount)).toEqual([0n, 0n]);
});
