import type { Bulkhead } from '../../bulkhead.ts';
import type { Meter } from '../../billing/meters.ts';
import { monthAt, readMonth, type Month } from '../../billing/month.ts';
import type { ListedEvent, UsageLine } from '../../billing/usage-reads.ts';
import type { TenantUsageView, UsageEventPageView, UsageLineView } from '../../client/schemas/billing.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { toUsd } from '../../core/money.ts';
import { toInvoiceAnswer } from '../billing-views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers, TenantHandlers } from './handler.ts';

const dayMs = 86_400_000;

type UsageHandlers = Pick<
  OperatorHandlers,
  | 'listUsage'
  | 'getTenantUsage'
  | 'listTenantUsageEvents'
  | 'cancelUsageEvent'
  | 'setBillingProfile'
  | 'ingestUsage'
  | 'listQuarantine'
  | 'releaseEvent'
  | 'discardEvent'
  | 'listMeters'
  | 'putMeter'
>;

export function createUsageHandlers(bulkhead: Bulkhead): UsageHandlers {
  const { billing, registry } = bulkhead;
  const { quarantine, meters } = billing;
  return {
    async listUsage({ query }) {
      const month = toMonth(bulkhead, query.month);
      const known = await meters.all();
      return { month, items: (await billing.lines(month)).map((line) => toLineView(line, known)) };
    },

    async getTenantUsage({ params, query }) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      return await readUsage(bulkhead, id, query.month);
    },

    async listTenantUsageEvents({ params, query }) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      return await readEventPage(bulkhead, id, query);
    },

    async cancelUsageEvent({ params }, actor) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      return { correction: await billing.cancel({ tenant: id, event: params.event }, actor) };
    },

    async setBillingProfile({ params, body }) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      await billing.setTimeZone(id, body.timeZone);
      return { timeZone: await billing.timeZone(id) };
    },

    async ingestUsage({ body }, actor) {
      const { accepted, quarantined } = await billing.ingest({ kind: 'operator', actor }, body);
      return { accepted, quarantined: [...quarantined] };
    },

    async listQuarantine({ query }) {
      const found = await quarantine.list(query.limit, query.cursor);
      return {
        items: found.map(({ tenant, at, ...rest }) => ({
          ...rest,
          tenant: tenant ?? null,
          at: at.toISOString(),
        })),
        nextCursor: found.length < query.limit ? null : (found.at(-1)?.id ?? null),
      };
    },

    async releaseEvent({ params }, actor) {
      await billing.release(params.event, actor);
    },

    async discardEvent({ params }, actor) {
      await quarantine.remove(params.event, 'discarded', actor);
    },

    async listMeters() {
      return { items: [...(await meters.all()).values()] };
    },

    async putMeter({ params, body }) {
      const known = (await meters.all()).get(params.meter);
      // What this program counts itself nobody else may report.
      if (known?.reporter === 'node')
        throw new BulkheadError('conflict', {
          field: 'meter',
          reason: 'it is a meter of the program itself',
        });
      return await meters.put({ ...body, meter: params.meter });
    },
  };
}

export function createOwnUsageHandlers(
  bulkhead: Bulkhead,
): Pick<TenantHandlers, 'myUsage' | 'myUsageEvents' | 'reportUsage' | 'myInvoice'> {
  const { billing } = bulkhead;
  return {
    myUsage: ({ query }, { scope }) => readUsage(bulkhead, scope.tenantId, query.month),
    myUsageEvents: ({ query }, { scope }) => readEventPage(bulkhead, scope.tenantId, query),
    async reportUsage({ body }, { scope }) {
      const sender = { kind: 'tenant', tenant: scope.tenantId, actor: scope.actor } as const;
      const { accepted, quarantined } = await billing.ingest(sender, body);
      return { accepted, quarantined: [...quarantined] };
    },
    async myInvoice({ query }, { scope }) {
      const invoice = await billing.costs.invoice(scope.tenantId, toMonth(bulkhead, query.month));
      return toInvoiceAnswer(invoice, query.format);
    },
  };
}

export function toMonth({ clock }: Pick<Bulkhead, 'clock'>, raw: string | undefined): Month {
  return raw === undefined ? monthAt(clock.nowMs()) : readMonth(raw);
}

async function readUsage(
  bulkhead: Bulkhead,
  tenant: TenantId,
  rawMonth: string | undefined,
): Promise<TenantUsageView> {
  const { billing } = bulkhead;
  const month = toMonth(bulkhead, rawMonth);
  const beginMs = Date.parse(`${month}-01T00:00:00Z`);
  const [known, lines, timeZone] = await Promise.all([
    billing.meters.all(),
    billing.lines(month, tenant),
    billing.timeZone(tenant),
  ]);
  // A day more on either side: the month of another zone begins and ends there.
  const days = await billing.days({
    tenant,
    from: new Date(beginMs - dayMs),
    to: new Date(beginMs + 32 * dayMs),
  });
  return {
    month,
    timeZone,
    costUsd: toUsd(lines.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)),
    unpricedEvents: lines.reduce((sum, { unpricedEvents }) => sum + unpricedEvents, 0),
    lines: lines.map((line) => toLineView(line, known)),
    days: days.map(({ day, meter, amount, costNanoUsd }) => ({
      day,
      meter,
      amount: amount.toString(),
      costUsd: toUsd(costNanoUsd),
    })),
  };
}

async function readEventPage(
  bulkhead: Bulkhead,
  tenant: TenantId,
  query: {
    readonly month?: string | undefined;
    readonly meter?: string | undefined;
    readonly model?: string | undefined;
    readonly limit: number;
    readonly cursor?: string | undefined;
  },
): Promise<UsageEventPageView> {
  const { month, meter, model, limit, cursor } = query;
  const found = await bulkhead.billing.events({
    tenant,
    month: toMonth(bulkhead, month),
    meter,
    model,
    limit,
    after: cursor,
  });
  return {
    items: found.map(toEventView),
    nextCursor: found.length < limit ? null : (found.at(-1)?.id ?? null),
  };
}

function toLineView(line: UsageLine, meters: ReadonlyMap<string, Meter>): UsageLineView {
  return {
    tenant: line.tenant,
    meter: line.meter,
    unit: meters.get(line.meter)?.unit ?? 'unit',
    model: line.model,
    rate: line.rate,
    events: line.events,
    amount: line.amount.toString(),
    costUsd: toUsd(line.costNanoUsd),
    unpricedEvents: line.unpricedEvents,
    unpricedAmount: line.unpricedAmount.toString(),
  };
}

function toEventView(event: ListedEvent): UsageEventPageView['items'][number] {
  return {
    id: event.id,
    at: event.at.toISOString(),
    meter: event.meter,
    amount: event.amount.toString(),
    model: event.model,
    rate: event.rate,
    costUsd: event.costNanoUsd === undefined ? null : toUsd(event.costNanoUsd),
    priceVersion: event.priceVersion ?? null,
    actor: event.actor,
    requestId: event.requestId ?? null,
    callId: event.callId ?? null,
    corrects: event.corrects ?? null,
  };
}
