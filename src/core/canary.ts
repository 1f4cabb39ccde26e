import { hash, randomBytes } from 'node:crypto';

/** A secret planted in a tenant so that it can be recognised where it must not be. */
export interface Canary {
  /** For planting, once. Whoever hunts for it is given the digest alone. */
  readonly text: string;
  /** SHA-256 of the text, in hex: no probe carries what it looks for, so none can find itself. */
  readonly digest: string;
}

const CANARY = /canary-[0-9a-f]{32}/g;

/** 128 random bits behind a word that makes it easy to spot. */
export function newCanary(): Canary {
  const text = `canary-${randomBytes(16).toString('hex')}`;
  return { text, digest: hash('sha256', text) };
}

/** @returns digests of the canaries that stand in the text, out of those that are hunted */
export function findCanaries(text: string, hunted: Iterable<string>): readonly string[] {
  const wanted = new Set(hunted);
  const seen = new Set(Array.from(text.matchAll(CANARY), ([found]) => hash('sha256', found)));
  return [...seen].filter((digest) => wanted.has(digest));
}

/** The words of an error and of everything that caused it: what a careless log line would print. */
export function wordsOf(error: unknown): string {
  const words: string[] = [];
  for (let each = error; each !== undefined && each !== null && words.length < maxCauses;) {
    if (each instanceof Error) words.push(each.message);
    words.push(JSON.stringify(each, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)));
    each = each instanceof Error ? each.cause : undefined;
  }
  return words.join('\n');
}

const maxCauses = 16;
