import type { z } from 'zod';
import type { CostReport, TenantCost } from '../billing/cost/report.ts';
import { lossMakers } from '../billing/cost/report.ts';
import { toCsv } from '../billing/csv.ts';
import type { Invoice } from '../billing/invoice/invoice.ts';
import { toDollars, toInvoiceCsv, toInvoiceHtml } from '../billing/invoice/render.ts';
import type { PriceVersion } from '../billing/prices/price-table.ts';
import type { InvoiceView, PriceVersionView, TenantCostView } from '../client/schemas/billing.ts';
import { toUsd } from '../core/money.ts';

/** What the API shows of money: decimal dollars, exact. */

export function toInvoiceAnswer(
  invoice: Invoice,
  format: 'json' | 'html' | 'csv',
): z.input<typeof InvoiceView> {
  if (format === 'html') return toInvoiceHtml(invoice);
  if (format === 'csv') return toInvoiceCsv(invoice);
  const { number, tenant, month, timeZone, currency, state, lines, totalNanoUsd, dueCents } = invoice;
  return {
    number,
    tenant: { id: tenant.id, slug: tenant.slug, name: tenant.name },
    month,
    timeZone,
    currency,
    state,
    lines: lines.map(({ quantity, unitUsd, amountNanoUsd, ...rest }) => ({
      ...rest,
      quantity: quantity.toString(),
      unitUsd: unitUsd ?? null,
      amountUsd: amountNanoUsd === undefined ? null : toUsd(amountNanoUsd),
    })),
    totalUsd: toUsd(totalNanoUsd),
    dueUsd: toDollars(dueCents),
    priceVersion: invoice.priceVersion ?? null,
  };
}

export function toTenantCostView(cost: TenantCost): TenantCostView {
  return {
    tenant: cost.tenant,
    slug: cost.slug,
    plan: cost.plan,
    variableUsd: toUsd(cost.variableNanoUsd),
    fixedUsd: toUsd(cost.fixedNanoUsd),
    totalUsd: toUsd(cost.totalNanoUsd),
    priceUsd: toUsd(cost.priceNanoUsd),
    marginUsd: toUsd(cost.marginNanoUsd),
    queries: cost.queries.toString(),
    unpricedEvents: cost.unpricedEvents,
  };
}

export function toCostReportView(report: CostReport) {
  return {
    month: report.month,
    basis: report.basis,
    variableUsd: toUsd(report.variableNanoUsd),
    fixedUsd: toUsd(report.fixedNanoUsd),
    idleUsd: toUsd(report.idleNanoUsd),
    totalUsd: toUsd(report.totalNanoUsd),
    tenants: report.tenants.map(toTenantCostView),
    lossMakers: lossMakers(report).map(({ slug }) => slug),
  };
}

/** One tenant a row, and the idle line last, so that the column of totals sums to what was paid. */
export function toCostCsv(report: CostReport): string {
  const columns = [
    'month',
    'tenant',
    'slug',
    'plan',
    'variable_usd',
    'fixed_usd',
    'total_usd',
    'price_usd',
    'margin_usd',
    'queries',
    'unpriced_events',
  ];
  const rows = report.tenants.map((cost) => {
    const view = toTenantCostView(cost);
    const { tenant, slug, plan, variableUsd, fixedUsd, totalUsd, priceUsd, marginUsd, queries } = view;
    const money = [variableUsd, fixedUsd, totalUsd, priceUsd, marginUsd];
    return [report.month, tenant, slug, plan, ...money, queries, view.unpricedEvents.toString()];
  });
  const idle = toUsd(report.idleNanoUsd);
  return toCsv(columns, [...rows, [report.month, undefined, 'idle', undefined, undefined, idle, idle]]);
}

export function toPriceVersionView(version: PriceVersion): PriceVersionView {
  return {
    version: version.version,
    list: version.list,
    name: version.name,
    source: version.source,
    validFrom: new Date(version.validFromMs).toISOString(),
    validUntil: version.validUntilMs === undefined ? null : new Date(version.validUntilMs).toISOString(),
  };
}
