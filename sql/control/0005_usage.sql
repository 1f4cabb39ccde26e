-- The usage ledger: what every tenant used, event by event, and the sums by hour and by month that are kept with it.
-- Written by src/billing/ledger in batches; a batch writes events and sums in one statement, so that they always agree.

create table bulkhead.meter (
  meter text not null,
  unit text not null,
  -- 'priced' costs what the price list says, and an unknown price is flagged; 'counted' has no cost of its own.
  kind text not null,
  -- The least that may report it: a node of ours, the operator, or a tenant with its own key.
  reporter text not null,
  description text not null default '',
  constraint meter_pkey primary key (meter),
  constraint meter_meter_check check (char_length(meter) <= 64 and meter ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint meter_unit_check check (unit ~ '^[a-z][a-z0-9_]{0,31}$'),
  constraint meter_kind_check check (kind in ('priced', 'counted')),
  constraint meter_reporter_check check (reporter in ('node', 'operator', 'tenant'))
);

-- What a tenant's months are. No row: UTC.
create table bulkhead.billing_profile (
  tenant_id uuid not null,
  time_zone text not null,
  constraint billing_profile_pkey primary key (tenant_id),
  constraint billing_profile_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id)
);

-- Ids are UUID version 7 made where the event is: the key is idempotency, partition and retention in one.
create table bulkhead.usage_event (
  id uuid not null,
  tenant_id uuid not null,
  at timestamptz not null,
  meter text not null,
  amount bigint not null,
  model text not null,
  -- Which of the model's prices applied, such as 'standard' or 'batch'.
  rate text not null,
  -- Null: no price was known. Such an event is flagged in every sum, and never taken for free of charge.
  cost_nano_usd bigint,
  price_version integer,
  actor_kind text not null,
  actor_id text not null,
  request_id text,
  -- What belongs together, such as the tokens of one call of a model.
  call_id text,
  -- The event that this one takes back, wholly or in part.
  corrects uuid,
  constraint usage_event_pkey primary key (id)
) partition by range (id);
create index usage_event_tenant_idx on bulkhead.usage_event (tenant_id, id);

create table bulkhead.usage_hour (
  tenant_id uuid not null,
  hour timestamptz not null,
  meter text not null,
  model text not null,
  rate text not null,
  events bigint not null,
  amount numeric(38, 0) not null,
  cost_nano_usd numeric(38, 0) not null,
  unpriced_events bigint not null,
  unpriced_amount numeric(38, 0) not null,
  constraint usage_hour_pkey primary key (tenant_id, hour, meter, model, rate)
) with (fillfactor = 70);

-- The first day of the calendar month, of its year, in the tenant's time zone.
create table bulkhead.usage_month (
  tenant_id uuid not null,
  month date not null,
  meter text not null,
  model text not null,
  rate text not null,
  events bigint not null,
  amount numeric(38, 0) not null,
  cost_nano_usd numeric(38, 0) not null,
  unpriced_events bigint not null,
  unpriced_amount numeric(38, 0) not null,
  constraint usage_month_pkey primary key (tenant_id, month, meter, model, rate)
) with (fillfactor = 70);
create index usage_month_month_idx on bulkhead.usage_month (month);

-- What could not be counted, until somebody releases or discards it.
create table bulkhead.usage_quarantine (
  id uuid not null,
  tenant_id uuid,
  reason text not null,
  event jsonb not null,
  times integer not null default 1,
  at timestamptz not null default statement_timestamp(),
  constraint usage_quarantine_pkey primary key (id),
  constraint usage_quarantine_event_check check (octet_length(event::text) <= 16384)
);
create index usage_quarantine_at_idx on bulkhead.usage_quarantine (at);
create index usage_quarantine_tenant_idx on bulkhead.usage_quarantine (tenant_id);

-- First instant whose ids are in a partition, as the smallest UUID version 7 of it.
create function bulkhead.usage_bound(at timestamptz) returns uuid language sql immutable as $$
  select rpad(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- One partition a month, in UTC. Made beforehand and attached, so that writers are not held up.
create function bulkhead.make_usage_partitions(oldest interval) returns integer language plpgsql as $$
declare
  first timestamptz;
  made integer := 0;
  partition text;
begin
  -- Nodes take turns; the lock ends with the transaction.
  perform pg_advisory_xact_lock(7022337046882);
  for first in select generate_series(date_trunc('month', statement_timestamp() - oldest, 'UTC'),
      statement_timestamp() + interval '1 month', interval '1 month') loop
    partition := 'usage_event_' || to_char(first at time zone 'UTC', 'YYYY_MM');
    if to_regclass('bulkhead.' || partition) is null then
      execute format('create table bulkhead.%I (like bulkhead.usage_event including defaults)', partition);
      execute format('alter table bulkhead.usage_event attach partition bulkhead.%I for values from (%L) to (%L)',
        partition, bulkhead.usage_bound(first),
        bulkhead.usage_bound((first at time zone 'UTC' + interval '1 month') at time zone 'UTC'));
      made := made + 1;
    end if;
  end loop;
  return made;
end
$$;

-- Retention: whole partitions, none that an event could still be written to. The sums stay.
create function bulkhead.drop_usage_partitions(older_than interval) returns integer language plpgsql as $$
declare
  child record;
  dropped integer := 0;
begin
  perform pg_advisory_xact_lock(7022337046882);
  for child in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'bulkhead.usage_event'::regclass
        and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month'
          <= (statement_timestamp() - older_than) at time zone 'UTC'
  loop
    execute format('drop table bulkhead.%I', child.relname);
    dropped := dropped + 1;
  end loop;
  return dropped;
end
$$;

-- Calls of language models, one row a call, as reports and other programs know them.
create view bulkhead.tenant_usage as
  select tenant_id, model,
    sum(amount) filter (where meter in ('llm.input_tokens', 'llm.cached_tokens', 'llm.cache_write_tokens',
      'llm.cache_write_1h_tokens', 'llm.audio_input_tokens', 'llm.image_input_tokens')) as input_tokens,
    sum(amount) filter (where meter in ('llm.output_tokens', 'llm.reasoning_tokens', 'llm.audio_output_tokens',
      'llm.image_output_tokens')) as output_tokens,
    -- Null where a part of the call has no known price.
    case when bool_or(cost_nano_usd is null) then null else sum(cost_nano_usd) / 1000000000.0 end as cost,
    min(at) as created_at
  from bulkhead.usage_event
  where meter like 'llm.%'
  group by tenant_id, model, coalesce(call_id, id::text);

-- Prices --------------------------------------------------------------------------------------------------------------

-- A version is never changed: another one begins. It holds from valid_from until the next of its list begins, or until
-- valid_until where that is sooner; in a gap no price is known.
create table bulkhead.price_version (
  version integer generated always as identity,
  list text not null,
  name text not null,
  source text not null default '',
  valid_from timestamptz not null,
  valid_until timestamptz,
  created_at timestamptz not null default statement_timestamp(),
  constraint price_version_pkey primary key (version),
  constraint price_version_from_key unique (list, valid_from),
  constraint price_version_list_check check (list in ('cost', 'sale')),
  constraint price_version_until_check check (valid_until > valid_from)
);

create table bulkhead.price (
  version integer not null,
  meter text not null,
  model text not null,
  rate text not null,
  -- 21 places: every price that providers publish fits without rounding.
  usd_per_unit numeric(40, 21) not null,
  constraint price_pkey primary key (version, meter, model, rate),
  constraint price_version_fkey foreign key (version) references bulkhead.price_version (version),
  constraint price_usd_check check (usd_per_unit >= 0)
);

-- What is paid whoever uses it, each month from the first to the last.
create table bulkhead.fixed_cost (
  name text not null,
  first_month date not null,
  last_month date,
  month_nano_usd bigint not null,
  constraint fixed_cost_pkey primary key (name, first_month),
  constraint fixed_cost_name_check check (char_length(name) between 1 and 100),
  constraint fixed_cost_month_check check (month_nano_usd >= 0),
  constraint fixed_cost_last_check check (last_month >= first_month)
);
