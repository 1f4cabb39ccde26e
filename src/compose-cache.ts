/** The cache: its stores, here or elsewhere. */
import { readFile } from 'node:fs/promises';
import type { CacheCompartment } from './compartments/cache/cache.ts';
import { createCache } from './compartments/cache/compartment.ts';
import { sharedStore } from './compartments/cache/deps.ts';
import { createCacheStores } from './compartments/cache/stores.ts';
import { BulkheadError } from './core/errors.ts';
import type { KeyValueStore } from './drivers/key-value.ts';
import { openMemoryStore } from './drivers/memory/store.ts';
import { openRedisStore } from './drivers/redis/store.ts';
import type { Registry } from './registry/registry.ts';
import type { ComposeInput } from './compose.ts';
import { createIsolationAlarm, createLivenessCheck, createResidences } from './compose-watches.ts';

export async function openCache(
  input: ComposeInput,
  registry: Registry,
  company: 'alone' | 'one_of_several',
): Promise<CacheCompartment> {
  const { config, clock, log } = input;
  const { url, servers, timeoutMs, tenantBytes, memoryBytes } = config.cacheStore;
  const { authorityFile } = config.cacheStore;
  const authority = authorityFile === undefined ? undefined : await readAuthority(authorityFile);
  const openRedis = (name: string, at: string): KeyValueStore =>
    openRedisStore({
      name,
      url: at,
      authority,
      timeoutMs,
      onState: ({ store, state }) => {
        log({ event: state === 'up' ? 'cache.back' : 'cache.lost', store });
        if (state === 'up') void cache.storeIsBack();
      },
    });
  const shared =
    url === undefined
      ? openMemoryStore({ clock, spaceBytes: tenantBytes, totalBytes: memoryBytes })
      : openRedis(sharedStore, url);
  const stores = new Map([
    [sharedStore, shared],
    ...servers.map(({ name, url: at }) => [name, openRedis(name, at)] as const),
  ]);
  const notCovered =
    url === undefined && company === 'one_of_several'
      ? ['memory of other nodes, which nothing reads any more, until its entries run out']
      : [];
  const residences = createResidences(registry, 'cache');
  const cache = createCache({
    stores: createCacheStores(stores, notCovered),
    clock,
    residences,
    livesAt: async ({ tenant, container }) => {
      const found = await registry.directory.fresh(tenant);
      const placement = found?.placements.find(({ compartment }) => compartment === 'cache');
      return found?.state === 'active' && placement?.container === container;
    },
    assertLive: createLivenessCheck(registry, clock),
    onForeignValue: createIsolationAlarm(input, registry, 'cache'),
    maxTenants: config.cache.maxTenants,
  });
  return cache;
}

/** @throws config_invalid */
export async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BulkheadError(
      'config_invalid',
      { reason: 'BULKHEAD_CACHE_CA_FILE: the file cannot be read' },
      { cause },
    );
  }
}
