import { hash } from 'node:crypto';
import { toRecordText, type ExportRecord } from '../../core/export-record.ts';
import type { CompartmentKind } from '../../core/placement.ts';
import type { SetDifference } from '../backups.ts';

/** Records of one set whose differences are told one by one; of more, only whether they are equal. */
const toldAtMost = 4_000_000;

/**
 * What a swap would change, set by set. Of each record 16 bytes are kept: the beginnings of two digests, of the whole and
 * of its id.
 */
export async function compareRecords(
  compartment: CompartmentKind,
  now: AsyncIterable<ExportRecord>,
  backup: AsyncIterable<ExportRecord>,
): Promise<readonly SetDifference[]> {
  const [ours, theirs] = [await digestAll(now), await digestAll(backup)];
  const sets = [...new Set([...ours.keys(), ...theirs.keys()])].toSorted();
  const none = new Digests();
  return sets.map((set) =>
    toDifference({ compartment, set }, ours.get(set) ?? none, theirs.get(set) ?? none),
  );
}

function toDifference(
  name: { readonly compartment: CompartmentKind; readonly set: string },
  now: Digests,
  backup: Digests,
): SetDifference {
  const counts = { ...name, now: now.count, backup: backup.count };
  if (now.count > toldAtMost || backup.count > toldAtMost)
    return { ...counts, added: null, removed: null, changed: null, isEqual: now.sum === backup.sum };
  const added = backup.ids.without(now.ids);
  const removed = now.ids.without(backup.ids);
  const changed = backup.records.without(now.records) - added;
  return { ...counts, added, removed, changed, isEqual: added + removed + changed === 0 };
}

async function digestAll(records: AsyncIterable<ExportRecord>): Promise<ReadonlyMap<string, Digests>> {
  const sets = new Map<string, Digests>();
  for await (const record of records) {
    let digests = sets.get(record.set);
    if (digests === undefined) sets.set(record.set, (digests = new Digests()));
    digests.add(record);
  }
  return sets;
}

const modulus = 1n << 64n;

class Digests {
  readonly ids = new DigestList();
  readonly records = new DigestList();
  count = 0;
  sum = 0n;

  add(record: ExportRecord): void {
    const whole = toDigest(toRecordText(record));
    this.count += 1;
    this.sum = (this.sum + whole) % modulus;
    if (this.count > toldAtMost) return;
    const { id } = record.value;
    this.records.add(whole);
    this.ids.add(typeof id === 'string' ? toDigest(id) : whole);
  }
}

function toDigest(text: string): bigint {
  return BigInt(`0x${hash('sha256', text).slice(0, 16)}`);
}

class DigestList {
  #list = new BigUint64Array(1_024);
  #length = 0;

  add(digest: bigint): void {
    if (this.#length === this.#list.length) {
      const longer = new BigUint64Array(2 * this.#list.length);
      longer.set(this.#list);
      this.#list = longer;
    }
    this.#list[this.#length] = digest;
    this.#length += 1;
  }

  /** How many of these are not among the others. */
  without(others: DigestList): number {
    const [mine, theirs] = [this.#sorted(), others.#sorted()];
    let missing = 0;
    let at = 0;
    for (const digest of mine) {
      while (at < theirs.length && (theirs[at] ?? 0n) < digest) at += 1;
      if (theirs[at] !== digest) missing += 1;
    }
    return missing;
  }

  #sorted(): BigUint64Array {
    return this.#list.subarray(0, this.#length).toSorted();
  }
}
