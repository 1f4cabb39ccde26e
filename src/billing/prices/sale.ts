import type { NanoUsd } from '../../core/money.ts';
import type { UsageLine } from '../usage-reads.ts';
import { standardRate, type PriceTable } from './price-table.ts';
import { toCost, type UnitPrice } from './unit-price.ts';

/** What a tenant is charged for a line of usage. */
export interface Sale {
  /** `included`: the list of sale prices does not speak of the meter. `unpriced`: it does, and not of this model or rate. */
  readonly kind: 'sold' | 'included' | 'unpriced';
  readonly usdPerUnit: UnitPrice | undefined;
  /** Rounded once, for the whole line; undefined where it is unpriced. */
  readonly amountNanoUsd: NanoUsd | undefined;
}

/** Usage without a list of sale prices is included in the plan. */
export function saleOf(
  line: Pick<UsageLine, 'meter' | 'model' | 'rate' | 'amount'>,
  table?: PriceTable,
): Sale {
  if (table === undefined || !table.hasMeter(line.meter))
    return { kind: 'included', usdPerUnit: undefined, amountNanoUsd: 0n };
  const usdPerUnit =
    table.priceOf(line.meter, line.model, line.rate) ?? table.priceOf(line.meter, '', standardRate);
  if (usdPerUnit === undefined) return { kind: 'unpriced', usdPerUnit, amountNanoUsd: undefined };
  return { kind: 'sold', usdPerUnit, amountNanoUsd: toCost(line.amount, usdPerUnit) };
}
