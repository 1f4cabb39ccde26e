import type { Compartment, Usage } from '../../core/compartment.ts';
import type { Isolation, Placement } from '../../core/placement.ts';

export const metrics = ['cosine', 'inner_product', 'l2'] as const;
/** How far two vectors are apart. `inner_product` is for vectors of length 1, or where length shall count. */
export type Metric = (typeof metrics)[number];

/** A way of embedding: vectors of two models, or of two dimensions, never meet in one search. */
export interface SpaceShape {
  /** Name of the embedder, such as `text-embedding-3-small`. */
  readonly model: string;
  /** 1 to 4,000. */
  readonly dimension: number;
  readonly metric: Metric;
}

export interface Space extends SpaceShape {
  readonly id: string;
  /** `building`: filled beside the one that serves, until it takes its place. */
  readonly state: 'building' | 'serving' | 'retired';
}

/** What is found again: a piece of a document with its words and its vector. */
export interface Passage {
  /** What the product calls the document; 1 to 512 characters. */
  readonly document: string;
  /** Place in the document; default 0. */
  readonly ordinal?: number;
  readonly title?: string;
  readonly body?: string;
  /** Configuration of Postgres text search, such as `english`; default `simple`. */
  readonly language?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** SHA-256 or the like of what was embedded; what it was is up to the caller. */
  readonly contentHash?: string;
  /** Left out: found by its words alone. */
  readonly vector?: Float32Array | readonly number[];
}

export interface UpsertReceipt {
  readonly upserted: number;
  /** Container the passages are in. */
  readonly namespace: string;
  readonly isolation: Isolation;
}

/** Conditions on metadata; all must hold. A value is compared as JSON; `in` lists several. */
export type MetadataFilter = Readonly<
  Record<
    string,
    | string
    | number
    | boolean
    | null
    | {
        readonly in?: readonly (string | number | boolean | null)[];
        readonly gt?: number;
        readonly gte?: number;
        readonly lt?: number;
        readonly lte?: number;
        readonly exists?: boolean;
      }
  >
>;

/** `hybrid`: both, fused by reciprocal rank. */
export type SearchMode = 'hybrid' | 'vector' | 'text';

export interface SearchQuery {
  readonly mode: SearchMode;
  /** Needed for `text` and `hybrid`. */
  readonly text?: string;
  /** Needed for `vector` and `hybrid`; of the dimension of the space that serves. */
  readonly vector?: Float32Array | readonly number[];
  /** 1 to 200; default 10. */
  readonly limit?: number;
  /** 0 to 1,000. */
  readonly offset?: number;
  readonly filter?: MetadataFilter;
  /** Configuration of text search the query's words are analysed with; default `english`. */
  readonly language?: string;
  /** What a rank by vector counts beside one by words, in `hybrid`: above 0 to 1; default 1. */
  readonly vectorWeight?: number;
  /** `exact`: every vector is looked at. Default: an index where the tenant has one. */
  readonly accuracy?: 'exact';
}

export interface Match {
  readonly id: string;
  readonly document: string;
  readonly ordinal: number;
  readonly title: string;
  readonly body: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Larger is better. `vector`: similarity; `text`: BM25; `hybrid`: sum of reciprocal ranks. */
  readonly score: number;
}

export interface SearchAnswer {
  readonly matches: readonly Match[];
  readonly namespace: string;
  readonly isolation: Isolation;
  /** Of the whole call, but for what the database itself took to search. */
  readonly overheadMs: number;
  readonly durationMs: number;
}

export interface KeptPassage {
  readonly ordinal: number;
  readonly contentHash: string;
}

/** What a scope can do with vectors. No connection is held between calls. */
export interface VectorsHandle extends AsyncDisposable {
  /** The space that serves; undefined before the first. */
  space(): Promise<Space | undefined>;
  /**
   * The serving space, made with this shape where there is none yet.
   * @throws conflict where another one serves: changing it is a re-index
   */
  ensureSpace(shape: SpaceShape): Promise<Space>;
  /** A space to be filled while the old one serves. One at a time. @throws conflict */
  buildSpace(shape: SpaceShape): Promise<Space>;
  /** The space takes the place of the one that served. */
  serveSpace(id: string): Promise<Space>;
  /** Removes a space with its vectors; passages stay. @throws conflict for the one that serves */
  dropSpace(id: string): Promise<void>;
  /**
   * Passages by document and ordinal: new ones are added, old ones replaced. All of them or none.
   * @throws value_invalid naming the item and the field · conflict where no space serves and a vector is given
   */
  upsert(passages: readonly Passage[], into?: Space): Promise<UpsertReceipt>;
  /** Ordinals and hashes of a document's passages, in order. */
  kept(document: string): Promise<readonly KeptPassage[]>;
  /** Removes the passages of a document, those from an ordinal on, or those of a list of ordinals. @returns how many */
  remove(document: string, which?: number | readonly number[]): Promise<number>;
  removeAll(): Promise<number>;
  search(query: SearchQuery): Promise<SearchAnswer>;
  /** Pages of passages by id, for re-embedding; `after` is the last id of the page before. */
  passages(page: {
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly (Match & { readonly contentHash: string; readonly language: string })[]>;
  count(): Promise<number>;
}

/** Rung of a tenant: `exact` looks at every vector, `index` has an index of its own, `own` has a container of its own. */
export type Rung = 'exact' | 'index' | 'own';

export interface VectorStats {
  readonly vectors: number;
  readonly passages: number;
  readonly sizeBytes: bigint;
  /** Vectors of all tenants in the container, as the planner estimates it. */
  readonly containerVectors: number;
  readonly rung: Rung;
  readonly isIndexed: boolean;
  /** How many candidates an index search keeps (`hnsw.ef_search`); undefined without an index. */
  readonly efSearch: number | undefined;
}

export interface RecallSample {
  readonly queries: number;
  /** Mean share of the true nearest that a search by index finds; 1 where there is no index. */
  readonly recall: number;
  readonly efSearch: number;
}

export interface VectorsCompartment extends Compartment<VectorsHandle> {
  stats(placement: Placement): Promise<VectorStats>;
  /** Gives the tenant's vectors an index of its own, while they are read and written. Does nothing where it is. */
  buildIndex(placement: Placement): Promise<void>;
  dropIndex(placement: Placement): Promise<void>;
  /** Compares searches by index with exact ones, and raises what an index search looks at until `wanted` is met. */
  sampleRecall(placement: Placement, wanted: number): Promise<RecallSample>;
  /** Renews what lexical search knows of how often words are. */
  sampleWords(placement: Placement): Promise<void>;
  /** Tenants that were written to on this node since the last call. */
  touched(): readonly Placement[];
  /** Latest times of searches on this node, oldest first, in ms. */
  latencies(placement: Placement): readonly number[];
  usage(placement: Placement): Promise<readonly Usage[]>;
}
