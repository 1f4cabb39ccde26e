-- Verifications of the installation: who asked, how far they are, and what came of them.

create table bulkhead.verification (
  id uuid not null,
  state text not null default 'running',
  options jsonb not null,
  progress jsonb,
  -- As signed into evidence; none of it is data of a tenant.
  result jsonb,
  failure text,
  actor_kind text not null,
  actor_id text not null,
  owner_node text not null,
  lease_until timestamptz not null,
  started_at timestamptz not null default statement_timestamp(),
  ended_at timestamptz,
  constraint verification_pkey primary key (id),
  constraint verification_state_check check (state in ('running', 'done', 'failed')),
  constraint verification_end_check check ((state = 'running') = (ended_at is null))
);

-- Two at once would take each other's throw-away tenants for abandoned.
create unique index verification_running_key on bulkhead.verification ((true)) where state = 'running';
create index verification_started_idx on bulkhead.verification (started_at);
