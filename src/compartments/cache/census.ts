import type { Census, Resident } from '../../core/compartment.ts';
import { isBulkheadError } from '../../core/errors.ts';
import { parseTenantId, type TenantId } from '../../core/ids.ts';
import { parseIsolation, type Isolation } from '../../core/placement.ts';
import type { KeyValueStore } from '../../drivers/key-value.ts';
import { toContainerText } from './container.ts';
import type { CacheStores } from './deps.ts';

/** `tenant:{id}:` and the key, in a namespace of the isolation where that is not shared. */
const NAME = /^(?:([a-z]+)\/)?tenant:([0-9a-f-]{36}):(.*)$/s;

/** Every key of every store is looked at once: by their prefixes, and by the claim of a store for one tenant alone. */
export async function takeCensus(stores: CacheStores, of: readonly TenantId[] | 'everyone'): Promise<Census> {
  const asked = of === 'everyone' ? undefined : new Set(of);
  const residents: Resident[] = [];
  const notSeen: Census['notSeen'][number][] = [];
  if (asked?.size === 0) return { residents, notSeen };
  for (const [name, store] of stores.all) {
    try {
      const found = await countKeys(name, store);
      residents.push(...found.filter(({ placement }) => asked?.has(placement.tenant) !== false));
    } catch (cause) {
      notSeen.push({ place: name, reason: isBulkheadError(cause) ? cause.code : 'it does not answer' });
    }
  }
  return { residents, notSeen };
}

async function countKeys(server: string, store: KeyValueStore): Promise<readonly Resident[]> {
  const found = new Map<string, { placement: Resident['placement']; records: bigint; holds: string[] }>();
  const at = (tenant: TenantId, isolation: Isolation) => {
    const key = `${isolation} ${tenant}`;
    const container = toContainerText(server, isolation);
    const placement = { tenant, compartment: 'cache', isolation, container } as const;
    const known = found.get(key) ?? { placement, records: 0n, holds: [] };
    found.set(key, known);
    return known;
  };
  for await (const names of store.everything())
    for (const { name, isGate } of names) {
      const [, namespace = 'shared', id] = NAME.exec(name) ?? [];
      const tenant = parseTenantId(id);
      const isolation = parseIsolation(namespace);
      if (tenant === undefined || isolation === undefined) continue;
      const resident = at(tenant, isolation);
      if (isGate) resident.holds.push('gate');
      else resident.records += 1n;
    }
  const owner = parseTenantId(await store.claim('', 'ask'));
  if (owner !== undefined) at(owner, 'dedicated').holds.push('claim');
  return [...found.values()];
}
