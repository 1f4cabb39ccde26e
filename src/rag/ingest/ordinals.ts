interface Kept {
  readonly ordinal: number;
  readonly contentHash: string;
}

export interface Arrangement {
  /** One for each hash, increasing. */
  readonly ordinals: readonly number[];
  /** Positions of what the index does not have yet, at these ordinals. */
  readonly fresh: readonly number[];
  /** Ordinals that are no longer used. */
  readonly stale: readonly number[];
}

/** Room between neighbours, for what is put in between them later. */
export const spacing = 1_024;
const maxOrdinal = 2_000_000_000;

/**
 * Gives what stayed the same its old ordinal, so that it is neither embedded nor written again, and what is new one in between. The
 * most that can stay is the longest increasing sequence of old ordinals; where there is no room left, all are numbered anew.
 */
export function arrange(hashes: readonly string[], kept: readonly Kept[]): Arrangement {
  const staying = longestIncreasing(match(hashes, kept));
  const ordinals = number(hashes.length, staying) ?? hashes.map((_, at) => (at + 1) * spacing);
  const known = new Map(kept.map(({ ordinal, contentHash }) => [ordinal, contentHash]));
  const fresh = hashes.flatMap((hash, at) => (known.get(ordinals[at] ?? -1) === hash ? [] : [at]));
  const used = new Set(ordinals);
  return {
    ordinals,
    fresh,
    stale: kept.map(({ ordinal }) => ordinal).filter((ordinal) => !used.has(ordinal)),
  };
}

/** Old ordinals by position; equal hashes are taken in order. */
function match(
  hashes: readonly string[],
  kept: readonly Kept[],
): readonly (readonly [at: number, ordinal: number])[] {
  const byHash = new Map<string, number[]>();
  for (const { contentHash, ordinal } of kept.toSorted((a, b) => a.ordinal - b.ordinal))
    byHash.set(contentHash, [...(byHash.get(contentHash) ?? []), ordinal]);
  return hashes.flatMap((hash, at) => {
    const ordinal = byHash.get(hash)?.shift();
    return ordinal === undefined ? [] : [[at, ordinal] as const];
  });
}

/** Patience sorting (Aldous and Diaconis, 1999). */
function longestIncreasing(pairs: readonly (readonly [number, number])[]): ReadonlyMap<number, number> {
  const tops: number[] = [];
  const before: (number | undefined)[] = [];
  for (const [index, [, ordinal]] of pairs.entries()) {
    let low = 0;
    let high = tops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[tops[middle] ?? 0]?.[1] ?? 0) < ordinal) low = middle + 1;
      else high = middle;
    }
    before[index] = low === 0 ? undefined : tops[low - 1];
    tops[low] = index;
  }
  const longest = new Map<number, number>();
  for (let index = tops.at(-1); index !== undefined; index = before[index]) {
    const pair = pairs[index];
    if (pair !== undefined) longest.set(pair[0], pair[1]);
  }
  return longest;
}

/** @returns undefined where a gap is too small */
function number(count: number, staying: ReadonlyMap<number, number>): readonly number[] | undefined {
  const ordinals: number[] = [];
  let last = 0;
  for (let at = 0; at < count;) {
    const own = staying.get(at);
    if (own !== undefined) {
      ordinals.push(own);
      last = own;
      at += 1;
      continue;
    }
    let end = at;
    while (end < count && !staying.has(end)) end += 1;
    const next = staying.get(end) ?? last + spacing * (end - at + 1);
    const step = Math.floor((next - last) / (end - at + 1));
    if (step < 1 || next > maxOrdinal) return undefined;
    for (; at < end; at += 1) {
      last += step;
      ordinals.push(last);
    }
  }
  return ordinals;
}
