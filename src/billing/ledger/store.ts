import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import type { UsageEvent } from './event.ts';

/** Older events are put aside and listed: their partition may be gone, and with it the memory of what was counted. */
export const maxLateDays = 35;
const maxFutureMinutes = 10;
/** Large, because a sum is touched once a batch, however many events it has. */
const chunkSize = 10_000;
const parallel = 2;

/** An event without a price that is taken back is no longer one. */
const unpricedText = `coalesce(sum(case when corrects is null then 1 else -1 end) filter (where cost_nano_usd is null), 0)`;

/**
 * Events and both sums in one statement. What is there already is not counted again; rows are taken in the order of
 * their keys, so that two nodes that write the same ones wait for each other and do not lock each other out. The time that
 * decides what is too old or from the future is the database's.
 */
const insertText = `with input as (
    select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::bigint[], $6::text[], $7::text[],
      $8::bigint[], $9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::uuid[])
      u (id, tenant_id, at, meter, amount, model, rate, cost_nano_usd, price_version, actor_kind, actor_id, request_id,
        call_id, corrects)),
  judged as (
    select i.*, case
      when t.id is null then 'tenant_unknown'
      when i.corrects is null and i.id < (select bulkhead.usage_bound(statement_timestamp() - interval '${maxLateDays} days')) then 'too_old'
      when i.corrects is null and i.id >= (select bulkhead.usage_bound(statement_timestamp() + interval '${maxFutureMinutes} minutes'))
        then 'from_the_future'
      end as reason
    from input i left join bulkhead.tenant t on t.id = i.tenant_id),
  inserted as (
    insert into bulkhead.usage_event (id, tenant_id, at, meter, amount, model, rate, cost_nano_usd, price_version,
      actor_kind, actor_id, request_id, call_id, corrects)
    select id, tenant_id, at, meter, amount, model, rate, cost_nano_usd, price_version, actor_kind, actor_id,
      request_id, call_id, corrects
    from judged where reason is null order by id
    on conflict do nothing
    returning tenant_id, at, meter, amount, model, rate, cost_nano_usd, corrects),
  hourly as (
    insert into bulkhead.usage_hour as h (tenant_id, hour, meter, model, rate, events, amount, cost_nano_usd,
      unpriced_events, unpriced_amount)
    select tenant_id, date_trunc('hour', at, 'UTC'), meter, model, rate, count(*), sum(amount),
      coalesce(sum(cost_nano_usd), 0), ${unpricedText},
      coalesce(sum(amount) filter (where cost_nano_usd is null), 0)
    from inserted group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    on conflict (tenant_id, hour, meter, model, rate) do update set events = h.events + excluded.events,
      amount = h.amount + excluded.amount, cost_nano_usd = h.cost_nano_usd + excluded.cost_nano_usd,
      unpriced_events = h.unpriced_events + excluded.unpriced_events,
      unpriced_amount = h.unpriced_amount + excluded.unpriced_amount),
  monthly as (
    insert into bulkhead.usage_month as m (tenant_id, month, meter, model, rate, events, amount, cost_nano_usd,
      unpriced_events, unpriced_amount)
    select e.tenant_id, date_trunc('month', e.at at time zone coalesce(p.time_zone, 'UTC'))::date, meter, model, rate,
      count(*), sum(amount), coalesce(sum(cost_nano_usd), 0), ${unpricedText},
      coalesce(sum(amount) filter (where cost_nano_usd is null), 0)
    from inserted e left join bulkhead.billing_profile p on p.tenant_id = e.tenant_id
    group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    on conflict (tenant_id, month, meter, model, rate) do update set events = m.events + excluded.events,
      amount = m.amount + excluded.amount, cost_nano_usd = m.cost_nano_usd + excluded.cost_nano_usd,
      unpriced_events = m.unpriced_events + excluded.unpriced_events,
      unpriced_amount = m.unpriced_amount + excluded.unpriced_amount),
  aside as (
    insert into bulkhead.usage_quarantine as q (id, tenant_id, reason, event)
    select id, tenant_id, reason, to_jsonb(j) - 'reason' from judged j where reason is not null order by id
    on conflict (id) do update set times = q.times + 1)
  select (select count(*) from inserted)::int as inserted,
    (select count(*) from judged where reason is not null)::int as aside`;

const asideText = `insert into bulkhead.usage_quarantine as q (id, tenant_id, reason, event)
  values ($1, $2, 'refused_by_store', $3::jsonb) on conflict (id) do update set times = q.times + 1`;

export interface Stored {
  /** Events that were new. */
  readonly inserted: number;
  /** Events that were quarantined. */
  readonly aside: number;
}

/** Writes events to the database; what it cannot take for a reason of its own is put aside, one by one. */
export class UsageStore {
  readonly #admin: AdminDatabase;

  constructor(admin: AdminDatabase) {
    this.#admin = admin;
  }

  /** Makes partitions for all that may be written now, and drops those that are past their retention. */
  async maintain(retentionDays: number): Promise<void> {
    await this.#admin.query(`select bulkhead.make_usage_partitions($1::interval)`, [`${maxLateDays} days`]);
    await this.#admin.query(`select bulkhead.drop_usage_partitions($1::interval)`, [`${retentionDays} days`]);
  }

  async insert(events: readonly UsageEvent[]): Promise<Stored> {
    let [inserted, aside, next] = [0, 0, 0];
    const worker = async (): Promise<void> => {
      while (next < events.length) {
        const chunk = events.slice(next, next + chunkSize);
        next += chunkSize;
        const stored = await this.#insertChunk(chunk);
        inserted += stored.inserted;
        aside += stored.aside;
      }
    };
    await Promise.all(Array.from({ length: this.#admin.dialect === 'postgres' ? parallel : 1 }, worker));
    return { inserted, aside };
  }

  async #insertChunk(chunk: readonly UsageEvent[]): Promise<Stored> {
    try {
      const { rows } = await this.#admin.query<{ inserted: number; aside: number }>(
        insertText,
        toColumns(chunk),
      );
      return rows[0] ?? { inserted: 0, aside: 0 };
    } catch (cause) {
      if (!(cause instanceof SqlError)) throw cause;
      // Two nodes met in another order than we know of: one of them was chosen to begin again.
      if (cause.sqlState === '40P01' || cause.sqlState === '40001') return await this.#insertChunk(chunk);
      if (!/^2[23]/.test(cause.sqlState)) throw cause;
      return await this.#insertHalves(chunk);
    }
  }

  /** Something in the chunk cannot be stored. The rest must not wait for it. */
  async #insertHalves(chunk: readonly UsageEvent[]): Promise<Stored> {
    const [only] = chunk;
    if (only === undefined) return { inserted: 0, aside: 0 };
    if (chunk.length === 1) {
      await this.#admin.query(asideText, [only.id, only.tenant, toJson(only)]);
      return { inserted: 0, aside: 1 };
    }
    const middle = chunk.length >> 1;
    const left = await this.#insertChunk(chunk.slice(0, middle));
    const right = await this.#insertChunk(chunk.slice(middle));
    return { inserted: left.inserted + right.inserted, aside: left.aside + right.aside };
  }
}

/** Events as they lie in quarantine: by the names of the columns, big numbers as text. */
function toJson(event: UsageEvent): string {
  return JSON.stringify({
    id: event.id,
    tenant_id: event.tenant,
    at: new Date(event.atMs).toISOString(),
    meter: event.meter,
    amount: event.amount.toString(),
    model: event.model,
    rate: event.rate,
    actor_kind: event.actor.kind,
    actor_id: event.actor.id,
    request_id: event.requestId ?? null,
    call_id: event.callId ?? null,
    corrects: event.corrects ?? null,
  });
}

/** Array literals made here: for columns of ids and numbers that is several times as quick as quoting every element. */
function toColumns(events: readonly UsageEvent[]): readonly string[] {
  return [
    plain(events, ({ id }) => id),
    plain(events, ({ tenant }) => tenant),
    plain(events, ({ atMs }) => `"${new Date(atMs).toISOString()}"`),
    quoted(events, ({ meter }) => meter),
    plain(events, ({ amount }) => `${amount}`),
    quoted(events, ({ model }) => model),
    quoted(events, ({ rate }) => rate),
    plain(events, ({ costNanoUsd }) => (costNanoUsd === undefined ? 'NULL' : `${costNanoUsd}`)),
    plain(events, ({ priceVersion }) => `${priceVersion ?? 'NULL'}`),
    quoted(events, ({ actor }) => actor.kind),
    quoted(events, ({ actor }) => actor.id),
    quoted(events, ({ requestId }) => requestId),
    quoted(events, ({ callId }) => callId),
    plain(events, ({ corrects }) => corrects ?? 'NULL'),
  ];
}

function plain(events: readonly UsageEvent[], toText: (event: UsageEvent) => string): string {
  return `{${events.map(toText).join(',')}}`;
}

const NEEDS_ESCAPE = /["\\]/g;

function quoted(events: readonly UsageEvent[], toText: (event: UsageEvent) => string | undefined): string {
  return plain(events, (event) => {
    const text = toText(event);
    return text === undefined ? 'NULL' : `"${text.replaceAll(NEEDS_ESCAPE, '\\$&')}"`;
  });
}
