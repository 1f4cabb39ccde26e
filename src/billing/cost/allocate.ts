import { BulkheadError } from '../../core/errors.ts';
import type { NanoUsd } from '../../core/money.ts';

/** Who bears a shared cost. What nobody does is idle, and said to be. */
export interface Allocation {
  readonly shares: ReadonlyMap<string, NanoUsd>;
  readonly idleNanoUsd: NanoUsd;
}

/** 100 % in parts of a hundredth of a percent. */
const wholeBasisPoints = 10_000n;

/**
 * Divides an amount by weights so that the parts sum to it exactly: each gets the whole part of its share, and the units
 * that are left go to the largest remainders (Hamilton's method), the first in order where they are equal.
 * @throws value_invalid for a negative weight, or where an amount stands against no weight at all
 */
export function divide(total: NanoUsd, weights: readonly bigint[]): readonly NanoUsd[] {
  if (weights.some((weight) => weight < 0n))
    throw new BulkheadError('value_invalid', { field: 'weights', reason: 'a weight is negative' });
  const sum = weights.reduce((all, weight) => all + weight, 0n);
  if (sum === 0n) {
    if (total === 0n) return weights.map(() => 0n);
    throw new BulkheadError('value_invalid', { field: 'weights', reason: 'all weights are 0' });
  }
  const magnitude = total < 0n ? -total : total;
  const parts = weights.map((weight, index) => ({
    index,
    whole: (magnitude * weight) / sum,
    rest: (magnitude * weight) % sum,
  }));
  const left = magnitude - parts.reduce((all, { whole }) => all + whole, 0n);
  const next = parts.toSorted((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1));
  for (const part of next.slice(0, Number(left))) part.whole += 1n;
  return parts.map(({ whole }) => (total < 0n ? -whole : whole));
}

/**
 * By weight: even, proportional to cost, by usage, by storage or as given; what the weight means is the caller's.
 * @param idleBasisPoints of the total, in hundredths of a percent, that are capacity nobody used. Where nobody has a weight,
 *   all of it is idle.
 */
export function allocate(
  total: NanoUsd,
  weights: ReadonlyMap<string, bigint>,
  idleBasisPoints = 0,
): Allocation {
  if (!Number.isInteger(idleBasisPoints) || idleBasisPoints < 0 || idleBasisPoints > 10_000)
    throw new BulkheadError('value_invalid', { field: 'idle', reason: '0 to 100 percent is expected' });
  const names = [...weights.keys()];
  const given = [...weights.values()];
  if (given.every((weight) => weight === 0n))
    return { shares: new Map(names.map((name) => [name, 0n])), idleNanoUsd: total };
  const idle = BigInt(idleBasisPoints);
  const [idleNanoUsd = 0n, used = 0n] = divide(total, [idle, wholeBasisPoints - idle]);
  const shares = divide(used, given);
  return { shares: new Map(names.map((name, index) => [name, shares[index] ?? 0n])), idleNanoUsd };
}

/** As agreed, whatever was used. @throws value_invalid where more is agreed than there is */
export function allocateFixed(total: NanoUsd, agreed: ReadonlyMap<string, NanoUsd>): Allocation {
  const sum = [...agreed.values()].reduce((all, amount) => all + amount, 0n);
  if (sum > total || [...agreed.values()].some((amount) => amount < 0n))
    throw new BulkheadError('value_invalid', {
      field: 'weights',
      reason: 'the fixed shares are negative, or more than the cost',
    });
  return { shares: agreed, idleNanoUsd: total - sum };
}
