import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import { parseRowId, type RowId, type TenantId } from '../core/ids.ts';
import type { NanoUsd } from '../core/money.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { instant, integer, nullable, parseRow, tenantId } from '../registry/row-parts.ts';
import { toFirstDay, type Month } from './month.ts';

/** What one tenant used of one meter, model and rate within a month. */
export interface UsageLine {
  readonly tenant: TenantId;
  readonly month: string;
  readonly meter: string;
  readonly model: string;
  readonly rate: string;
  readonly events: number;
  readonly amount: bigint;
  /** Of the part that has a price. */
  readonly costNanoUsd: NanoUsd;
  /** Events whose price nobody knew. A sum with such events is not final. */
  readonly unpricedEvents: number;
  readonly unpricedAmount: bigint;
}

export interface UsageDay {
  readonly day: string;
  readonly meter: string;
  readonly amount: bigint;
  readonly costNanoUsd: NanoUsd;
}

export interface ListedEvent {
  readonly id: string;
  readonly at: Date;
  readonly meter: string;
  readonly amount: bigint;
  readonly model: string;
  readonly rate: string;
  readonly costNanoUsd: NanoUsd | undefined;
  readonly priceVersion: number | undefined;
  readonly actor: string;
  readonly requestId: string | undefined;
  readonly callId: string | undefined;
  readonly corrects: string | undefined;
}

export interface EventQuery {
  readonly tenant: TenantId;
  readonly month: Month;
  readonly meter?: string | undefined;
  readonly model?: string | undefined;
  readonly limit: number;
  /** The id that the page before ended with. */
  readonly after?: string | undefined;
}

/** numeric(38, 0) arrives as text from either database. */
export const wide = z
  .union([z.string().regex(/^-?\d+$/), z.number().int(), z.bigint()])
  .transform((value) => BigInt(value));

const lineShape: z.ZodType<UsageLine> = z.object({
  tenant: tenantId,
  month: z.string(),
  meter: z.string(),
  model: z.string(),
  rate: z.string(),
  events: integer,
  amount: wide,
  costNanoUsd: wide,
  unpricedEvents: integer,
  unpricedAmount: wide,
});

const linesText = `select tenant_id::text as tenant, to_char(month, 'YYYY-MM') as month, meter, model, rate, events::text,
    amount::text, cost_nano_usd::text as "costNanoUsd", unpriced_events::text as "unpricedEvents",
    unpriced_amount::text as "unpricedAmount"
  from bulkhead.usage_month
  where month = $1::date and ($2::uuid is null or tenant_id = $2)
  order by tenant_id, meter, model, rate`;

// Hours begin on the hour of UTC, and a day in another zone may not; where it matters, ask for events.
const daysText = `select to_char(hour at time zone 'UTC', 'YYYY-MM-DD') as day, meter, sum(amount)::text as amount,
    sum(cost_nano_usd)::text as "costNanoUsd"
  from bulkhead.usage_hour
  where tenant_id = $1 and hour >= $2::timestamptz and hour < $3::timestamptz
  group by 1, 2 order by 1, 2`;

const zoneText = `coalesce((select time_zone from bulkhead.billing_profile where tenant_id = $1), 'UTC')`;
const eventColumns = `id::text, at, meter, amount::text, model, rate, cost_nano_usd::text as "costNanoUsd",
    price_version as "priceVersion", actor_kind || ':' || actor_id as actor, request_id as "requestId",
    call_id as "callId", corrects::text`;
const eventsText = `select ${eventColumns} from bulkhead.usage_event
  where tenant_id = $1 and date_trunc('month', at at time zone ${zoneText}) = $2::date
    -- Ids are times: partitions that cannot hold the month are not looked at. Corrections are written later.
    and id >= bulkhead.usage_bound($2::timestamptz - interval '2 days')
    and ($3::text is null or meter = $3) and ($4::text is null or model = $4) and ($5::uuid is null or id > $5)
  order by id limit $6::int`;
const eventText = `select ${eventColumns} from bulkhead.usage_event where tenant_id = $1 and id = $2`;

const eventShape: z.ZodType<ListedEvent> = z.object({
  id: z.string(),
  at: instant,
  meter: z.string(),
  amount: wide,
  model: z.string(),
  rate: z.string(),
  costNanoUsd: nullable(wide),
  priceVersion: nullable(integer),
  actor: z.string(),
  requestId: nullable(z.string()),
  callId: nullable(z.string()),
  corrects: nullable(z.string()),
});

const dayShape: z.ZodType<UsageDay> = z.object({
  day: z.string(),
  meter: z.string(),
  amount: wide,
  costNanoUsd: wide,
});

/** Lines of all tenants, or of one, in the month of each one's own time zone. */
export async function readLines(
  admin: AdminDatabase,
  month: Month,
  tenant?: TenantId,
): Promise<readonly UsageLine[]> {
  const { rows } = await admin.query(linesText, [toFirstDay(month), tenant ?? null]);
  return rows.map((row) => parseRow('usage_month', lineShape, row));
}

/** Days in UTC, for drawing. */
export async function readDays(
  admin: AdminDatabase,
  query: { readonly tenant: TenantId; readonly from: Date; readonly to: Date },
): Promise<readonly UsageDay[]> {
  const values = [query.tenant, query.from.toISOString(), query.to.toISOString()];
  const { rows } = await admin.query(daysText, values);
  return rows.map((row) => parseRow('usage_hour', dayShape, row));
}

/** The very events that a line of the month is the sum of. */
export async function readEvents(admin: AdminDatabase, query: EventQuery): Promise<readonly ListedEvent[]> {
  const { tenant, month, meter, model, limit } = query;
  const after = query.after === undefined ? undefined : parseRowId(query.after);
  if (query.after !== undefined && after === undefined)
    throw new BulkheadError('value_invalid', { field: 'cursor', reason: 'not a cursor of ours' });
  const values = [tenant, toFirstDay(month), meter ?? null, model ?? null, after ?? null, limit];
  const { rows } = await admin.query(eventsText, values);
  return rows.map((row) => parseRow('usage_event', eventShape, row));
}

export async function readEvent(
  admin: AdminDatabase,
  tenant: TenantId,
  id: RowId,
): Promise<ListedEvent | undefined> {
  const { rows } = await admin.query(eventText, [tenant, id]);
  return rows[0] === undefined ? undefined : parseRow('usage_event', eventShape, rows[0]);
}
