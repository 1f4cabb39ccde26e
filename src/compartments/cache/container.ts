import { BulkheadError } from '../../core/errors.ts';
import { parseIsolation, type Isolation, type Placement } from '../../core/placement.ts';
import type { TenantId } from '../../core/ids.ts';
import type { KeyValueStore } from '../../drivers/key-value.ts';
import type { CacheStores } from './deps.ts';

/** Where one tenant's keys are. */
export interface Site {
  readonly placement: Placement;
  readonly store: KeyValueStore;
  /** Prefix of every key of the tenant: `tenant:{id}:`, in a namespace of the isolation where that is not shared. */
  readonly space: string;
}

/** Each isolation has keys of its own even in one store, so that a tenant can be in two places while it is moved. */
export function toContainerText(server: string, isolation: Isolation): string {
  return `${server}:${isolation}`;
}

export function toSpace(tenant: TenantId, isolation: Isolation): string {
  const key = `tenant:${tenant}:`;
  return isolation === 'shared' ? key : `${isolation}/${key}`;
}

/** @throws internal for an address that is not ours · compartment_unreachable for a store that nobody knows */
export function toSite(placement: Placement, stores: CacheStores): Site {
  const { server, isolation } = parseContainer(placement);
  return { placement, store: stores.named(server), space: toSpace(placement.tenant, isolation) };
}

export function parseContainer(placement: Placement): {
  readonly server: string;
  readonly isolation: Isolation;
} {
  const [server, raw, ...rest] = placement.container.split(':');
  const isolation = parseIsolation(raw);
  if (server === undefined || server === '' || isolation === undefined || rest.length > 0)
    throw new BulkheadError('internal', { reason: 'not the address of a cache', tenant: placement.tenant });
  return { server, isolation };
}
