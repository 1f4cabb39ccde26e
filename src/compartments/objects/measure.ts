import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import type { BlobStore, StoredBlob } from '../../drivers/blobs.ts';
import { objectPrefixOf, parseContainer } from './container.ts';
import type { Manifest } from './manifest.ts';

/** Every blob of the tenant under `prefix`, a page at a time. */
export async function* blobsUnder(
  store: BlobStore,
  placement: Placement,
  prefix: string,
): AsyncGenerator<StoredBlob, void, undefined> {
  const { bucket } = parseContainer(placement);
  let after: string | undefined;
  for (;;) {
    const page = await store.list(bucket, prefix, after);
    yield* page.blobs;
    after = page.blobs.at(-1)?.key;
    if (!page.more || after === undefined) return;
  }
}

export interface Measured {
  readonly count: number;
  /** As stored: content, facts and tags. */
  readonly bytes: number;
}

/** Counted by listing. */
export async function measure(store: BlobStore, placement: Placement): Promise<Measured> {
  let count = 0;
  let bytes = 0;
  for await (const blob of blobsUnder(store, placement, objectPrefixOf(placement.tenant))) {
    count += 1;
    bytes += blob.sizeBytes;
  }
  return { count, bytes };
}

const believedMs = 30_000;
const maxTenants = 10_000;

/**
 * What tenants have, as far as this node knows: a listing, and what it has added itself since. Near the limit it lists again.
 * Nodes that write at the same time may together pass the limit by what they write within half a minute.
 */
export class UsageBook {
  readonly #store: BlobStore;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, { count: number; bytes: number; atMs: number }>({ max: maxTenants });

  constructor(store: BlobStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws quota_exceeded */
  async assertRoom(
    placement: Placement,
    limits: Pick<Manifest, 'maxBytes' | 'maxObjects'>,
    addedBytes: number,
  ): Promise<void> {
    if (limits.maxBytes === null && limits.maxObjects === null) return;
    const fits = ({ count, bytes }: Measured): boolean =>
      (limits.maxBytes === null || bytes + addedBytes <= limits.maxBytes) &&
      (limits.maxObjects === null || count + 1 <= limits.maxObjects);
    const known = this.#known.get(keyOf(placement));
    if (known !== undefined && this.#clock.monotonicMs() - known.atMs < believedMs && fits(known)) return;
    const counted = await measure(this.#store, placement);
    this.#known.set(keyOf(placement), { ...counted, atMs: this.#clock.monotonicMs() });
    if (!fits(counted))
      throw new BulkheadError('quota_exceeded', {
        field: 'storage_bytes',
        reason: 'the plan’s storage is used up; delete objects, or choose a larger plan',
      });
  }

  added(placement: Placement, bytes: number): void {
    const known = this.#known.get(keyOf(placement));
    if (known === undefined) return;
    known.count += 1;
    known.bytes += bytes;
  }
}

function keyOf({ container, tenant }: Placement): string {
  return `${container} ${tenant}`;
}
