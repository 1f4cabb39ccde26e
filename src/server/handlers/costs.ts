import type { Bulkhead } from '../../bulkhead.ts';
import type { FixedCost } from '../../billing/cost/fixed-costs.ts';
import type { AllocationRule } from '../../billing/cost/report.ts';
import { toFocusCsv } from '../../billing/focus.ts';
import { readMonth } from '../../billing/month.ts';
import type { Input } from '../../client/contract.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { parseUsd, toUsd } from '../../core/money.ts';
import { toCostCsv, toCostReportView, toInvoiceAnswer, toTenantCostView } from '../billing-views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';
import { toMonth } from './usage.ts';

type CostHandlers = Pick<
  OperatorHandlers,
  'listFixedCosts' | 'putFixedCost' | 'getCosts' | 'whatIf' | 'reconcileCosts' | 'getInvoice'
>;

/** How FOCUS names whoever runs this. */
const issuer = 'Bulkhead';

export function createCostHandlers(bulkhead: Bulkhead): CostHandlers {
  const { billing, registry } = bulkhead;
  const { costs } = billing;
  return {
    async listFixedCosts({ query }) {
      const month = query.month === undefined ? undefined : readMonth(query.month);
      return { items: (await billing.fixedCosts(month)).map(toFixedCostView) };
    },

    async putFixedCost({ body }, actor) {
      const { name, firstMonth, lastMonth, monthUsd } = body;
      const cost: FixedCost = {
        name,
        firstMonth: readMonth(firstMonth),
        lastMonth: lastMonth === undefined ? undefined : readMonth(lastMonth),
        monthNanoUsd: readUsd(monthUsd, 'monthUsd'),
      };
      return toFixedCostView(await billing.putFixedCost(cost, actor));
    },

    async getCosts({ query }) {
      const month = toMonth(bulkhead, query.month);
      const rule = await toRule(bulkhead, query);
      if (query.format === 'focus') return toFocusCsv(await costs.focus(month, rule, issuer));
      const report = await costs.report(month, rule);
      return query.format === 'csv' ? toCostCsv(report) : toCostReportView(report);
    },

    async whatIf({ params, query }) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      const { plan, priceVersion, isolation } = query;
      const answer = await costs.whatIf(toMonth(bulkhead, query.month), await toRule(bulkhead, query), {
        tenant: id,
        plan,
        priceVersion,
        isolation,
      });
      return {
        now: toTenantCostView(answer.now),
        after: toTenantCostView(answer.after),
        marginDifferenceUsd: toUsd(answer.marginDifferenceNanoUsd),
        because: [...answer.because],
      };
    },

    async reconcileCosts({ body }) {
      const month = readMonth(body.month);
      const found = await costs.reconcile(
        month,
        body.lines.map(({ meter, model, amount, usd }) => ({
          meter,
          model,
          amount: amount === undefined ? undefined : BigInt(amount),
          costNanoUsd: readUsd(usd, 'usd'),
        })),
      );
      return {
        month,
        ledgerUsd: toUsd(found.ledgerNanoUsd),
        invoiceUsd: toUsd(found.invoiceNanoUsd),
        differenceUsd: toUsd(found.differenceNanoUsd),
        differencePercent: found.differencePercent ?? null,
        isWithinTolerance: found.isWithinTolerance,
        lines: found.lines.map(({ meter, model, because, ...money }) => ({
          meter,
          model,
          ledgerUsd: toUsd(money.ledgerNanoUsd),
          invoiceUsd: toUsd(money.invoiceNanoUsd),
          differenceUsd: toUsd(money.differenceNanoUsd),
          because: [...because],
        })),
      };
    },

    async getInvoice({ params, query }) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      return toInvoiceAnswer(await costs.invoice(id, toMonth(bulkhead, query.month)), query.format);
    },
  };
}

function toFixedCostView({ name, firstMonth, lastMonth, monthNanoUsd }: FixedCost) {
  return { name, firstMonth, lastMonth: lastMonth ?? null, monthUsd: toUsd(monthNanoUsd) };
}

function readUsd(raw: string, field: string): bigint {
  const amount = parseUsd(raw);
  if (amount === undefined)
    throw new BulkheadError('value_invalid', {
      field,
      reason: 'a decimal number of dollars with at most nine places is expected',
    });
  return amount;
}

async function toRule(
  { registry }: Bulkhead,
  query: Pick<Input<'getCosts'>['query'], 'basis' | 'meter' | 'idlePercent' | 'weights'>,
): Promise<AllocationRule> {
  const { basis, meter, idlePercent, weights } = query;
  const given = new Map<TenantId, bigint>();
  for (const part of weights?.split(',') ?? []) {
    const [name = '', raw = ''] = part.split(':');
    const { id } = await findTenant(registry.tenants, name.trim());
    given.set(id, basis === 'fixed' ? readUsd(raw, 'weights') : readWeight(raw));
  }
  return { basis, meter, idlePercent, given };
}

function readWeight(raw: string): bigint {
  if (/^\d{1,18}$/.test(raw)) return BigInt(raw);
  throw new BulkheadError('value_invalid', { field: 'weights', reason: 'slug:30,slug:70 is expected' });
}
