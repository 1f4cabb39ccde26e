import { BulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import type { BlobStore } from '../../drivers/blobs.ts';
import { parseContainer, placeOf } from './container.ts';
import type { ObjectKeys } from './keys.ts';
import { toObjectName, type ObjectId } from './names.ts';
import { sealContent, unsealContent, type GivenFacts } from './sealed-blob.ts';
import { maxTrailerBytes, readTrailer, type ObjectFacts, type Trailer } from './sealed-format.ts';

export interface WrittenBlob {
  readonly id: ObjectId;
  readonly facts: ObjectFacts;
}

/** Reads and writes encrypted objects of one placement, whoever asks: handles, copies and probes stand on this. */
export class TenantBlobs {
  readonly placement: Placement;
  readonly #store: BlobStore;
  readonly #keys: ObjectKeys;

  constructor(store: BlobStore, keys: ObjectKeys, placement: Placement) {
    const { store: named } = parseContainer(placement);
    if (named !== store.name)
      throw new BulkheadError('compartment_unreachable', {
        kind: 'objects',
        tenant: placement.tenant,
        reason: `the objects are in a store of kind ${named}, and this node is configured for ${store.name}`,
      });
    this.placement = placement;
    this.#store = store;
    this.#keys = keys;
  }

  /** @throws as `admit`, and body_too_large; then nothing was stored */
  async write(write: {
    readonly given: GivenFacts;
    readonly content: AsyncIterable<Uint8Array>;
    readonly maxBytes: number;
    readonly admit?: (facts: ObjectFacts) => Promise<void>;
  }): Promise<WrittenBlob> {
    const { placement } = this;
    const id = this.idOf(write.given.name);
    const place = placeOf(placement, id);
    let facts: ObjectFacts | undefined;
    const body = sealContent({
      contentKey: await this.#keys.contentKey(placement),
      identity: { tenant: placement.tenant, key: place.key },
      given: write.given,
      content: write.content,
      maxBytes: write.maxBytes,
      admit: write.admit ?? (async () => {}),
      sealed: (known) => {
        facts = known;
      },
    });
    await this.#store.put(place, body);
    if (facts === undefined)
      throw new BulkheadError('internal', { reason: 'a blob was stored before its end' });
    return { id, facts };
  }

  /** The id that stands for the name here: another tenant's for the same name is another. */
  idOf(name: string): ObjectId {
    return this.#keys.idOf(this.placement.tenant, toObjectName(name));
  }

  /** @throws foreign_row, object_damaged */
  async stat(id: ObjectId): Promise<Trailer | undefined> {
    const place = placeOf(this.placement, id);
    const tail = await this.#store.tail(place, maxTrailerBytes);
    if (tail === undefined) return undefined;
    const contentKey = await this.#keys.contentKey(this.placement);
    return readTrailer(contentKey, tail, { tenant: this.placement.tenant, key: place.key });
  }

  /** Content that goes with the trailer; begun when it is first read. */
  async *content(id: ObjectId, trailer: Trailer): AsyncGenerator<Uint8Array, void, undefined> {
    const opened = await this.#store.get(placeOf(this.placement, id));
    if (opened === undefined)
      throw new BulkheadError('operation_in_progress', {
        reason: 'the object was deleted while it was read',
      });
    yield* unsealContent(opened.body, trailer);
  }

  delete(id: ObjectId): Promise<boolean> {
    return this.#store.delete(placeOf(this.placement, id));
  }
}
