import { createCache } from '../../src/compartments/cache/compartment.ts';
import type { CacheCompartment, CacheHandle } from '../../src/compartments/cache/cache.ts';
import type { CacheDeps } from '../../src/compartments/cache/deps.ts';
import { createCacheStores } from '../../src/compartments/cache/stores.ts';
import { systemClock, type Clock } from '../../src/core/clock.ts';
import { newRequestId, newTenantId } from '../../src/core/ids.ts';
import type { Isolation, Placement } from '../../src/core/placement.ts';
import { defaultGovernor, type Plan } from '../../src/core/plan.ts';
import { openScope, type Scope } from '../../src/core/scope.ts';
import type { KeyValueStore } from '../../src/drivers/key-value.ts';

export const plan: Plan = {
  id: 'test',
  name: 'Test',
  aliases: [],
  isolations: ['shared'],
  defaultIsolation: 'shared',
  features: [],
  governor: defaultGovernor,
  quotas: {},
  rates: { perMinute: 1, perDay: 1, burst: 1 },
  connections: 1,
  priceUsd: '0',
};

export interface CacheBed {
  readonly cache: CacheCompartment;
  /** Tenants that were given a foreign value. */
  readonly alarms: Scope[];
  /** Where the registry of this bed says that tenants live; a test changes it. */
  readonly placed: Map<string, Placement>;
  tenant(isolation?: Isolation): Promise<CacheTenant>;
}

export interface CacheTenant {
  readonly scope: Scope;
  readonly placement: Placement;
  readonly handle: CacheHandle;
}

/** The compartment alone, over one real store, with a registry that is a map. */
export function newCacheBed(
  store: KeyValueStore,
  options: { readonly clock?: Clock; readonly deps?: Partial<CacheDeps> } = {},
): CacheBed {
  const clock = options.clock ?? systemClock;
  const alarms: Scope[] = [];
  const placed = new Map<string, Placement>();
  let epoch = 1;
  const residence = (tenant: string) => {
    const placement = placed.get(tenant);
    epoch += 1;
    return placement === undefined ? undefined : { placement, epoch };
  };
  const cache = createCache({
    stores: createCacheStores(new Map([['main', store]]), []),
    clock,
    livesAt: async ({ tenant, container }) => placed.get(tenant)?.container === container,
    residences: { peek: () => undefined, fresh: async (tenant) => residence(tenant) },
    assertLive: () => {},
    onForeignValue: (scope) => void alarms.push(scope),
    maxTenants: 1_000,
    ...options.deps,
  });
  return {
    cache,
    alarms,
    placed,
    async tenant(isolation = 'shared') {
      const tenant = newTenantId();
      const placement = await cache.place({ tenant, isolation, region: undefined, plan, server: undefined });
      placed.set(tenant, placement);
      await cache.provision(placement, plan);
      const scope = newScope(placement);
      return { scope, placement, handle: cache.openNow(scope) };
    },
  };
}

export function newScope(placement: Placement, signal: AbortSignal = new AbortController().signal): Scope {
  return openScope({
    tenantId: placement.tenant,
    tenantSlug: 'cached',
    tenantName: 'Cached',
    plan: plan.id,
    region: undefined,
    features: [],
    isolationLevel: placement.isolation,
    encryptionKeyId: 'test',
    isActive: true,
    actor: { kind: 'system', id: 'test' },
    requestId: newRequestId(),
    signal,
    placements: [placement],
    governor: plan.governor,
    epoch: 1,
  });
}

/** Time that moves only when a test moves it. */
export function newFakeClock(startMs = Date.UTC(2026, 0, 31, 23, 59)): Clock & { advance(ms: number): void } {
  let passedMs = 0;
  return {
    nowMs: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    advance(ms) {
      passedMs += ms;
    },
  };
}
