import type { ObjectsCompartment } from '../compartments/objects/objects.ts';
import type { Repository, RowsCompartment } from '../compartments/rows/rows.ts';
import type { VectorsCompartment } from '../compartments/vectors/vectors.ts';
import { BulkheadError, isBulkheadError } from '../core/errors.ts';
import type { Scope } from '../core/scope.ts';
import { createIngest, type Ingest, type IngestReceipt, type NewDocument } from './ingest/ingest.ts';
import { toChunkIndex } from './ingest/vector-index.ts';
import type { Knowledge } from './knowledge.ts';
import type { DocumentParser } from './parse/parser.ts';

export interface LibraryDeps {
  readonly rows: RowsCompartment;
  readonly vectors: VectorsCompartment | undefined;
  readonly objects: ObjectsCompartment;
  readonly knowledge: Pick<Knowledge, 'embedder'>;
  readonly parser: DocumentParser;
}

/** A document as it is put in: text that comes with the call, or a file. */
export interface PutDocument extends Omit<NewDocument, 'id'> {
  readonly externalId: string;
  /** What the row of the document shows as its content; a file's is empty, and lies among the objects. */
  readonly content: string;
}

export interface PutReceipt extends IngestReceipt {
  /** Of the document's row. */
  readonly document: string;
}

/** Documents of a tenant that can be searched: a row, passages with vectors, and the original among the objects. */
export interface Library {
  /**
   * Adds or replaces a document. Passages and original come first and the row last, so what has a row is found; the same call
   * again mends what was broken off.
   * @throws value_invalid, what parser and embedder throw, conflict where vectors of another model serve the tenant
   */
  put(scope: Scope, document: PutDocument): Promise<PutReceipt>;
  /** Whether the document is found by passages. */
  has(scope: Scope, externalId: string): Promise<boolean>;
  /** Passages and original of a document whose row is gone, or goes next. Does nothing where there are none. */
  forget(scope: Scope, externalId: string): Promise<void>;
}

type DocumentRow = {
  id: string;
  external_id: string | null;
  title: string;
  content: string;
  metadata: Record<string, unknown>;
};

export function createLibrary(deps: LibraryDeps): Library {
  const { rows, objects, knowledge, parser } = deps;

  const open = async (scope: Scope): Promise<Ingest> => {
    const { vectors } = deps;
    if (vectors === undefined)
      throw new BulkheadError('compartment_unreachable', {
        kind: 'vectors',
        reason: 'the server has no pgvector',
      });
    const embedder = await knowledge.embedder(scope);
    const index = toChunkIndex(await vectors.open(scope), embedder);
    return createIngest({ shelf: await objects.open(scope), index, parser, embedder });
  };

  return {
    async put(scope, { externalId, content, ...document }) {
      const ingest = await open(scope);
      const receipt = await ingest.put({ ...document, id: externalId }, { signal: scope.signal });
      const documents = (await rows.open(scope)).table<DocumentRow>('documents');
      const { title = '', metadata = {} } = document;
      const row = await putRow(documents, {
        external_id: externalId,
        title,
        content,
        metadata: { ...metadata },
      });
      return { ...receipt, document: row.id };
    },
    async has(scope, externalId) {
      const { vectors } = deps;
      if (vectors === undefined) return false;
      return (await (await vectors.open(scope)).kept(externalId)).length > 0;
    },
    async forget(scope, externalId) {
      if (deps.vectors === undefined) return;
      await (await open(scope)).delete(externalId);
    },
  };
}

/** Two who put the same new document at once: the second finds the row of the first. */
async function putRow(
  documents: Repository<DocumentRow>,
  row: Omit<DocumentRow, 'id'>,
): Promise<DocumentRow> {
  const change = async (): Promise<DocumentRow | undefined> => {
    const known = await documents.findOne({ external_id: row.external_id });
    return known === undefined ? undefined : await documents.update(known.id, row);
  };
  const changed = await change();
  if (changed !== undefined) return changed;
  try {
    return await documents.create(row);
  } catch (cause) {
    if (!isBulkheadError(cause, 'conflict')) throw cause;
    const found = await change();
    if (found === undefined) throw cause;
    return found;
  }
}
