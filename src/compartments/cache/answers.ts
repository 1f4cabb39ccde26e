import { hash } from 'node:crypto';
import type { Scope } from '../../core/scope.ts';
import type { CacheHandle, CacheKey } from './cache.ts';

/** Vectors of texts, in their order; of any one length. */
export type Embed = (texts: readonly string[]) => Promise<readonly Float32Array[]>;

export interface AnswerCacheOptions {
  readonly embed: Embed;
  /** Least cosine of two questions that have one answer; default 0.92. */
  readonly threshold?: number;
  /** Default an hour, at most a week. */
  readonly ttlMs?: number;
}

export interface Question {
  readonly text: string;
  /** Whom the answer is for within the tenant: a role, a user, whatever decides which documents it may draw on. */
  readonly audience: string;
  /** Everything else the answer depends on: embedder, model, prompt, filters. Other context, other answers. */
  readonly context: string;
}

export interface Answered<T> {
  readonly answer: T;
  readonly from: 'cache' | 'model';
}

/**
 * Answers to questions that were asked before in these or similar words, by the same tenant and for the same audience.
 * Each tenant has questions, vectors and answers of its own and there is no index over two of them, so the question of one
 * tenant can neither hit nor slow down another's. For tenants with the feature `semantic_cache`; all others go past it.
 */
export interface AnswerCache {
  /** @param answer asks the model; what it returns is kept as JSON unless the tenant's answers were invalidated meanwhile */
  ask<T>(scope: Scope, question: Question, answer: () => Promise<T>): Promise<Answered<T>>;
  /** Drops all of the tenant, as after a change of its documents. @throws compartment_unreachable */
  forget(scope: Scope): Promise<void>;
}

export const answersFeature = 'semantic_cache';
/** First part of every key; `answers:*` is the pattern of all. */
const keyName = 'answers';
const usualThreshold = 0.92;
const maxIndexed = 256;

/** A question of the index: the digest of its words, and its direction in bytes of -127 to 127. */
interface Indexed {
  readonly id: string;
  readonly direction: string;
}

export function createAnswerCache(
  openCache: (scope: Scope) => CacheHandle,
  options: AnswerCacheOptions,
): AnswerCache {
  const { embed, threshold = usualThreshold } = options;
  const keeping = options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs };

  const addToIndex = async (cache: CacheHandle, key: CacheKey, entry: Indexed): Promise<void> => {
    const known = parseIndex(await cache.get(key)).filter(({ id }) => id !== entry.id);
    await cache.set(key, [...known, entry].slice(-maxIndexed), keeping);
  };

  return {
    async ask<T>(scope: Scope, question: Question, answer: () => Promise<T>) {
      if (!scope.features.has(answersFeature)) return { answer: await answer(), from: 'model' };
      const cache = openCache(scope);
      const place = hash('sha256', JSON.stringify([question.audience, question.context]));
      const keyOf = (id: string): CacheKey => [keyName, place, id];
      const indexKey: CacheKey = [keyName, place, 'index'];
      const id = hash('sha256', toWords(question.text));
      const same = await cache.get<Kept<T>>(keyOf(id));
      if (same !== undefined) return { answer: same.answer, from: 'cache' };

      const [vector] = await embed([question.text]);
      const direction = vector === undefined ? undefined : toDirection(vector);
      if (direction !== undefined) {
        const nearest = findNearest(parseIndex(await cache.get(indexKey)), direction, threshold);
        const similar = nearest === undefined ? undefined : await cache.get<Kept<T>>(keyOf(nearest));
        if (similar !== undefined) return { answer: similar.answer, from: 'cache' };
      }
      const load = async (): Promise<Kept<T>> => ({ answer: await answer() });
      const kept = await cache.getOrSet(keyOf(id), load, keeping);
      if (direction !== undefined)
        await addToIndex(cache, indexKey, {
          id,
          direction: Buffer.from(direction.buffer).toString('base64'),
        });
      return { answer: kept.answer, from: 'model' };
    },
    async forget(scope) {
      await openCache(scope).invalidateMatching(`${keyName}:*`);
    },
  };
}

interface Kept<T> {
  readonly answer: T;
}

/** Case, punctuation and spacing make no other question. */
function toWords(text: string): string {
  return (
    text
      .toLowerCase()
      .normalize('NFKC')
      .match(/[\p{L}\p{N}]+/gu)
      ?.join(' ') ?? text
  );
}

/** @returns undefined for a vector without direction */
function toDirection(vector: Float32Array): Int8Array | undefined {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (!(length > 0) || !Number.isFinite(length)) return undefined;
  // Scaled to its largest component, so that little is lost by rounding however many dimensions there are.
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  return Int8Array.from(vector, (value) => Math.round((value / largest) * 127));
}

function findNearest(index: readonly Indexed[], direction: Int8Array, threshold: number): string | undefined {
  let best = threshold;
  let found: string | undefined;
  for (const entry of index) {
    const bytes = Buffer.from(entry.direction, 'base64');
    const similarity = cosine(direction, new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    if (similarity < best) continue;
    best = similarity;
    found = entry.id;
  }
  return found;
}

/** 0 for vectors of different length: they come from different embedders. */
function cosine(a: Int8Array, b: Int8Array): number {
  if (a.length !== b.length) return 0;
  let product = 0;
  let ofA = 0;
  let ofB = 0;
  for (let index = 0; index < a.length; index += 1) {
    const x = a[index] ?? 0;
    const y = b[index] ?? 0;
    product += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return product / Math.sqrt(ofA * ofB);
}

function parseIndex(stored: unknown): readonly Indexed[] {
  if (!Array.isArray(stored)) return [];
  return stored.filter(
    (entry: Partial<Indexed> | null): entry is Indexed =>
      typeof entry?.id === 'string' && typeof entry.direction === 'string',
  );
}
