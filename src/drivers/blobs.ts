/** Where one blob is. Both parts are names of ours, never text of a caller. */
export interface BlobPlace {
  readonly bucket: string;
  /** Segments of a-z, 0-9, `_` and `-`, joined by `/`. */
  readonly key: string;
}

export interface StoredBlob {
  readonly key: string;
  readonly sizeBytes: number;
}

export interface BlobPage {
  readonly blobs: readonly StoredBlob[];
  /** Whether there are more after the last. */
  readonly more: boolean;
}

export interface OpenedBlob {
  readonly sizeBytes: number;
  /** Must be read to its end, or returned from. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Bytes by bucket and key. Knows nothing of tenants; whoever gives the keys keeps them apart. */
export interface BlobStore {
  /** Stands in container addresses. */
  readonly name: string;
  /** Makes it where it is not there yet. */
  createBucket(bucket: string): Promise<void>;
  /** Removes an empty one; does nothing where there is none. */
  dropBucket(bucket: string): Promise<void>;
  /** Replaces the blob wholly when `body` ends, and not at all where it throws. @throws compartment_unreachable, and what `body` throws */
  put(place: BlobPlace, body: AsyncIterable<Uint8Array>): Promise<void>;
  get(place: BlobPlace): Promise<OpenedBlob | undefined>;
  /** The last `maxBytes` of a blob, or all of a smaller one. */
  tail(place: BlobPlace, maxBytes: number): Promise<{ bytes: Uint8Array; sizeBytes: number } | undefined>;
  /** @returns whether there was one */
  delete(place: BlobPlace): Promise<boolean>;
  /** In the order of their keys, from after `after`. `prefix` ends with `/`, so that no name is the beginning of another. */
  list(bucket: string, prefix: string, after: string | undefined): Promise<BlobPage>;
  /** The buckets of ours that there are. */
  buckets(): Promise<readonly string[]>;
  /** First segments of the keys in a bucket, each once. */
  topLevel(bucket: string): Promise<readonly string[]>;
  /** Where the store keeps copies that `delete` does not reach, in words. */
  readonly notCovered: readonly string[];
  close(): Promise<void>;
}

const KEY = /^[a-z0-9_-]+(?:\/[a-z0-9_-]+)*$/;

/** The second lock on the door: a key that a caller could have shaped does not reach a path, whoever made it. */
export function isPlainKey(key: string): boolean {
  return KEY.test(key) && key.length <= 512;
}
