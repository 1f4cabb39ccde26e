import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { SqlError, type AdminDatabase } from '../drivers/sql.ts';

const readText = `select time_zone as zone from bulkhead.billing_profile where tenant_id = $1`;
const checkText = `select now() at time zone $1`;
// Writers of sums wait: an event is in the month of the zone before, or of the one after, and never in both.
const lockText = 'lock table bulkhead.usage_month in share row exclusive mode';
const putText = `insert into bulkhead.billing_profile (tenant_id, time_zone) values ($1, $2)
  on conflict (tenant_id) do update set time_zone = excluded.time_zone`;
/** The first month whose events are all there still; sums of months before it stay as they were counted. */
const firstText = `select coalesce((select min(to_date(right(c.relname, 7), 'YYYY_MM')) + interval '1 month'
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'bulkhead.usage_event'::regclass
    having exists (select from bulkhead.usage_hour where tenant_id = $1
      and hour < min(to_date(right(c.relname, 7), 'YYYY_MM')) at time zone 'UTC')), '-infinity')::text as first`;
const forgetText = `delete from bulkhead.usage_month where tenant_id = $1 and month >= $2::timestamp`;
const recountText = `insert into bulkhead.usage_month (tenant_id, month, meter, model, rate, events, amount, cost_nano_usd,
    unpriced_events, unpriced_amount)
  select tenant_id, date_trunc('month', at at time zone $3)::date, meter, model, rate, count(*), sum(amount),
    coalesce(sum(cost_nano_usd), 0),
    coalesce(sum(case when corrects is null then 1 else -1 end) filter (where cost_nano_usd is null), 0),
    coalesce(sum(amount) filter (where cost_nano_usd is null), 0)
  from bulkhead.usage_event
  where tenant_id = $1 and date_trunc('month', at at time zone $3) >= $2::timestamp
  group by 1, 2, 3, 4, 5`;

/** The zone that decides where a tenant's months begin; UTC where none was chosen. */
export async function readTimeZone(admin: AdminDatabase, tenant: TenantId): Promise<string> {
  const { rows } = await admin.query<{ zone: string }>(readText, [tenant]);
  return rows[0]?.zone ?? 'UTC';
}

/**
 * Chooses the zone of a tenant's months, and counts the months anew by it.
 * @throws value_invalid where the database, or JavaScript, knows no such zone
 */
export async function setTimeZone(admin: AdminDatabase, tenant: TenantId, zone: string): Promise<void> {
  await assertZone(admin, zone);
  await admin.transaction(async (tx) => {
    await tx.query(lockText);
    await tx.query(putText, [tenant, zone]);
    const { rows } = await tx.query<{ first: string }>(firstText, [tenant]);
    const first = rows[0]?.first ?? '-infinity';
    await tx.query(forgetText, [tenant, first]);
    await tx.query(recountText, [tenant, first, zone]);
  });
}

async function assertZone(admin: AdminDatabase, zone: string): Promise<void> {
  const refusal = new BulkheadError('value_invalid', {
    field: 'timeZone',
    reason: 'an IANA time zone such as Europe/Berlin is expected',
  });
  // A name with an area in it: abbreviations mean one thing here and another there.
  if (zone !== 'UTC' && !/^[A-Za-z]+(?:\/[A-Za-z0-9_+-]+)+$/.test(zone)) throw refusal;
  try {
    Intl.DateTimeFormat('en', { timeZone: zone });
    await admin.query(checkText, [zone]);
  } catch (cause) {
    if (cause instanceof SqlError || cause instanceof RangeError) throw refusal;
    throw cause;
  }
}
