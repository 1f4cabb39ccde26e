import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { parseUsd, type NanoUsd } from '../../core/money.ts';
import type { Plan } from '../../core/plan.ts';
import type { Month } from '../month.ts';
import type { PriceTable } from '../prices/price-table.ts';
import { saleOf } from '../prices/sale.ts';
import type { UsageLine } from '../usage-reads.ts';
import { allocate, allocateFixed, type Allocation } from './allocate.ts';

/** How fixed cost is divided: `proportional` is by what each one's usage cost, `usage` by an amount of a meter. */
export const bases = ['proportional', 'even', 'usage', 'storage', 'weighted', 'fixed'] as const;
export type Basis = (typeof bases)[number];

export interface AllocationRule {
  readonly basis: Basis;
  /** For `usage`; default `requests`. */
  readonly meter?: string | undefined;
  /** Per cent of fixed cost that is capacity nobody used, at most two places; default 0. */
  readonly idlePercent?: number | undefined;
  /** For `weighted`: weights by tenant. For `fixed`: dollars a month by tenant. */
  readonly given?: ReadonlyMap<TenantId, bigint> | undefined;
}

/** A tenant as far as cost goes. */
export interface Payer {
  readonly tenant: TenantId;
  readonly slug: string;
  readonly plan: Plan;
}

export interface TenantCost {
  readonly tenant: TenantId;
  readonly slug: string;
  readonly plan: string;
  readonly variableNanoUsd: NanoUsd;
  readonly fixedNanoUsd: NanoUsd;
  readonly totalNanoUsd: NanoUsd;
  /** What the tenant pays: its plan, and usage where there is a list of sale prices. */
  readonly priceNanoUsd: NanoUsd;
  /** Price − (variable + fixed). */
  readonly marginNanoUsd: NanoUsd;
  readonly queries: bigint;
  /** Events whose cost nobody knows yet. */
  readonly unpricedEvents: number;
}

export interface CostReport {
  readonly month: Month;
  readonly basis: Basis;
  readonly tenants: readonly TenantCost[];
  readonly fixedNanoUsd: NanoUsd;
  /** Of the fixed cost, what no tenant bears. */
  readonly idleNanoUsd: NanoUsd;
  readonly variableNanoUsd: NanoUsd;
  /** Variable + fixed: what the providers are paid. The tenants' totals and the idle line sum to it. */
  readonly totalNanoUsd: NanoUsd;
}

export interface ReportInput {
  readonly month: Month;
  readonly rule: AllocationRule;
  readonly payers: readonly Payer[];
  readonly lines: readonly UsageLine[];
  readonly fixedNanoUsd: NanoUsd;
  /** undefined = usage is included in the plan. */
  readonly sale: PriceTable | undefined;
}

/** @throws value_invalid where the rule says nothing that can be divided by */
export function toCostReport(input: ReportInput): CostReport {
  const { month, rule, payers, lines, fixedNanoUsd, sale } = input;
  const byTenant = Map.groupBy(lines, ({ tenant }) => tenant);
  const { shares, idleNanoUsd } = allocateByRule(input, byTenant);
  const tenants = payers.map(({ tenant, slug, plan }): TenantCost => {
    const own = byTenant.get(tenant) ?? [];
    const variable = sumOf(own, ({ costNanoUsd }) => costNanoUsd);
    const fixed = shares.get(tenant) ?? 0n;
    const price =
      (parseUsd(plan.priceUsd) ?? 0n) + sumOf(own, (line) => saleOf(line, sale).amountNanoUsd ?? 0n);
    return {
      tenant,
      slug,
      plan: plan.id,
      variableNanoUsd: variable,
      fixedNanoUsd: fixed,
      totalNanoUsd: variable + fixed,
      priceNanoUsd: price,
      marginNanoUsd: price - variable - fixed,
      queries: sumOf(own, ({ meter, amount }) => (meter === 'vector.queries' ? amount : 0n)),
      unpricedEvents: own.reduce((sum, { unpricedEvents }) => sum + unpricedEvents, 0),
    };
  });
  const variableNanoUsd = sumOf(tenants, (each) => each.variableNanoUsd);
  return {
    month,
    basis: rule.basis,
    tenants,
    fixedNanoUsd,
    idleNanoUsd,
    variableNanoUsd,
    totalNanoUsd: variableNanoUsd + fixedNanoUsd,
  };
}

/** Those that cost more than they pay, the worst first. */
export function lossMakers({ tenants }: CostReport): readonly TenantCost[] {
  return tenants
    .filter(({ marginNanoUsd }) => marginNanoUsd < 0n)
    .toSorted((a, b) => (a.marginNanoUsd < b.marginNanoUsd ? -1 : 1));
}

function allocateByRule(
  { rule, payers, fixedNanoUsd }: ReportInput,
  byTenant: ReadonlyMap<TenantId, readonly UsageLine[]>,
): Allocation {
  const { basis, given = new Map<TenantId, bigint>() } = rule;
  const unknown = [...given.keys()].find((tenant) => !payers.some((payer) => payer.tenant === tenant));
  if (unknown !== undefined)
    throw new BulkheadError('value_invalid', {
      field: 'weights',
      reason: 'names a tenant that is not there',
    });
  if (basis === 'fixed') return allocateFixed(fixedNanoUsd, given);
  const weightOf = (tenant: TenantId): bigint => {
    const own = byTenant.get(tenant) ?? [];
    const amountOf = (meter: string): bigint =>
      sumOf(own, (line) => (line.meter === meter ? line.amount : 0n));
    switch (basis) {
      case 'even':
        return 1n;
      case 'proportional':
        return sumOf(own, ({ costNanoUsd }) => costNanoUsd);
      case 'usage':
        return amountOf(rule.meter ?? 'requests');
      case 'storage':
        return amountOf('storage.byte_hours');
      case 'weighted':
        return given.get(tenant) ?? 0n;
    }
  };
  // A month that corrections have made negative bears no cost of others.
  const weights = new Map(
    payers.map(({ tenant }) => {
      const weight = weightOf(tenant);
      return [tenant, weight < 0n && basis !== 'weighted' ? 0n : weight];
    }),
  );
  return allocate(fixedNanoUsd, weights, Math.round((rule.idlePercent ?? 0) * 100));
}

function sumOf<Item>(items: readonly Item[], amount: (item: Item) => bigint): bigint {
  return items.reduce((sum, item) => sum + amount(item), 0n);
}
