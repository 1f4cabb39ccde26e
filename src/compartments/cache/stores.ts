import { sharedStore, type CacheStores } from './deps.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { KeyValueStore } from '../../drivers/key-value.ts';

/** The stores by name; `main` is the one that tenants share. */
export function createCacheStores(
  all: ReadonlyMap<string, KeyValueStore>,
  notCovered: readonly string[],
): CacheStores {
  return {
    all,
    notCovered,
    dedicated: [...all.keys()].filter((name) => name !== sharedStore),
    named(name) {
      const store = all.get(name);
      if (store === undefined)
        throw new BulkheadError('compartment_unreachable', {
          store: name,
          reason: 'no cache server of this name is known to this node',
        });
      return store;
    },
  };
}
