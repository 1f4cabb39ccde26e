import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { parseUsd, toUsd, type NanoUsd } from '../core/money.ts';
import type { Isolation } from '../core/placement.ts';
import type { Tenant } from '../core/tenant.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { Registry } from '../registry/registry.ts';
import { costOf, publishedCosts, type Way } from './advise/cost-table.ts';
import { readFixedCosts } from './cost/fixed-costs.ts';
import { reconcile, type ProviderLine, type Reconciliation } from './cost/reconcile.ts';
import {
  toCostReport,
  type AllocationRule,
  type CostReport,
  type Payer,
  type TenantCost,
} from './cost/report.ts';
import { rerate } from './cost/rerate.ts';
import { toFocusRows, type FocusRow } from './focus.ts';
import { toInvoice, type Invoice } from './invoice/invoice.ts';
import type { MeterStore } from './meter-store.ts';
import { monthAt, type Month } from './month.ts';
import type { PriceStore } from './prices/price-store.ts';
import type { PriceTable } from './prices/price-table.ts';
import { readTimeZone } from './time-zone.ts';
import { readLines } from './usage-reads.ts';
import type { Clock } from '../core/clock.ts';

/** R131, in dollars, exact. */
export interface CostSummary {
  readonly variable_cost: string;
  readonly fixed_cost: string;
  readonly total_cost: string;
  readonly query_count: number;
}

export interface WhatIf {
  readonly tenant: TenantId;
  /** Id or alias of another plan. */
  readonly plan?: string | undefined;
  /** Version of the list of cost prices. */
  readonly priceVersion?: number | undefined;
  readonly isolation?: Isolation | undefined;
}

export interface WhatIfAnswer {
  readonly now: TenantCost;
  readonly after: TenantCost;
  readonly marginDifferenceNanoUsd: NanoUsd;
  readonly because: readonly string[];
}

/** What tenants cost and pay. */
export interface Costs {
  report(month: Month, rule: AllocationRule): Promise<CostReport>;
  /** The sums of one tenant; default this month, fixed cost by what usage cost. @throws tenant_not_found */
  summary(tenant: TenantId, month?: Month, rule?: AllocationRule): Promise<CostSummary>;
  reconcile(month: Month, invoice: readonly ProviderLine[]): Promise<Reconciliation>;
  /** The tenant's month as it would have been. @throws tenant_not_found, plan_unknown, not_found */
  whatIf(month: Month, rule: AllocationRule, change: WhatIf): Promise<WhatIfAnswer>;
  /** @throws tenant_not_found */
  invoice(tenant: TenantId, month: Month): Promise<Invoice>;
  focus(month: Month, rule: AllocationRule, issuer: string): Promise<readonly FocusRow[]>;
}

export interface CostDeps {
  readonly admin: AdminDatabase;
  readonly clock: Clock;
  readonly meters: MeterStore;
  readonly prices: PriceStore;
  readonly registry: Pick<Registry, 'tenants' | 'plans'>;
  /** What this node has recorded is in the database when it resolves. */
  readonly flush: () => Promise<void>;
}

const byCost: AllocationRule = { basis: 'proportional' };

export function createCosts(deps: CostDeps): Costs {
  const { admin, registry, clock } = deps;
  const report: Costs['report'] = async (month, rule) => {
    await deps.flush();
    const [payers, lines, fixed, sale] = await Promise.all([
      readPayers(registry),
      readLines(admin, month),
      readFixedCosts(admin, month),
      saleAt(deps, month),
    ]);
    const fixedNanoUsd = fixed.reduce((sum, { monthNanoUsd }) => sum + monthNanoUsd, 0n);
    return toCostReport({ month, rule, payers, lines, fixedNanoUsd, sale });
  };
  return {
    report,
    async summary(tenant, month = monthAt(clock.nowMs()), rule = byCost) {
      const { variableNanoUsd, fixedNanoUsd, totalNanoUsd, queries } = findCost(
        await report(month, rule),
        tenant,
      );
      return {
        variable_cost: toUsd(variableNanoUsd),
        fixed_cost: toUsd(fixedNanoUsd),
        total_cost: toUsd(totalNanoUsd),
        query_count: Number(queries),
      };
    },
    async reconcile(month, invoice) {
      await deps.flush();
      return reconcile(await readLines(admin, month), invoice);
    },
    async whatIf(month, rule, change) {
      const now = findCost(await report(month, rule), change.tenant);
      return await imagine(deps, { month, now, change });
    },
    async invoice(tenant, month) {
      await deps.flush();
      const found = await findTenant(registry, tenant);
      const [plan, timeZone, lines, meters, sale] = await Promise.all([
        readPlan(registry, found.plan),
        readTimeZone(admin, tenant),
        readLines(admin, month, tenant),
        deps.meters.all(),
        saleAt(deps, month),
      ]);
      const isOver = monthAt(clock.nowMs(), timeZone) > month;
      return toInvoice({ tenant: found, plan, month, timeZone, isOver, lines, meters, sale });
    },
    async focus(month, rule, issuer) {
      const made = await report(month, rule);
      const [lines, meters] = await Promise.all([readLines(admin, month), deps.meters.all()]);
      return toFocusRows({ report: made, lines, meters, issuer });
    },
  };
}

/** The version that held when the month began, by UTC: a month is not charged by two lists. */
async function saleAt({ prices }: CostDeps, month: Month): Promise<PriceTable | undefined> {
  return (await prices.book()).at('sale', Date.parse(`${month}-01T00:00:00Z`));
}

function findCost({ tenants }: CostReport, tenant: TenantId): TenantCost {
  const found = tenants.find((each) => each.tenant === tenant);
  if (found === undefined) throw new BulkheadError('tenant_not_found');
  return found;
}

async function findTenant(registry: CostDeps['registry'], id: TenantId): Promise<Tenant> {
  const found = await registry.tenants.read(id);
  if (found === undefined) throw new BulkheadError('tenant_not_found');
  return found;
}

async function readPlan(registry: CostDeps['registry'], name: string): Promise<Payer['plan']> {
  const plan = await registry.plans.read(name);
  if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: name });
  return plan;
}

/** Whoever bears cost: all but those that never came to be. A tenant that is gone has paid its last month. */
async function readPayers(registry: CostDeps['registry']): Promise<readonly Payer[]> {
  const plans = new Map((await registry.plans.list()).map((plan) => [plan.id, plan]));
  const payers: Payer[] = [];
  let cursor: string | undefined;
  do {
    const page = await registry.tenants.list({ limit: 200, cursor });
    for (const { id, slug, plan: name, state } of page.tenants) {
      const plan = plans.get(name);
      if (state !== 'provisioning' && state !== 'deleted' && plan !== undefined)
        payers.push({ tenant: id, slug, plan });
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return payers;
}

const wayOf: Readonly<Record<Isolation, Way>> = {
  shared: 'namespace',
  schema: 'namespace',
  database: 'database',
  dedicated: 'single',
};

async function imagine(
  deps: CostDeps,
  asked: { readonly month: Month; readonly now: TenantCost; readonly change: WhatIf },
): Promise<WhatIfAnswer> {
  const { now, change, month } = asked;
  const because: string[] = [];
  let [price, variable, fixed] = [now.priceNanoUsd, now.variableNanoUsd, now.fixedNanoUsd];
  let plan = now.plan;
  if (change.plan !== undefined) {
    const [before, after] = [
      await readPlan(deps.registry, now.plan),
      await readPlan(deps.registry, change.plan),
    ];
    price += (parseUsd(after.priceUsd) ?? 0n) - (parseUsd(before.priceUsd) ?? 0n);
    plan = after.id;
    because.push(`plan ${after.id} is ${after.priceUsd} USD a month and ${before.id} ${before.priceUsd}`);
  }
  if (change.priceVersion !== undefined) {
    (await deps.prices.book()).version(change.priceVersion);
    const lines = await rerate(deps.admin, { month, version: change.priceVersion, tenant: now.tenant });
    const difference = lines.reduce((sum, line) => sum + line.afterNanoUsd - line.beforeNanoUsd, 0n);
    variable += difference;
    because.push(`usage under price version ${change.priceVersion}: ${toUsd(difference)} USD`);
  }
  if (change.isolation !== undefined) {
    const tenant = await findTenant(deps.registry, now.tenant);
    const count = (await readPayers(deps.registry)).length;
    const eachOf = (isolation: Isolation): NanoUsd =>
      costOf(count, publishedCosts[wayOf[isolation]]) / BigInt(count);
    const difference = eachOf(change.isolation) - eachOf(tenant.isolation);
    fixed += difference;
    because.push(
      `${change.isolation} instead of ${tenant.isolation}, by the published costs for ${count} tenants: ${toUsd(difference)} USD`,
    );
  }
  const after: TenantCost = {
    ...now,
    plan,
    priceNanoUsd: price,
    variableNanoUsd: variable,
    fixedNanoUsd: fixed,
    totalNanoUsd: variable + fixed,
    marginNanoUsd: price - variable - fixed,
  };
  return { now, after, marginDifferenceNanoUsd: after.marginNanoUsd - now.marginNanoUsd, because };
}
