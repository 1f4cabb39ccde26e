import type { Match, UpsertReceipt, VectorsCompartment } from '../compartments/vectors/vectors.ts';
import { BulkheadError } from '../core/errors.ts';
import type { Isolation } from '../core/placement.ts';
import type { Scope } from '../core/scope.ts';

/** What the functions need of a node; a `Bulkhead` has it. */
export interface VectorNode {
  readonly vectors: VectorsCompartment | undefined;
  run<Result>(tenant: string, fn: (scope: Scope) => Promise<Result>): Promise<Result>;
}

/** A document with the vector that somebody has made of it. */
export interface VectorDocument {
  readonly id: string;
  readonly values: Float32Array | readonly number[];
  readonly title?: string;
  readonly text?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface QueryAnswer {
  readonly matches: readonly (Pick<Match, 'score' | 'title' | 'metadata'> & {
    readonly id: string;
    readonly text: string;
  })[];
  readonly namespace: string;
  readonly isolation: Isolation;
  readonly overheadMs: number;
}

const ownVectors = 'own-vectors';

/**
 * Stores documents with vectors of your own; the first call says how many dimensions they have. The caller's objects are
 * left alone.
 * @throws value_invalid, naming the document, for another dimension or metadata that names another tenant · tenant_not_found
 */
export async function upsertDocuments(
  node: VectorNode,
  tenant: string,
  documents: readonly VectorDocument[],
): Promise<UpsertReceipt> {
  return await node.run(tenant, async (scope) => {
    await using vectors = await needed(node).open(scope);
    const dimension = documents[0]?.values.length ?? 1;
    const space =
      (await vectors.space()) ??
      (await vectors.ensureSpace({ model: ownVectors, dimension, metric: 'cosine' }));
    return await vectors.upsert(
      documents.map(({ id, values, title, text, metadata }) => ({
        document: id,
        vector: values,
        ...(title === undefined ? {} : { title }),
        ...(text === undefined ? {} : { body: text }),
        metadata: { ...metadata, tenant_id: metadata?.['tenant_id'] ?? scope.tenantId },
      })),
      space,
    );
  });
}

/** The `topK` documents nearest to a vector, of this tenant alone; there is no way to leave the tenant out. */
export async function queryDocuments(
  node: VectorNode,
  tenant: string,
  query: { readonly vector: Float32Array | readonly number[]; readonly topK: number },
): Promise<QueryAnswer> {
  return await node.run(tenant, async (scope) => {
    await using vectors = await needed(node).open(scope);
    const { vector, topK } = query;
    const { matches, namespace, isolation, overheadMs } = await vectors.search({
      mode: 'vector',
      vector,
      limit: topK,
    });
    return {
      matches: matches.map(({ document, score, title, body, metadata }) => ({
        id: document,
        score,
        title,
        text: body,
        metadata,
      })),
      namespace,
      isolation,
      overheadMs,
    };
  });
}

function needed({ vectors }: VectorNode): VectorsCompartment {
  if (vectors !== undefined) return vectors;
  throw new BulkheadError('compartment_unreachable', {
    kind: 'vectors',
    reason: 'the server has no pgvector',
  });
}
