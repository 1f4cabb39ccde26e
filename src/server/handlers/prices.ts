import type { Bulkhead } from '../../bulkhead.ts';
import { readLitellmPrices, type ReadPrices } from '../../billing/prices/litellm.ts';
import type { Rerated } from '../../billing/cost/rerate.ts';
import { parseUnitPrice, toUnitUsd } from '../../billing/prices/unit-price.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { toUsd } from '../../core/money.ts';
import { readMonth } from '../../billing/month.ts';
import type { Input } from '../../client/contract.ts';
import { toPriceVersionView } from '../billing-views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';
import { toMonth } from './usage.ts';

type PriceHandlers = Pick<
  OperatorHandlers,
  'listPrices' | 'getPrices' | 'importPrices' | 'rerateUsage' | 'settleUnpriced'
>;

export function createPriceHandlers(bulkhead: Bulkhead): PriceHandlers {
  const { billing, registry } = bulkhead;
  const idOf = async (named: string | undefined): Promise<TenantId | undefined> =>
    named === undefined ? undefined : (await findTenant(registry.tenants, named)).id;
  return {
    async listPrices() {
      const book = await billing.prices.book();
      return { items: book.versions.map(toPriceVersionView) };
    },

    async getPrices({ params }) {
      const { version } = (await billing.prices.book()).version(toVersion(params.version));
      const prices = await billing.prices.prices(version.version);
      return {
        ...toPriceVersionView(version),
        prices: prices.map(({ usdPerUnit, ...rest }) => ({ ...rest, usdPerUnit: toUnitUsd(usdPerUnit) })),
      };
    },

    async importPrices({ body }, actor) {
      const { prices, ignored } = toPrices(body);
      const { list, name, source, validFrom, validUntil } = body;
      const added = await billing.prices.add(
        {
          list,
          name,
          source,
          validFrom: new Date(validFrom),
          validUntil: validUntil === undefined ? undefined : new Date(validUntil),
          prices,
        },
        actor,
      );
      return { ...toPriceVersionView(added), prices: prices.length, ignored: [...ignored] };
    },

    async rerateUsage({ params, query }) {
      const month = toMonth(bulkhead, query.month);
      const version = toVersion(params.version);
      const lines = await billing.rerate({ month, version, tenant: await idOf(query.tenant) });
      const sum = (part: (line: Rerated) => bigint): bigint =>
        lines.reduce((total, line) => total + part(line), 0n);
      return {
        month,
        version,
        beforeUsd: toUsd(sum(({ beforeNanoUsd }) => beforeNanoUsd)),
        afterUsd: toUsd(sum(({ afterNanoUsd }) => afterNanoUsd)),
        differenceUsd: toUsd(sum(({ beforeNanoUsd, afterNanoUsd }) => afterNanoUsd - beforeNanoUsd)),
        unpricedEvents: Number(sum(({ unpricedEvents }) => BigInt(unpricedEvents))),
        items: lines.map(({ amount, beforeNanoUsd, afterNanoUsd, ...rest }) => ({
          ...rest,
          amount: amount.toString(),
          beforeUsd: toUsd(beforeNanoUsd),
          afterUsd: toUsd(afterNanoUsd),
          differenceUsd: toUsd(afterNanoUsd - beforeNanoUsd),
        })),
      };
    },

    async settleUnpriced({ params, body }) {
      const version = toVersion(params.version);
      const tenant = await idOf(body.tenant);
      return { settled: await billing.settleUnpriced({ month: readMonth(body.month), version, tenant }) };
    },
  };
}

function toVersion(raw: string): number {
  const version = /^\d{1,9}$/.test(raw) ? Number(raw) : undefined;
  if (version === undefined) throw new BulkheadError('not_found');
  return version;
}

function toPrices({ prices = [], litellm }: Input<'importPrices'>['body']): ReadPrices {
  if (litellm !== undefined) return readLitellmPrices(litellm);
  return {
    prices: prices.map(({ usdPerUnit, ...rest }) => {
      const price = parseUnitPrice(usdPerUnit);
      if (price !== undefined) return { ...rest, usdPerUnit: price };
      throw new BulkheadError('value_invalid', {
        field: 'usdPerUnit',
        reason: `the price of ${rest.meter} is no decimal number of dollars with at most 21 places`,
      });
    }),
    ignored: [],
  };
}
