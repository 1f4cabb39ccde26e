import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { CacheHandle, SetOptions } from './cache.ts';
import { isTombstone, newTombstone, parseEnvelope, toEnvelopeText, type Envelope } from './envelope.ts';
import { isSession, toKey, toPattern, type CacheKey } from './key.ts';
import type { CacheWay, Seen, ToWrite, WayParts } from './way.ts';

export interface HandleParts extends WayParts {
  readonly counts: { hits: number; misses: number; bypassed: number; foreign: number };
  /** What this node is loading, by full key; a key names its tenant. */
  readonly loading: Map<string, Promise<string | undefined>>;
}

export const defaultTtlMs = 3_600_000;
export const documentTtlMs = 300_000;
export const maxTtlMs = 7 * 24 * 3_600_000;
export const maxValueBytes = 1_048_576;
/** Longer than anybody loads; what took longer is not kept. */
const tombstoneMs = 60_000;
/** Stores keep values a little longer than they are served, so that two copies of a space can be compared. */
export const graceMs = 60_000;

/** A hit, nothing, or no answer from the store. */
type Found =
  | { readonly kind: 'hit'; readonly text: string }
  | { readonly kind: 'miss'; readonly seen: Seen }
  | { readonly kind: 'bypassed' };

export function createCacheHandle(parts: HandleParts, way: CacheWay): CacheHandle {
  const find = (key: string): Promise<Found> => findEntry(parts, way, key);
  const store = async (key: string, toWrite: ToWrite, lease?: Seen): Promise<void> => {
    try {
      await way.write(key, toWrite, lease);
    } catch (cause) {
      if (!isBulkheadError(cause, 'compartment_unreachable')) throw cause;
      parts.counts.bypassed += 1;
    }
  };
  const load = async (
    key: string,
    work: () => Promise<unknown>,
    ttlMs: number,
  ): Promise<string | undefined> => {
    const found = await find(key);
    if (found.kind === 'hit') return found.text;
    const startedMs = parts.deps.clock.monotonicMs();
    const text = toText(await work());
    const isLate = parts.deps.clock.monotonicMs() - startedMs > tombstoneMs;
    if (text !== undefined && found.kind === 'miss' && !isLate)
      await store(key, toEntry(parts, way, { text, ttlMs }), found.seen);
    return text;
  };

  const forget = (address: string, loading: Promise<unknown>): void => {
    if (parts.loading.get(address) === loading) parts.loading.delete(address);
  };
  /** Whoever asks from now on must not be given what was read before. */
  const forgetLoading = (prefix: string): void => {
    for (const address of parts.loading.keys()) if (address.startsWith(prefix)) parts.loading.delete(address);
  };

  return {
    async get<T>(key: CacheKey) {
      const found = await find(toKey(key));
      return found.kind === 'hit' ? (JSON.parse(found.text) as T) : undefined;
    },
    async set(key, value, options) {
      const text = toText(value);
      if (text === undefined) throw invalidValue('JSON has no word for it');
      await store(toKey(key), toEntry(parts, way, { text, ttlMs: toTtlMs(key, options) }));
    },
    async getOrSet<T>(key: CacheKey, work: () => Promise<T>, options?: SetOptions) {
      const text = toKey(key);
      const ttlMs = toTtlMs(key, options);
      const address = `${way.site.space}${text}`;
      for (;;) {
        const others = parts.loading.get(address);
        const loading = others ?? load(text, work, ttlMs);
        if (others === undefined) {
          parts.loading.set(address, loading);
          const end = (): void => forget(address, loading);
          loading.then(end, end);
        }
        try {
          const loaded = await loading;
          return (loaded === undefined ? undefined : JSON.parse(loaded)) as T;
        } catch (cause) {
          // Another caller's failure, or their going away, is not ours: we load ourselves.
          if (others === undefined) throw cause;
        }
      }
    },
    async invalidate(key) {
      const text = toKey(key);
      parts.loading.delete(`${way.site.space}${text}`);
      await way.write(text, () => ({ value: newTombstone(), ttlMs: tombstoneMs }));
    },
    async invalidateMatching(pattern) {
      const matching = toPattern(pattern);
      forgetLoading(way.site.space);
      await way.sweep({ generation: 'kept' });
      return await removeMatching(way, matching);
    },
    async invalidateAll() {
      forgetLoading(way.site.space);
      await way.sweep({ generation: 'new' });
      // They count as absent already; this only gives their room back.
      await removeMatching(way, '*');
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function findEntry(parts: HandleParts, way: CacheWay, key: string): Promise<Found> {
  const { counts, deps } = parts;
  let seen: Seen;
  try {
    seen = await way.look(key);
  } catch (cause) {
    if (!isBulkheadError(cause, 'compartment_unreachable')) throw cause;
    counts.bypassed += 1;
    return { kind: 'bypassed' };
  }
  const { value, gate } = seen;
  if (value !== undefined && !isTombstone(value)) {
    const envelope = await readOwn(parts, way, { key, value });
    if (
      envelope.kind === 'entry' &&
      envelope.epoch === gate.generation &&
      envelope.expiresAtMs > deps.clock.nowMs()
    ) {
      counts.hits += 1;
      return { kind: 'hit', text: envelope.text };
    }
  }
  counts.misses += 1;
  return { kind: 'miss', seen };
}

/**
 * @returns the envelope, which is this tenant's
 * @throws foreign_row where it is another's, or nobody's; it is removed then and reported
 */
export async function readOwn(
  parts: HandleParts,
  way: CacheWay,
  stored: { readonly key: string; readonly value: string },
): Promise<Envelope> {
  const envelope = parseEnvelope(stored.value);
  if (envelope?.tenant === way.scope.tenantId) return envelope;
  const { store, space } = way.site;
  parts.counts.foreign += 1;
  parts.deps.onForeignValue(way.scope);
  await store.remove(space, [stored.key]).catch(() => 0);
  throw new BulkheadError('foreign_row', { compartment: 'cache', tenant: way.scope.tenantId });
}

function toEntry(
  { deps }: HandleParts,
  { scope }: CacheWay,
  entry: { readonly text: string; readonly ttlMs: number },
): ToWrite {
  const expiresAtMs = deps.clock.nowMs() + entry.ttlMs;
  return ({ generation }) => ({
    value: toEnvelopeText({
      kind: 'entry',
      tenant: scope.tenantId,
      epoch: generation,
      expiresAtMs,
      text: entry.text,
    }),
    ttlMs: entry.ttlMs + graceMs,
  });
}

async function removeMatching(way: CacheWay, pattern: string): Promise<number> {
  const { site } = way;
  return await way.keeping(site, async () => {
    let removed = 0;
    for await (const keys of site.store.keys(site.space, pattern))
      removed += await site.store.remove(
        site.space,
        keys.filter((key) => !isSession(key)),
      );
    return removed;
  });
}

/** @returns undefined for `undefined` @throws value_invalid */
export function toText(value: unknown): string | undefined {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw invalidValue('it cannot be written as JSON', cause);
  }
  if (text !== undefined && text.length > maxValueBytes)
    throw invalidValue(`larger than ${maxValueBytes} characters of JSON`);
  return text;
}

function toTtlMs(key: CacheKey, options: SetOptions | undefined): number {
  const usual = key[0] === 'doc' || key[0] === 'docs' ? documentTtlMs : defaultTtlMs;
  const ttlMs = options?.ttlMs ?? usual;
  if (!(ttlMs > 0 && ttlMs <= maxTtlMs))
    throw new BulkheadError('value_invalid', {
      field: 'ttlMs',
      reason: `between 1 and ${maxTtlMs}: everything is forgotten some day`,
    });
  return ttlMs;
}

function invalidValue(reason: string, cause?: unknown): BulkheadError {
  return new BulkheadError('value_invalid', { field: 'value', reason }, { cause });
}
