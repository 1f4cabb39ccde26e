/** A place for large files: archives and backups. Names are ours: lower-case segments with `/` between, never a path. */
export interface BlobStore {
  /**
   * The whole of it under that name, or nothing: what was there before stays until all bytes are safely stored.
   * @throws blob_unwritable where there is no room or no permission; whatever `bytes` throws
   */
  write(name: string, bytes: AsyncIterable<Uint8Array>): Promise<{ readonly sizeBytes: number }>;
  /** @throws not_found, by the first chunk */
  read(name: string): AsyncIterable<Uint8Array>;
  /** undefined = there is none. */
  stat(name: string): Promise<{ readonly sizeBytes: number; readonly writtenAt: Date } | undefined>;
  /** Names that begin with `prefix` and `/`. */
  list(prefix: string): Promise<readonly string[]>;
  /** Does nothing where there is none. */
  remove(name: string): Promise<void>;
}
