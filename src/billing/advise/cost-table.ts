import { parseUsd, type NanoUsd } from '../../core/money.ts';

/** What tenants share, as one pays for it: a namespace in common stores, a database each, or a whole installation each. */
export const ways = ['namespace', 'database', 'single'] as const;
export type Way = (typeof ways)[number];

export interface CostPoint {
  readonly tenants: number;
  readonly totalNanoUsd: NanoUsd;
}

/** Dollars a month by number of tenants; between two points by a straight line, beyond the last by its price for each. */
export type CostTable = Readonly<Record<Way, readonly CostPoint[]>>;

const points = (...pairs: readonly (readonly [number, string])[]): readonly CostPoint[] =>
  pairs.map(([tenants, usd]) => ({ tenants, totalNanoUsd: parseUsd(usd) ?? 0n }));

/** Measured by teams that run such platforms; prices of one's own replace them. */
export const publishedCosts: CostTable = {
  namespace: points([10, '70'], [100, '380'], [500, '1550']),
  database: points([10, '150'], [100, '800'], [500, '3500']),
  single: points([10, '5000'], [100, '50000'], [500, '250000']),
};

/** Dollars a month for each tenant, from the largest number of tenants to the smallest. */
export const publishedRanges: Readonly<Record<Way, string>> = {
  namespace: '$3–7',
  database: '$5–15',
  single: '$500–2,000',
};

export function costOf(tenants: number, known: readonly CostPoint[]): NanoUsd {
  const sorted = known.toSorted((a, b) => a.tenants - b.tenants);
  const above = sorted.findIndex((point) => point.tenants >= tenants);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return 0n;
  // Below the first point the base does not shrink; beyond the last, each one more costs what the mean one does.
  if (above === 0) return first.tenants === tenants ? first.totalNanoUsd : scale(first, tenants);
  if (above === -1) return scale(last, tenants);
  const [from = first, to = last] = [sorted[above - 1], sorted[above]];
  const span = BigInt(to.tenants - from.tenants);
  return from.totalNanoUsd + ((to.totalNanoUsd - from.totalNanoUsd) * BigInt(tenants - from.tenants)) / span;
}

function scale({ tenants, totalNanoUsd }: CostPoint, to: number): NanoUsd {
  return (totalNanoUsd * BigInt(to)) / BigInt(tenants);
}
