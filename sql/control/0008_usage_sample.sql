-- Hours whose storage was measured, and which node is at it.
create table bulkhead.usage_sample (
  hour timestamptz not null,
  lease_until timestamptz not null,
  done_at timestamptz,
  constraint usage_sample_pkey primary key (hour)
);
