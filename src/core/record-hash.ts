import { hash } from 'node:crypto';
import { toRecordText, type ExportRecord } from './export-record.ts';

const MODULUS = 1n << 256n;

interface Sum {
  /** Not reduced until it is asked for: a number of 256 bits grows by one bit each time the count doubles. */
  digests: bigint;
  count: number;
}

/**
 * Hashes of sets of records that do not depend on their order: the sum of the SHA-256 of each record modulo 2²⁵⁶
 * (AdHash, Bellare and Micciancio 1997), so that equal sets compare equal wherever and however they are stored.
 * It tells a faulty copy from a true one; against a forger use the signature over the manifest.
 */
export class RecordHashes {
  readonly #sums = new Map<string, Sum>();

  get count(): bigint {
    return this.#entries().reduce((total, [, { count }]) => total + BigInt(count), 0n);
  }

  add(record: ExportRecord): void {
    const digest = BigInt(`0x${hash('sha256', toRecordText(record))}`);
    const sum = this.#sums.get(record.set);
    if (sum === undefined) this.#sums.set(record.set, { digests: digest, count: 1 });
    else {
      sum.digests += digest;
      sum.count += 1;
    }
  }

  /** By set, 64 hexadecimal characters each. Sets without records are not listed. */
  result(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#entries().map(([set, { digests }]) => [set, (digests % MODULUS).toString(16).padStart(64, '0')]),
    );
  }

  /** Records by set. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#entries().map(([set, { count }]) => [set, count]));
  }

  #entries(): readonly (readonly [string, Sum])[] {
    return [...this.#sums].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}
