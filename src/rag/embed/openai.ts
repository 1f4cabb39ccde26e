import { z } from 'zod';
import { BulkheadError } from '../../core/errors.ts';
import { post, type Endpoint } from '../models/endpoint.ts';
import type { Embedder } from './embedder.ts';

export interface EndpointEmbedderSettings extends Endpoint {
  readonly model: string;
  readonly dimension: number;
}

const batchTexts = 64;
/** Batches of one call that are under way together. */
const inFlight = 3;
const timeoutMs = 60_000;
const attempts = 4;

const Answer = z.object({
  data: z.array(z.object({ index: z.number().int().min(0), embedding: z.array(z.number()) })),
});

/** Any endpoint that has `POST /embeddings` as OpenAI's API describes it. What it answers is not taken on trust. */
export function createEndpointEmbedder(settings: EndpointEmbedderSettings): Embedder {
  const { model, dimension } = settings;
  return {
    model,
    dimension,
    metric: 'cosine',
    async embed(texts, { signal }) {
      const vectors: Float32Array[] = Array.from({ length: texts.length });
      const starts = Array.from(
        { length: Math.ceil(texts.length / batchTexts) },
        (_, index) => index * batchTexts,
      );
      const work = async (): Promise<void> => {
        for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
          const batch = await embedBatch(settings, texts.slice(start, start + batchTexts), signal);
          for (const [index, vector] of batch.entries()) vectors[start + index] = vector;
        }
      };
      await Promise.all(Array.from({ length: Math.min(inFlight, starts.length) }, work));
      return vectors;
    },
  };
}

async function embedBatch(
  settings: EndpointEmbedderSettings,
  batch: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly Float32Array[]> {
  const { model, dimension } = settings;
  // An empty text is refused by most models; a space says as little.
  const input = batch.map((text) => (text.trim() === '' ? ' ' : text));
  const response = await post(
    settings,
    { path: '/embeddings', body: { model, input, encoding_format: 'float' } },
    { signal, timeoutMs, attempts },
  );
  return toVectors(await readJson(response), batch.length, dimension);
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw nonsense('no JSON', cause);
  }
}

function toVectors(answer: unknown, count: number, dimension: number): readonly Float32Array[] {
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) throw nonsense('something else than a list of embeddings', parsed.error);
  const { data } = parsed.data;
  if (data.length !== count) throw nonsense(`${data.length} vectors for ${count} texts`);
  const vectors = new Map<number, Float32Array>();
  for (const { index, embedding } of data) {
    // By its own number: an answer in another order would put one text's vector under another's.
    if (index >= count || vectors.has(index)) throw nonsense('vectors for texts that were not sent');
    if (embedding.length !== dimension)
      throw nonsense(`vectors of ${embedding.length} dimensions where ${dimension} are configured`);
    if (!embedding.every(Number.isFinite)) throw nonsense('numbers that are not finite');
    vectors.set(index, Float32Array.from(embedding));
  }
  return Array.from({ length: count }, (_, index) => vectors.get(index) ?? new Float32Array(dimension));
}

function nonsense(what: string, cause?: unknown): BulkheadError {
  return new BulkheadError(
    'model_unavailable',
    { reason: `the embedding endpoint answered with ${what}`, hint: 'check url, model and dimension' },
    { cause },
  );
}
