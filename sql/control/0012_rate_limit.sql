-- Counts of rate limits, where they are kept in Postgres. Unlogged: nothing of it is worth a write to the log, and after a
-- crash everybody starts afresh. A row without numbers was only locked.
create unlogged table bulkhead.rate_limit (
  key text not null,
  a double precision,
  b double precision,
  c double precision,
  kept_until timestamptz not null default now(),
  constraint rate_limit_pkey primary key (key)
);
create index rate_limit_kept_until_idx on bulkhead.rate_limit (kept_until);
