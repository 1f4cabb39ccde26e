import { commonWords } from './common-words.ts';
import type { Embedder } from './embedder.ts';

const WORD = /[\p{L}\p{N}]+/gu;
const DIACRITIC = /\p{M}+/gu;
const maxWords = 20_000;

/** How much each kind of feature counts beside a whole word. */
const weights = { pair: 0.35, gram: 0.5 } as const;
const gramLength = 4;

export interface LexicalSettings {
  readonly dimension: number;
}

/**
 * An embedder without a model: hashed words, pairs of words and pieces of words (feature hashing, Weinberger and others,
 * ICML 2009). It finds texts that use the same words and their relatives, also misspelt ones; it knows nothing of
 * meaning, so "car" and "automobile" are strangers to it. The same text gives the same vector everywhere, for ever.
 */
export function createLexicalEmbedder({ dimension }: LexicalSettings = { dimension: 1_024 }): Embedder {
  return {
    model: `bulkhead-lexical-${dimension}-v1`,
    dimension,
    metric: 'cosine',
    weight: 0.5,
    embed: async (texts, { signal }) => {
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        signal?.throwIfAborted();
        vectors.push(embedText(text, dimension));
        // Long batches let others have their turn.
        if (vectors.length % 64 === 0) await new Promise((resume) => setImmediate(resume));
      }
      return vectors;
    },
  };
}

function embedText(text: string, dimension: number): Float32Array {
  const counts = new Map<string, number>();
  const add = (feature: string, weight: number): void => {
    counts.set(feature, (counts.get(feature) ?? 0) + weight);
  };
  let before: string | undefined;
  for (const word of wordsOf(text)) {
    const weight = commonWords.get(word) ?? 1;
    const stem = stemOf(word);
    add(stem, weight);
    if (weight === 1) {
      if (before !== undefined) add(`${before} ${stem}`, weights.pair);
      before = stem;
      addGrams(word, add);
    }
  }
  return project(counts, dimension);
}

function addGrams(word: string, add: (feature: string, weight: number) => void): void {
  if (word.length <= gramLength) return;
  const marked = `<${word}>`;
  const pieces = marked.length - gramLength + 1;
  for (let start = 0; start < pieces; start += 1)
    add(`#${marked.slice(start, start + gramLength)}`, weights.gram / Math.sqrt(pieces));
}

/** Each feature goes to two places with a sign each, so that two features that share one place still differ. */
function project(counts: ReadonlyMap<string, number>, dimension: number): Float32Array {
  const vector = new Float32Array(dimension);
  for (const [feature, count] of counts) {
    // Said ten times is not ten times as much about it.
    const weight = count <= 1 ? count : 1 + Math.log(count);
    const hashed = hash(feature);
    const other = Math.imul(hashed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    place(vector, hashed, weight);
    place(vector, other, weight);
  }
  return normalised(vector);
}

function place(vector: Float32Array, hashed: number, weight: number): void {
  const index = (hashed >>> 1) % vector.length;
  vector[index] = (vector[index] ?? 0) + (hashed & 1 ? weight : -weight);
}

/** A text without a word still needs a direction: the first axis, on which every such text lies. */
function normalised(vector: Float32Array): Float32Array {
  let length = 0;
  for (const value of vector) length += value * value;
  if (length === 0) {
    vector[0] = 1;
    return vector;
  }
  const scale = 1 / Math.sqrt(length);
  for (let index = 0; index < vector.length; index += 1) vector[index] = (vector[index] ?? 0) * scale;
  return vector;
}

export function wordsOf(text: string): readonly string[] {
  const plain = text.normalize('NFKD').replaceAll(DIACRITIC, '').toLowerCase();
  const words: string[] = [];
  for (const [word] of plain.matchAll(WORD)) {
    if (words.push(word) === maxWords) break;
  }
  return words;
}

const endings = [
  'ations',
  'ation',
  'ings',
  'ing',
  'ments',
  'ment',
  'ness',
  'ies',
  'ied',
  'ers',
  'er',
  'ed',
  'es',
  'ly',
  's',
];

/** Takes one ending off, where enough is left: enough to bring most forms of an English word together, and no dictionary. */
function stemOf(word: string): string {
  if (word.length < 5)
    return word.length === 4 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, 3) : word;
  const ending = endings.find((each) => word.endsWith(each) && word.length - each.length >= 3);
  return ending === undefined || word.endsWith('ss') ? word : word.slice(0, -ending.length);
}

/** FNV-1a over UTF-16 units, stirred (the finaliser of MurmurHash3), so that every bit depends on every letter. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
