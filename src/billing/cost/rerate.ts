import { z } from 'zod';
import type { TenantId } from '../../core/ids.ts';
import type { NanoUsd } from '../../core/money.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { integer, parseRow, tenantId } from '../../registry/row-parts.ts';
import { toFirstDay, type Month } from '../month.ts';
import { wide } from '../usage-reads.ts';

/** What a tenant's month would cost under another version of the price list, event by event. */
export interface Rerated {
  readonly tenant: TenantId;
  readonly meter: string;
  readonly model: string;
  readonly events: number;
  readonly amount: bigint;
  readonly beforeNanoUsd: NanoUsd;
  readonly afterNanoUsd: NanoUsd;
  /** Events that the other version has no price for; their old cost is in neither sum. */
  readonly unpricedEvents: number;
}

// Under the rate that each event was recorded with, and rounded as it was: an event at a time.
const ratedText = `from bulkhead.usage_event e
  left join bulkhead.billing_profile z on z.tenant_id = e.tenant_id
  left join bulkhead.price exact on exact.version = $2 and exact.meter = e.meter and exact.model = e.model and exact.rate = e.rate
  left join bulkhead.price plain on exact.version is null and plain.version = $2 and plain.meter = e.meter
    and plain.model = regexp_replace(e.model, '^.*/', '') and plain.rate = e.rate
  where date_trunc('month', e.at at time zone coalesce(z.time_zone, 'UTC')) = $1::date
    and e.id >= bulkhead.usage_bound($1::timestamptz - interval '2 days')
    and ($3::uuid is null or e.tenant_id = $3) and (e.price_version is not null or e.cost_nano_usd is null)`;
const priceText = 'coalesce(exact.usd_per_unit, plain.usd_per_unit)';

const rerateText = `select e.tenant_id::text as tenant, e.meter, e.model, count(*)::text as events, sum(e.amount)::text as amount,
    coalesce(sum(e.cost_nano_usd) filter (where ${priceText} is not null), 0)::text as "beforeNanoUsd",
    coalesce(sum(round(e.amount * ${priceText} * 1000000000)), 0)::text as "afterNanoUsd",
    (count(*) filter (where ${priceText} is null))::text as "unpricedEvents"
  ${ratedText} group by 1, 2, 3 order by 1, 2, 3`;

const shape: z.ZodType<Rerated> = z.object({
  tenant: tenantId,
  meter: z.string(),
  model: z.string(),
  events: integer,
  amount: wide,
  beforeNanoUsd: wide,
  afterNanoUsd: wide,
  unpricedEvents: integer,
});

export interface RerateQuery {
  readonly month: Month;
  readonly version: number;
  readonly tenant?: TenantId | undefined;
}

/** Changes nothing. */
export async function rerate(admin: AdminDatabase, query: RerateQuery): Promise<readonly Rerated[]> {
  const { rows } = await admin.query(rerateText, toValues(query));
  return rows.map((row) => parseRow('usage_event', shape, row));
}

// The one change that an event ever sees: a price that was not known becomes known. The sums change in the same statement.
const settleText = `with priced as (
    select e.id, round(e.amount * ${priceText} * 1000000000)::bigint as cost ${ratedText}
      and e.cost_nano_usd is null and ${priceText} is not null for update of e),
  settled as (
    update bulkhead.usage_event e set cost_nano_usd = p.cost, price_version = $2 from priced p where e.id = p.id
      and e.cost_nano_usd is null
    returning e.tenant_id, e.at, e.meter, e.model, e.rate, e.amount, e.cost_nano_usd,
      case when e.corrects is null then 1 else -1 end as events),
  hours as (
    update bulkhead.usage_hour h set cost_nano_usd = h.cost_nano_usd + s.cost, unpriced_events = h.unpriced_events - s.events,
      unpriced_amount = h.unpriced_amount - s.amount
    from (select tenant_id, date_trunc('hour', at, 'UTC') as hour, meter, model, rate, sum(cost_nano_usd) as cost,
        sum(events) as events, sum(amount) as amount from settled group by 1, 2, 3, 4, 5) s
    where (h.tenant_id, h.hour, h.meter, h.model, h.rate) = (s.tenant_id, s.hour, s.meter, s.model, s.rate)),
  months as (
    update bulkhead.usage_month m set cost_nano_usd = m.cost_nano_usd + s.cost, unpriced_events = m.unpriced_events - s.events,
      unpriced_amount = m.unpriced_amount - s.amount
    from (select tenant_id, meter, model, rate, sum(cost_nano_usd) as cost, sum(events) as events, sum(amount) as amount
      from settled group by 1, 2, 3, 4) s
    where m.month = $1::date and (m.tenant_id, m.meter, m.model, m.rate) = (s.tenant_id, s.meter, s.model, s.rate))
  select count(*)::int as settled from settled`;

/** Gives the events of a month that have no price the one of a version. @returns how many it had a price for */
export async function settleUnpriced(admin: AdminDatabase, query: RerateQuery): Promise<number> {
  const { rows } = await admin.query<{ settled: number }>(settleText, toValues(query));
  return rows[0]?.settled ?? 0;
}

function toValues({ month, version, tenant }: RerateQuery): readonly unknown[] {
  return [toFirstDay(month), version, tenant ?? null];
}
