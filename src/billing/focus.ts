import { toUsd, type NanoUsd } from '../core/money.ts';
import type { CostReport } from './cost/report.ts';
import { toCsv } from './csv.ts';
import type { Meter } from './meters.ts';
import type { UsageLine } from './usage-reads.ts';

/** FinOps Open Cost and Usage Specification 1.2: the columns that a report of shared cost has something for. */
const columns = [
  'BilledCost',
  'BillingAccountId',
  'BillingAccountName',
  'BillingAccountType',
  'BillingCurrency',
  'BillingPeriodEnd',
  'BillingPeriodStart',
  'ChargeCategory',
  'ChargeClass',
  'ChargeDescription',
  'ChargeFrequency',
  'ChargePeriodEnd',
  'ChargePeriodStart',
  'ConsumedQuantity',
  'ConsumedUnit',
  'ContractedCost',
  'EffectiveCost',
  'InvoiceIssuerName',
  'ListCost',
  'PricingCategory',
  'PricingQuantity',
  'PricingUnit',
  'ProviderName',
  'PublisherName',
  'ServiceCategory',
  'ServiceName',
  'SkuId',
  'SkuMeter',
  'SkuPriceId',
  'SubAccountId',
  'SubAccountName',
  'SubAccountType',
  'Tags',
] as const;

export type FocusRow = Readonly<Record<(typeof columns)[number], string | undefined>>;

export interface FocusInput {
  readonly report: CostReport;
  readonly lines: readonly UsageLine[];
  readonly meters: ReadonlyMap<string, Meter>;
  /** Who runs the platform, as invoices name them. */
  readonly issuer: string;
}

/**
 * What a month has cost, a row for each tenant's usage by meter and model, one for each tenant's share of fixed cost, and
 * one for what is idle. The rows sum to the report's total to the nano-dollar. Periods are months in UTC.
 */
export function toFocusRows(input: FocusInput): readonly FocusRow[] {
  const { report, lines } = input;
  const slugs = new Map(report.tenants.map(({ tenant, slug }) => [tenant as string, slug]));
  const usage = lines
    .filter(({ tenant, costNanoUsd }) => costNanoUsd !== 0n && slugs.has(tenant))
    .map((line) => toUsageRow(line, slugs.get(line.tenant) ?? '', input));
  const shares = report.tenants
    .filter(({ fixedNanoUsd }) => fixedNanoUsd !== 0n)
    .map(({ tenant, slug, fixedNanoUsd }) =>
      toSharedRow(input, {
        cost: fixedNanoUsd,
        text: `Share of fixed cost, by ${report.basis}`,
        account: { id: tenant, name: slug },
      }),
    );
  const idle =
    report.idleNanoUsd === 0n
      ? []
      : [
          toSharedRow(input, {
            cost: report.idleNanoUsd,
            text: 'Fixed cost that nobody used',
            account: undefined,
          }),
        ];
  return [...usage, ...shares, ...idle];
}

export function toFocusCsv(rows: readonly FocusRow[]): string {
  return toCsv(
    columns,
    rows.map((row) => columns.map((column) => row[column])),
  );
}

function toUsageRow(line: UsageLine, slug: string, input: FocusInput): FocusRow {
  const { meter, model, rate, amount, costNanoUsd } = line;
  const unit = toUnit(input.meters.get(meter)?.unit ?? 'unit');
  const sku = [meter, model, rate].filter((part) => part !== '').join('/');
  return {
    ...commonOf(input, costNanoUsd),
    ChargeCategory: 'Usage',
    // Corrections of the same month are in the sum; a sum that they have made negative is one.
    ChargeClass: amount < 0n ? 'Correction' : undefined,
    ChargeDescription: `${meter} ${model}`.trim(),
    ChargeFrequency: 'Usage-Based',
    ConsumedQuantity: amount.toString(),
    ConsumedUnit: unit,
    PricingCategory: 'Standard',
    PricingQuantity: amount.toString(),
    PricingUnit: unit,
    ...serviceOf(meter),
    SkuId: sku,
    SkuMeter: meter,
    SkuPriceId: sku,
    SubAccountId: line.tenant,
    SubAccountName: slug,
    SubAccountType: 'Tenant',
    Tags: JSON.stringify(line.unpricedEvents === 0 ? {} : { unpriced_events: `${line.unpricedEvents}` }),
  };
}

function toSharedRow(
  input: FocusInput,
  share: {
    readonly cost: NanoUsd;
    readonly text: string;
    readonly account: { readonly id: string; readonly name: string } | undefined;
  },
): FocusRow {
  return {
    ...commonOf(input, share.cost),
    ChargeCategory: 'Purchase',
    ChargeClass: undefined,
    ChargeDescription: share.text,
    ChargeFrequency: 'Recurring',
    ConsumedQuantity: undefined,
    ConsumedUnit: undefined,
    PricingCategory: 'Other',
    PricingQuantity: '1',
    PricingUnit: 'Months',
    ServiceCategory: 'Other',
    ServiceName: 'Shared platform',
    SkuId: 'fixed',
    SkuMeter: 'fixed',
    SkuPriceId: 'fixed',
    SubAccountId: share.account?.id,
    SubAccountName: share.account?.name,
    SubAccountType: share.account === undefined ? undefined : 'Tenant',
    Tags: JSON.stringify({ allocation: input.report.basis }),
  };
}

function commonOf({ report, issuer }: FocusInput, cost: NanoUsd) {
  const [start, end] = toPeriod(report.month);
  const usd = toUsd(cost);
  return {
    BilledCost: usd,
    BillingAccountId: 'bulkhead',
    BillingAccountName: issuer,
    BillingAccountType: 'Platform',
    BillingCurrency: 'USD',
    BillingPeriodEnd: end,
    BillingPeriodStart: start,
    ChargePeriodEnd: end,
    ChargePeriodStart: start,
    ContractedCost: usd,
    EffectiveCost: usd,
    InvoiceIssuerName: issuer,
    ListCost: usd,
    ProviderName: issuer,
    PublisherName: issuer,
  };
}

function toPeriod(month: string): readonly [string, string] {
  const [year = 0, number = 1] = month.split('-').map(Number);
  const iso = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 19)}Z`;
  return [iso(Date.UTC(year, number - 1, 1)), iso(Date.UTC(year, number, 1))];
}

/** Units of FOCUS are capitalised and plural. */
function toUnit(unit: string): string {
  return unit
    .split('_')
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('-')
    .replace(/(?<!s)$/, 's')
    .replace(/ys$/, 'ies');
}

function serviceOf(meter: string): Pick<FocusRow, 'ServiceCategory' | 'ServiceName'> {
  const [family = meter] = meter.split('.');
  if (['llm', 'embedding', 'audio'].includes(family))
    return {
      ServiceCategory: 'AI and Machine Learning',
      ServiceName: 'Language models',
    };
  if (family === 'vector' || family === 'search')
    return {
      ServiceCategory: 'AI and Machine Learning',
      ServiceName: 'Search',
    };
  if (family === 'db') return { ServiceCategory: 'Databases', ServiceName: 'Rows' };
  if (family === 'storage') return { ServiceCategory: 'Storage', ServiceName: 'Storage' };
  return { ServiceCategory: 'Other', ServiceName: family };
}
