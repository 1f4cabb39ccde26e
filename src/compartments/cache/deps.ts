import type { Clock } from '../../core/clock.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import type { Scope } from '../../core/scope.ts';
import type { KeyValueStore } from '../../drivers/key-value.ts';

/** What the cache compartment is given; nothing of it is looked up elsewhere. */
export interface CacheDeps {
  readonly stores: CacheStores;
  readonly clock: Clock;
  /** Whether the registry, asked past every cache, says that an active tenant's cache is there. */
  readonly livesAt: (placement: Placement) => Promise<boolean>;
  /** Where this node believes the tenant's cache is, and as of which change; and past every cache. */
  readonly residences: CacheResidences;
  readonly assertLive: (scope: Scope) => void | Promise<void>;
  readonly onForeignValue: (scope: Scope) => void;
  /** Tenants whose gate this node remembers. */
  readonly maxTenants: number;
}

export interface CacheResidence {
  readonly placement: Placement;
  readonly epoch: number;
}

export interface CacheResidences {
  peek(tenant: TenantId): CacheResidence | undefined;
  fresh(tenant: TenantId): Promise<CacheResidence | undefined>;
}

/** The stores a node knows: the one that tenants share, and those that belong to one tenant each. */
export interface CacheStores {
  /** @throws compartment_unreachable for a name nobody knows */
  named(name: string): KeyValueStore;
  /** Names of the stores for one tenant alone. */
  readonly dedicated: readonly string[];
  readonly all: ReadonlyMap<string, KeyValueStore>;
  /** What an erasure by this node does not reach. */
  readonly notCovered: readonly string[];
}

/** Name of the store that tenants share. */
export const sharedStore = 'main';
