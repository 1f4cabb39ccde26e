import { LRUCache } from 'lru-cache';
import type { PlacementRequest } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import { assertScope, getCurrentTenant, placementIn, type Scope } from '../../core/scope.ts';
import type { StoreState } from '../../drivers/key-value.ts';
import { createAnswerCache } from './answers.ts';
import type { CacheCompartment } from './cache.ts';
import { takeCensus } from './census.ts';
import { toContainerText, toSite } from './container.ts';
import { sharedStore, type CacheDeps } from './deps.ts';
import { newGate, toGateText } from './gate.ts';
import { createCacheHandle, type HandleParts } from './handle.ts';
import { countWords, probeCache } from './probe.ts';
import { relocateCache, setGate } from './relocation.ts';
import { createSessionHandle } from './sessions.ts';
import { eraseCache, exportEntries, importEntries, measureCache } from './transfer.ts';
import { CacheWay, renewGeneration } from './way.ts';

/** A tenant's cache, in Redis or in the memory of this process. */
export function createCache(deps: CacheDeps): CacheCompartment {
  const parts: HandleParts = {
    deps,
    gates: new LRUCache<string, string>({ max: deps.maxTenants }),
    outdated: new Map(),
    counts: { hits: 0, misses: 0, bypassed: 0, foreign: 0 },
    loading: new Map(),
  };
  const siteOf = (placement: Placement) => toSite(placement, deps.stores);
  const wayOf = (scope: Scope, own: HandleParts = parts): CacheWay => {
    assertScope(scope);
    return new CacheWay(own, scope, { placement: placementIn(scope, 'cache'), epoch: scope.epoch });
  };
  const openNow = (scope: Scope) => createCacheHandle(parts, wayOf(scope));

  const compartment: CacheCompartment = {
    kind: 'cache',
    async place(request) {
      const server = request.isolation === 'dedicated' ? await chooseDedicated(deps, request) : sharedStore;
      const container = toContainerText(server, request.isolation);
      return { tenant: request.tenant, compartment: 'cache', isolation: request.isolation, container };
    },
    async provision(placement) {
      const { store, space } = siteOf(placement);
      await store.swapGate(space, { from: undefined, to: toGateText(newGate('open')) });
    },
    open: async (scope) => openNow(scope),
    openNow,
    current: () => openNow(getCurrentTenant()),
    answers: (options) => createAnswerCache(openNow, options),
    sessions: (scope) => createSessionHandle(parts, wayOf(scope)),
    async seal(placement, state) {
      const site = siteOf(placement);
      parts.gates.delete(site.space);
      await setGate(site, state);
    },
    usage: (placement) => measureCache(deps, siteOf(placement)),
    async *export(placement) {
      yield* exportEntries(siteOf(placement), deps.clock.nowMs());
    },
    import: (placement, records) => importEntries(deps, siteOf(placement), records),
    move: (from, to) =>
      relocateCache(
        { deps, toSite: siteOf, erase: (placement) => compartment.erase(placement) },
        { from, to },
      ),
    async erase(placement) {
      const site = siteOf(placement);
      parts.gates.delete(site.space);
      const receipt = await eraseCache(deps, site);
      if (placement.isolation === 'dedicated' && receipt.left === 0n)
        await site.store.release(placement.tenant);
      return receipt;
    },
    census: (of) => takeCensus(deps.stores, of),
    probe: (target) =>
      probeCache(target, {
        parts,
        openNow,
        wayOf,
        embed: countWords,
        sessions: (scope) => compartment.sessions(scope),
      }),
    stats: () => ({
      ...parts.counts,
      stores: Object.fromEntries(
        [...deps.stores.all].map(([name, store]): [string, StoreState] => [name, store.state()]),
      ),
    }),
    async storeIsBack() {
      for (const site of parts.outdated.values())
        if (site.store.state() === 'up') await renewGeneration(parts, site).catch(() => undefined);
    },
    async close() {
      for (const store of deps.stores.all.values()) await store.close();
    },
  };
  return compartment;
}

/**
 * A store of the tenant's own: the one that is named where it is free, else any that is. On a node that caches in its
 * own memory there is nothing to choose: the tenant has its own part of it.
 * @throws isolation_unavailable
 */
async function chooseDedicated({ stores }: CacheDeps, request: PlacementRequest): Promise<string> {
  if (stores.named(sharedStore).spaceBytes !== undefined && stores.dedicated.length === 0) return sharedStore;
  const { tenant, server, hold } = request;
  const named = stores.dedicated.filter((name) => name === server);
  for (const name of named.length > 0 ? named : stores.dedicated) {
    const store = stores.named(name);
    // One that does not answer now is no reason not to take another.
    if (store.state() === 'down') continue;
    const owner = await store.claim(tenant, hold === 'preview' ? 'ask' : 'take');
    if (owner === tenant || (owner === undefined && hold === 'preview')) return name;
  }
  throw new BulkheadError('isolation_unavailable', {
    field: 'server',
    reason: 'no cache server is free for a tenant of its own',
    hint: 'name one in BULKHEAD_CACHE_SERVERS',
  });
}
