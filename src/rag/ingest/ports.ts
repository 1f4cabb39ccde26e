/** Where the originals of documents are kept. An open handle of the objects compartment is one. */
export interface DocumentShelf {
  stat(ref: {
    readonly name: string;
  }): Promise<{ readonly sha256: string; readonly metadata: Readonly<Record<string, string>> } | undefined>;
  put(
    name: string,
    content: Uint8Array,
    options: { readonly contentType?: string; readonly metadata: Readonly<Record<string, string>> },
  ): Promise<unknown>;
  delete(ref: { readonly name: string }): Promise<boolean>;
}

/** A chunk as it is found again. */
export interface IndexedChunk {
  readonly document: string;
  /** Order within the document; gaps are fine. */
  readonly ordinal: number;
  readonly title: string;
  readonly body: string;
  readonly language: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly contentHash: string;
  readonly vector: Float32Array;
}

/** Where chunks are searched. All of it is one tenant's: whoever opens it has a scope. */
export interface ChunkIndex {
  /** Of one document, in order. */
  kept(document: string): Promise<readonly { readonly ordinal: number; readonly contentHash: string }[]>;
  /** By document and ordinal: new ones are added, old ones replaced. All of them or none. */
  upsert(chunks: readonly IndexedChunk[]): Promise<unknown>;
  /** The given ordinals of a document, or all of it. */
  remove(document: string, only?: readonly number[]): Promise<number>;
}
