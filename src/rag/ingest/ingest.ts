import { hash } from 'node:crypto';
import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import { chunkDocument, toEmbeddedText, type Chunk, type ChunkOptions } from '../chunk/chunk.ts';
import type { Embedder } from '../embed/embedder.ts';
import type { DocumentParser } from '../parse/parser.ts';
import { arrange } from './ordinals.ts';
import type { ChunkIndex, DocumentShelf, IndexedChunk } from './ports.ts';

export interface IngestDeps {
  readonly shelf: DocumentShelf;
  readonly index: ChunkIndex;
  readonly parser: DocumentParser;
  readonly embedder: Embedder;
  readonly chunking?: ChunkOptions;
}

export interface NewDocument {
  /** The product's own id for it: 1 to 512 characters. */
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  /** A file name; its ending tells the format where no type does. */
  readonly fileName?: string;
  /** Default: what the document itself says. */
  readonly title?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Configuration of text search. Default `english`. */
  readonly language?: string;
}

export const stages = ['parsing', 'chunking', 'embedding', 'indexing', 'storing', 'done'] as const;
export type Stage = (typeof stages)[number];

/** Told where each document is. Throwing in it ends the work. */
export type Watch = (progress: { readonly id: string; readonly stage: Stage }) => void;

export interface IngestReceipt {
  readonly id: string;
  readonly outcome: 'indexed' | 'unchanged';
  readonly chunks: number;
  /** Of these, how many had to be embedded. */
  readonly embedded: number;
  /** Chunks of an earlier version that are gone. */
  readonly removed: number;
}

export type BatchItem =
  | { readonly id: string; readonly receipt: IngestReceipt }
  | { readonly id: string; readonly item: number; readonly failure: BulkheadError };

/** Part of every fingerprint: what is read or cut by other rules is read anew. */
const version = 1;
const maxIdCharacters = 512;

interface Prepared {
  readonly document: NewDocument;
  readonly fingerprint: string;
  readonly count: number;
  readonly fresh: readonly IndexedChunk[];
  readonly stale: readonly number[];
}

interface Work {
  readonly signal?: AbortSignal | undefined;
  readonly watch?: Watch | undefined;
}

/**
 * Brings documents from their bytes to where they are found: parse, chunk, embed, index, and last the original, with a mark of
 * what was done to it. Nothing is written before all vectors are there. What breaks off in between leaves the document without its
 * mark: the same again goes on from what is there, and embeds nothing twice.
 */
export function createIngest(deps: IngestDeps) {
  return {
    /** @throws value_invalid, what the parser and the embedder throw, aborted */
    async put(document: NewDocument, work: Work = {}): Promise<IngestReceipt> {
      assertDocument(document);
      const prepared = await prepare(deps, document, work);
      if (prepared === undefined) return unchanged(document);
      return await commit(deps, [prepared], work).then(([receipt]) => receipt ?? unchanged(document));
    },

    /**
     * `all_or_nothing`: nothing is written where one cannot be read or embedded. `partial`: the others are, and the list says which
     * could not and why. Two of one id are refused either way.
     * @throws value_invalid · what failed first, with `item` and `id` in its detail, for `all_or_nothing`
     */
    async putAll(
      documents: readonly NewDocument[],
      mode: 'all_or_nothing' | 'partial',
      work: Work = {},
    ): Promise<readonly BatchItem[]> {
      assertDistinct(documents);
      return mode === 'partial'
        ? await putEach(deps, documents, work)
        : await putTogether(deps, documents, work);
    },

    /** Out of the index first: what is half deleted is not found any more. Can be repeated. @returns whether there was anything */
    async delete(id: string): Promise<boolean> {
      const chunks = await deps.index.remove(id);
      const original = await deps.shelf.delete({ name: shelfName(id) });
      return original || chunks > 0;
    },
  };
}

export type Ingest = ReturnType<typeof createIngest>;

async function putEach(
  deps: IngestDeps,
  documents: readonly NewDocument[],
  work: Work,
): Promise<readonly BatchItem[]> {
  const items: BatchItem[] = [];
  for (const [item, document] of documents.entries()) {
    const { id } = document;
    try {
      items.push({ id, receipt: await createIngest(deps).put(document, work) });
    } catch (cause) {
      // A caller who left wants no list.
      if (!isBulkheadError(cause) || cause.code === 'aborted') throw cause;
      items.push({ id, item, failure: cause });
    }
  }
  return items;
}

async function putTogether(
  deps: IngestDeps,
  documents: readonly NewDocument[],
  work: Work,
): Promise<readonly BatchItem[]> {
  const prepared: Prepared[] = [];
  for (const [item, document] of documents.entries()) {
    try {
      assertDocument(document);
      const one = await prepare(deps, document, work);
      if (one !== undefined) prepared.push(one);
    } catch (cause) {
      if (!isBulkheadError(cause)) throw cause;
      throw new BulkheadError(cause.code, { ...cause.detail, item, document: document.id }, { cause });
    }
  }
  const receipts = new Map((await commit(deps, prepared, work)).map((receipt) => [receipt.id, receipt]));
  return documents.map((document) => ({
    id: document.id,
    receipt: receipts.get(document.id) ?? unchanged(document),
  }));
}

/** @returns undefined where the same was done to the same bytes before */
async function prepare(
  deps: IngestDeps,
  document: NewDocument,
  { signal, watch }: Work,
): Promise<Prepared | undefined> {
  const { id, bytes } = document;
  const fingerprint = fingerprintOf(deps, document);
  const stored = await deps.shelf.stat({ name: shelfName(id) });
  if (stored?.metadata['ingested'] === fingerprint && stored.sha256 === hash('sha256', bytes))
    return undefined;
  watch?.({ id, stage: 'parsing' });
  const source = { bytes, contentType: document.contentType, name: document.fileName };
  const parsed = await deps.parser.parse(source, signal);
  watch?.({ id, stage: 'chunking' });
  const title = document.title ?? parsed.title ?? '';
  const chunks = chunkDocument({ ...parsed, title: title === '' ? undefined : title }, deps.chunking);
  const hashes = chunks.map((chunk) => indexedHash(deps, document, chunk));
  const { ordinals, fresh, stale } = arrange(hashes, await deps.index.kept(id));
  watch?.({ id, stage: 'embedding' });
  const texts = fresh.map((at) => toEmbeddedText(chunks[at] ?? { headings: [], text: '' }));
  const vectors =
    texts.length === 0
      ? []
      : await deps.embedder.embed(texts, { as: 'passage', ...(signal === undefined ? {} : { signal }) });
  return {
    document,
    fingerprint,
    count: chunks.length,
    stale,
    fresh: fresh.map((at, index) =>
      toIndexed(
        document,
        { chunk: chunks[at], title },
        {
          ordinal: ordinals[at],
          contentHash: hashes[at],
          vector: vectors[index],
        },
      ),
    ),
  };
}

async function commit(
  deps: IngestDeps,
  prepared: readonly Prepared[],
  { signal, watch }: Work,
): Promise<readonly IngestReceipt[]> {
  if (signal?.aborted === true) throw new BulkheadError('aborted', {}, { cause: signal.reason });
  const stage = (name: Stage): void => {
    for (const { document } of prepared) watch?.({ id: document.id, stage: name });
  };
  stage('indexing');
  const fresh = prepared.flatMap((one) => one.fresh);
  if (fresh.length > 0) await deps.index.upsert(fresh);
  for (const { document, stale } of prepared)
    if (stale.length > 0) await deps.index.remove(document.id, stale);
  stage('storing');
  for (const { document, fingerprint } of prepared)
    await deps.shelf.put(shelfName(document.id), document.bytes, {
      ...(document.contentType === undefined ? {} : { contentType: document.contentType }),
      metadata: { ingested: fingerprint },
    });
  stage('done');
  return prepared.map(({ document, count, fresh: own, stale }) => ({
    id: document.id,
    outcome: 'indexed',
    chunks: count,
    embedded: own.length,
    removed: stale.length,
  }));
}

function toIndexed(
  { id, language = 'english', metadata = {} }: NewDocument,
  { chunk, title }: { readonly chunk: Chunk | undefined; readonly title: string },
  placed: {
    readonly ordinal: number | undefined;
    readonly contentHash: string | undefined;
    readonly vector: Float32Array | undefined;
  },
): IndexedChunk {
  const { ordinal, contentHash, vector } = placed;
  if (chunk === undefined || ordinal === undefined || contentHash === undefined || vector === undefined)
    throw new BulkheadError('model_unavailable', { reason: 'the embedder gave fewer vectors than texts' });
  const place = { ...(chunk.page === undefined ? {} : { page: chunk.page }), headings: chunk.headings };
  return {
    document: id,
    ordinal,
    title,
    body: chunk.text,
    language,
    metadata: { ...metadata, ...place },
    contentHash,
    vector,
  };
}

/** Everything that makes an indexed chunk what it is: another model, title or metadata is another chunk. */
function indexedHash({ embedder }: IngestDeps, document: NewDocument, chunk: Chunk): string {
  const { language, metadata, title } = document;
  return hash(
    'sha256',
    JSON.stringify([version, embedder.model, language, title, metadata, chunk.page, chunk.contentHash]),
  );
}

function fingerprintOf({ embedder, chunking }: IngestDeps, document: NewDocument): string {
  const { bytes, contentType, fileName, title, metadata, language } = document;
  const about = [
    version,
    embedder.model,
    embedder.dimension,
    chunking,
    contentType,
    fileName,
    title,
    metadata,
    language,
  ];
  return hash('sha256', JSON.stringify([hash('sha256', bytes), about]));
}

/** Ids are the product's own text: in a name of the shelf they are letters and digits. */
function shelfName(id: string): string {
  return `documents/${Buffer.from(id, 'utf8').toString('hex').slice(0, 400)}-${hash('sha256', id).slice(0, 32)}`;
}

function unchanged({ id }: NewDocument): IngestReceipt {
  return { id, outcome: 'unchanged', chunks: 0, embedded: 0, removed: 0 };
}

function assertDocument({ id }: NewDocument): void {
  if (id === '' || id.length > maxIdCharacters || !id.isWellFormed())
    throw new BulkheadError('value_invalid', {
      field: 'id',
      reason: `must be 1 to ${maxIdCharacters} characters`,
    });
}

function assertDistinct(documents: readonly NewDocument[]): void {
  const seen = new Map<string, number>();
  for (const [item, { id }] of documents.entries()) {
    const first = seen.get(id);
    if (first !== undefined)
      throw new BulkheadError('value_invalid', {
        field: 'id',
        item,
        reason: `items ${first} and ${item} have the same id`,
      });
    seen.set(id, item);
  }
}
