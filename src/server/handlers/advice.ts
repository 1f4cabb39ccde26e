import type { Bulkhead } from '../../bulkhead.ts';
import { advise, regimes, type Regime, type Situation } from '../../billing/advise/advise.ts';
import { publishedCosts, publishedRanges, ways } from '../../billing/advise/cost-table.ts';
import type { CostPoint, CostTable, Way } from '../../billing/advise/cost-table.ts';
import { toDecisionRecord } from '../../billing/advise/record.ts';
import { scores, tradeOffs } from '../../billing/advise/trade-offs.ts';
import type { Input } from '../../client/contract.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseUsd, toUsd } from '../../core/money.ts';
import type { OperatorHandlers } from './handler.ts';

export function createAdviceHandler({ clock }: Pick<Bulkhead, 'clock'>): Pick<OperatorHandlers, 'advise'> {
  return {
    async advise({ query }) {
      const situation = toSituation(query);
      const advice = advise(situation);
      const date = new Date(clock.nowMs()).toISOString().slice(0, 10);
      if (query.format === 'markdown') return toDecisionRecord(situation, advice, { number: 1, date });
      return {
        option: advice.option,
        tiers: advice.tiers.map((tier) => ({ ...tier, because: [...tier.because] })),
        reasons: [...advice.reasons],
        cautions: [...advice.cautions],
        stores: advice.stores.map(({ store, forms }) => ({ store, forms: [...forms] })),
        costs: advice.costs.map(({ way, tenants, totalNanoUsd, eachNanoUsd }) => ({
          way,
          tenants,
          totalUsd: toUsd(totalNanoUsd),
          eachUsd: toUsd(eachNanoUsd),
          publishedRange: publishedRanges[way],
        })),
        tradeOffs: tradeOffs.map((each) => ({ ...each })),
        scores: { ...scores },
      };
    },
  };
}

function toSituation(query: Input<'advise'>['query']): Situation {
  const { regimes: named, costs, format: _, ...rest } = query;
  return { ...rest, regimes: toRegimes(named), costs: costs === undefined ? undefined : toCosts(costs) };
}

function toRegimes(raw: string | undefined): readonly Regime[] {
  const names = (raw ?? '').split(',').map((name) => name.trim().toLowerCase());
  return names
    .filter((name) => name !== '')
    .map((name) => {
      const known = regimes.find((regime) => regime === name);
      if (known !== undefined) return known;
      throw new BulkheadError('value_invalid', {
        field: 'regimes',
        reason: `one of ${regimes.join(', ')} is expected`,
      });
    });
}

/** `namespace=10:70,100:380;database=10:150` over the published table. */
function toCosts(raw: string): CostTable {
  const given = raw.split(';').map((part): readonly [Way, readonly CostPoint[]] => {
    const [name = '', points = ''] = part.split('=');
    const way = ways.find((each) => each === name.trim());
    if (way === undefined) throw malformed();
    return [way, points.split(',').map(toPoint)];
  });
  return { ...publishedCosts, ...Object.fromEntries(given) };
}

function toPoint(raw: string): CostPoint {
  const [tenants = '', usd = ''] = raw.trim().split(':');
  const totalNanoUsd = parseUsd(usd);
  if (!/^[1-9]\d{0,7}$/.test(tenants) || totalNanoUsd === undefined || totalNanoUsd < 0n) throw malformed();
  return { tenants: Number(tenants), totalNanoUsd };
}

function malformed(): BulkheadError {
  return new BulkheadError('value_invalid', {
    field: 'costs',
    reason: 'namespace=10:70,100:380;database=10:150 is expected',
  });
}
