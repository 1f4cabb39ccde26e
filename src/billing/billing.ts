import type { RowId, TenantId } from '../core/ids.ts';
import { toUsd } from '../core/money.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { Registry } from '../registry/registry.ts';
import { putFixedCost, readFixedCosts, type FixedCost } from './cost/fixed-costs.ts';
import { rerate, settleUnpriced, type Rerated, type RerateQuery } from './cost/rerate.ts';
import type { AllocationRule } from './cost/report.ts';
import { cancelEvent } from './corrections.ts';
import { createCosts, type CostSummary, type Costs } from './costs.ts';
import { ingest, type IngestReceipt, type Sender } from './ingest/ingest.ts';
import { Quarantine } from './ingest/quarantine.ts';
import { release } from './ingest/release.ts';
import { sampleStorage, type SamplerDeps } from './storage-sampler.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { MeterStore } from './meter-store.ts';
import { toMonth, type Month } from './month.ts';
import type { PriceStore } from './prices/price-store.ts';
import { recordCall, toLlmParts } from './record.ts';
import type { LlmUsage, RecordDeps, RecordedCost, UsedBy } from './record.ts';
import { readTimeZone, setTimeZone } from './time-zone.ts';
import { readDays, readEvents, readLines } from './usage-reads.ts';
import type { EventQuery, ListedEvent, UsageDay, UsageLine } from './usage-reads.ts';

export interface MonthlyCost {
  readonly month: Month;
  /** The zone that the month begins and ends in. */
  readonly timeZone: string;
  /** Dollars, exact, such as `12.00206`. */
  readonly cost: string;
  /** Events without a known price: the cost is not final while there are any. */
  readonly unpricedEvents: number;
}

/** Metering and cost. What it returns is as of now: what this node has recorded is written before it reads. */
export interface Billing {
  readonly ledger: Ledger;
  readonly meters: MeterStore;
  readonly prices: PriceStore;
  readonly costs: Costs;
  readonly quarantine: Quarantine;
  /**
   * One question: tokens embedded, tokens of a model at a mixed price, and the search itself. For models told apart, see
   * `logLlmUsage`.
   * @throws value_invalid, ledger_unavailable
   */
  trackQueryCost(usedBy: UsedBy, embedTokens: number, llmTokens: number): Promise<RecordedCost>;
  /** One call of a language model. @throws value_invalid, ledger_unavailable */
  logLlmUsage(usedBy: UsedBy, usage: LlmUsage): Promise<RecordedCost>;
  /** Any meter. @throws value_invalid where there is no such meter, ledger_unavailable */
  record(usedBy: UsedBy, used: { readonly meter: string; readonly amount: number }): Promise<RecordedCost>;
  /** Cost of usage in a calendar month of a year, in the tenant's time zone. @param month 1 to 12 */
  getMonthlyCost(tenant: TenantId, year: number, month: number): Promise<MonthlyCost>;
  /** What a tenant's usage and its share of fixed cost come to. Default: this month, by what usage cost. @throws tenant_not_found */
  getTenantCostSummary(tenant: TenantId, month?: Month, rule?: AllocationRule): Promise<CostSummary>;
  lines(month: Month, tenant?: TenantId): Promise<readonly UsageLine[]>;
  days(query: {
    readonly tenant: TenantId;
    readonly from: Date;
    readonly to: Date;
  }): Promise<readonly UsageDay[]>;
  /** Events that a line is the sum of. */
  events(query: EventQuery): Promise<readonly ListedEvent[]>;
  /** Takes an event back. @returns id of the correction @throws not_found, value_invalid */
  cancel(target: { readonly tenant: TenantId; readonly event: string }, actor: Actor): Promise<RowId>;
  /** CloudEvents of a user's own meters. @throws request_invalid, ledger_unavailable */
  ingest(sender: Sender, batch: unknown): Promise<IngestReceipt>;
  /** @throws not_found; value_invalid where the event still cannot be counted */
  release(event: string, actor: Actor): Promise<void>;
  /** What a month would cost under another version of the price list, event by event. @throws not_found */
  rerate(query: RerateQuery): Promise<readonly Rerated[]>;
  /** Prices the events of a month that have no price. @returns how many @throws not_found */
  settleUnpriced(query: RerateQuery): Promise<number>;
  fixedCosts(month?: Month): Promise<readonly FixedCost[]>;
  /** @throws value_invalid */
  putFixedCost(cost: FixedCost, actor: Actor): Promise<FixedCost>;
  /** Measures what tenants keep, where no node has done so this hour. @returns events recorded */
  sampleStorage(): Promise<number>;
  timeZone(tenant: TenantId): Promise<string>;
  /** @throws value_invalid */
  setTimeZone(tenant: TenantId, zone: string): Promise<void>;
}

export interface BillingDeps extends RecordDeps {
  readonly admin: AdminDatabase;
  readonly registry: Pick<Registry, 'tenants' | 'plans' | 'directory'>;
  readonly compartments: SamplerDeps['compartments'];
  readonly log: SamplerDeps['log'];
}

export function createBilling(deps: BillingDeps): Billing {
  const { admin, ledger, meters, prices, registry } = deps;
  const quarantine = new Quarantine(admin);
  const taking = { ...deps, quarantine, tenants: registry.directory };
  const costs = createCosts({ ...deps, flush: () => ledger.flush() });
  const lines: Billing['lines'] = async (month, tenant) => {
    await ledger.flush();
    return await readLines(admin, month, tenant);
  };
  return {
    ledger,
    meters,
    prices,
    costs,
    quarantine,
    lines,
    getTenantCostSummary: (tenant, month, rule) => costs.summary(tenant, month, rule),
    ingest: (sender, batch) => ingest(taking, sender, batch),
    release: (event, actor) => release(taking, event, actor),
    async rerate(query) {
      (await prices.book()).version(query.version);
      await ledger.flush();
      return await rerate(admin, query);
    },
    async settleUnpriced(query) {
      (await prices.book()).version(query.version);
      await ledger.flush();
      return await settleUnpriced(admin, query);
    },
    fixedCosts: (month) => readFixedCosts(admin, month),
    putFixedCost: (cost, actor) => putFixedCost(admin, cost, actor),
    sampleStorage: () => sampleStorage({ ...deps, tenants: registry.tenants }),
    trackQueryCost: (usedBy, embedTokens, llmTokens) =>
      recordCall(deps, {
        usedBy,
        callId: undefined,
        parts: [
          { question: { meter: 'embedding.tokens', model: '' }, amount: embedTokens },
          { question: { meter: 'llm.tokens', model: '' }, amount: llmTokens },
          { question: { meter: 'vector.queries', model: '' }, amount: 1 },
        ],
      }),
    logLlmUsage: (usedBy, usage) =>
      recordCall(deps, { usedBy, callId: usage.callId, parts: toLlmParts(usage) }),
    record: (usedBy, { meter, amount }) =>
      recordCall(deps, { usedBy, callId: undefined, parts: [{ question: { meter, model: '' }, amount }] }),
    async getMonthlyCost(tenant, year, number) {
      const month = toMonth(year, number);
      const found = await lines(month, tenant);
      return {
        month,
        timeZone: await readTimeZone(admin, tenant),
        cost: toUsd(found.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)),
        unpricedEvents: found.reduce((sum, { unpricedEvents }) => sum + unpricedEvents, 0),
      };
    },
    async days(query) {
      await ledger.flush();
      return await readDays(admin, query);
    },
    async events(query) {
      await ledger.flush();
      return await readEvents(admin, query);
    },
    cancel: (target, actor) => cancelEvent({ admin, ledger }, target, actor),
    timeZone: (tenant) => readTimeZone(admin, tenant),
    async setTimeZone(tenant, zone) {
      await ledger.flush();
      await setTimeZone(admin, tenant, zone);
    },
  };
}
