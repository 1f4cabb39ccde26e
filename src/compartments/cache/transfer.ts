import type { EraseReceipt, ExportRecord, ImportReceipt, Usage } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import { RecordHashes } from '../../core/record-hash.ts';
import type { StoredValue } from '../../drivers/key-value.ts';
import type { Site } from './container.ts';
import type { CacheDeps } from './deps.ts';
import { parseEnvelope, toEnvelopeText, type Envelope } from './envelope.ts';
import { parseGate } from './gate.ts';
import { graceMs } from './handle.ts';

/** What the tenant has in its space as of `atMs`: no tombstones, nothing of an older generation, nothing that has run out. */
export interface LiveValue {
  readonly key: string;
  readonly envelope: Envelope;
  readonly stored: StoredValue;
}

export async function* liveValues(site: Site, atMs: number): AsyncGenerator<readonly LiveValue[]> {
  const { store, space } = site;
  const generation = parseGate((await store.look({ space, key: '-' })).gate)?.generation;
  for await (const keys of store.keys(space)) {
    const values = await store.read(space, keys);
    yield keys.flatMap((key, index): readonly LiveValue[] => {
      const stored = values[index];
      const envelope = stored === undefined ? undefined : parseEnvelope(stored.value);
      if (stored === undefined || envelope?.tenant !== site.placement.tenant) return [];
      const isCurrent = envelope.kind === 'session' || envelope.epoch === generation;
      return isCurrent && envelope.expiresAtMs > atMs ? [{ key, envelope, stored }] : [];
    });
  }
}

/** Entries, without the tenant's name. Sessions stay behind: what is imported elsewhere must not let anybody in. */
export async function* exportEntries(site: Site, atMs: number): AsyncGenerator<ExportRecord> {
  for await (const values of liveValues(site, atMs))
    for (const { key, envelope } of values)
      if (envelope.kind === 'entry') {
        const expiresAt = new Date(envelope.expiresAtMs).toISOString();
        yield { set: 'entry', value: { key, expiresAt, value: JSON.parse(envelope.text) as unknown } };
      }
}

const KEY = /^[A-Za-z0-9._~@%#-]+(?::[A-Za-z0-9._~@%#-]+)*$/;

/** @throws value_invalid for a record that is none of ours */
export async function importEntries(
  deps: CacheDeps,
  site: Site,
  records: AsyncIterable<ExportRecord>,
): Promise<ImportReceipt> {
  const { store, space, placement } = site;
  const hashes = new RecordHashes();
  const { gate } = await store.look({ space, key: '-' });
  const generation = parseGate(gate)?.generation;
  if (gate === undefined || generation === undefined)
    throw new BulkheadError('tenant_inactive', { tenant: placement.tenant, reason: 'it has no cache there' });
  for await (const { set, value } of records) {
    const { key, expiresAt } = value;
    const expiresAtMs = typeof expiresAt === 'string' ? Date.parse(expiresAt) : Number.NaN;
    if (set !== 'entry' || typeof key !== 'string' || !KEY.test(key) || Number.isNaN(expiresAtMs))
      throw new BulkheadError('value_invalid', { field: 'record', reason: 'not an entry of a cache' });
    hashes.add({ set, value });
    const ttlMs = expiresAtMs - deps.clock.nowMs();
    if (ttlMs <= 0) continue;
    const text = JSON.stringify(value['value'] ?? null);
    const envelope = {
      kind: 'entry',
      tenant: placement.tenant,
      epoch: generation,
      expiresAtMs,
      text,
    } as const;
    const outcome = await store.put({
      space,
      key,
      gate,
      value: toEnvelopeText(envelope),
      ttlMs: ttlMs + graceMs,
    });
    if (outcome.kind !== 'stored')
      throw new BulkheadError('operation_in_progress', { tenant: placement.tenant });
  }
  return { imported: hashes.count, hashes: hashes.result() };
}

export async function measureCache(deps: CacheDeps, site: Site): Promise<readonly Usage[]> {
  let entries = 0n;
  let sizeBytes = 0n;
  for await (const values of liveValues(site, deps.clock.nowMs()))
    for (const { key, stored } of values) {
      entries += 1n;
      sizeBytes += BigInt(key.length + stored.value.length);
    }
  const { spaceBytes } = site.store;
  const limit = spaceBytes === undefined ? undefined : BigInt(spaceBytes);
  return [
    { resource: 'cache_entries', unit: 'count', amount: entries, limit: undefined },
    { resource: 'cache_bytes', unit: 'bytes', amount: sizeBytes, limit },
  ];
}

/** Gate first, so that nobody writes after the keys were listed; what is left is found by listing them again. */
export async function eraseCache(deps: CacheDeps, site: Site): Promise<EraseReceipt> {
  const { store, space } = site;
  for (let gate = (await store.look({ space, key: '-' })).gate; gate !== undefined;)
    gate = await store.swapGate(space, { from: gate, to: undefined });
  const removed = BigInt(await removeAll(site));
  let left = (await store.look({ space, key: '-' })).gate === undefined ? 0n : 1n;
  for await (const keys of store.keys(space)) left += BigInt(keys.length);
  return { removed, left, notCovered: deps.stores.notCovered };
}

export async function removeAll({ store, space }: Site): Promise<number> {
  let removed = 0;
  for await (const keys of store.keys(space)) removed += await store.remove(space, keys);
  return removed;
}
