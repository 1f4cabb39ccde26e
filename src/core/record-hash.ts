import { hash } from 'node:crypto';
import type { ExportRecord } from './compartment.ts';

const MODULUS = 1n << 256n;

/**
 * Hashes of sets of records that do not depend on their order: the sum of the SHA-256 of each record modulo 2²⁵⁶
 * (AdHash, Bellare and Micciancio 1997), so that equal sets compare equal wherever and however they are stored.
 * It tells a faulty copy from a true one; against a forger use the signature over the manifest.
 */
export class RecordHashes {
  readonly #sums = new Map<string, bigint>();
  #count = 0n;

  get count(): bigint {
    return this.#count;
  }

  add(record: ExportRecord): void {
    const digest = BigInt(`0x${hash('sha256', toCanonicalJson(record.value))}`);
    this.#sums.set(record.set, ((this.#sums.get(record.set) ?? 0n) + digest) % MODULUS);
    this.#count += 1n;
  }

  /** By set, 64 hexadecimal characters each. Sets without records are not listed. */
  result(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [...this.#sums]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([set, sum]) => [set, sum.toString(16).padStart(64, '0')]),
    );
  }
}

/** JSON with sorted keys and no white space. */
export function toCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => toCanonicalJson(item)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${toCanonicalJson(item)}`).join(',')}}`;
}
