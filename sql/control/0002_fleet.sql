-- Which migrations each container has, who is held back, and what every run over the fleet did.

-- What is known of a container without asking it. Nodes hold all of it in memory: they choose the tables they speak of
-- by it, so that a tenant at the version before is served as well as one at the newest. A container that is not in it is
-- taken to be at the version of the node.
create table bulkhead.container_version (
  container text not null,
  version text not null,
  at timestamptz not null default statement_timestamp(),
  constraint container_version_pkey primary key (container)
);

alter table bulkhead.change drop constraint change_kind_check;
alter table bulkhead.change add constraint change_kind_check
  check (kind in ('tenant', 'slug', 'key', 'catalog', 'container'));

-- The version travels with the news, so that no node has to ask for it.
create function bulkhead.announce_container() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    insert into bulkhead.change (kind, subject) values ('container', old.container);
  elsif tg_op = 'INSERT' or new.version <> old.version then
    insert into bulkhead.change (kind, subject) values ('container', new.container || ' ' || new.version);
  end if;
  return null;
end
$$;
create trigger container_version_announce after insert or update or delete on bulkhead.container_version
  for each row execute function bulkhead.announce_container();

-- Tenants that stay where they are until somebody lets them go on.
create table bulkhead.tenant_freeze (
  tenant_id uuid not null,
  version text not null,
  reason text not null,
  actor_kind text not null,
  actor_id text not null,
  at timestamptz not null default statement_timestamp(),
  constraint tenant_freeze_pkey primary key (tenant_id),
  constraint tenant_freeze_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id),
  constraint tenant_freeze_reason_check check (char_length(reason) between 1 and 500)
);

create table bulkhead.fleet_run (
  id uuid not null,
  target text not null,
  state text not null default 'running',
  options jsonb not null default '{}',
  -- Why it paused or failed.
  reason text,
  actor_kind text not null,
  actor_id text not null,
  owner_node text not null,
  lease_until timestamptz not null,
  started_at timestamptz not null default statement_timestamp(),
  ended_at timestamptz,
  constraint fleet_run_pkey primary key (id),
  constraint fleet_run_state_check check (state in ('running', 'paused', 'done', 'failed', 'cancelled'))
);
-- Two operators at once: the second is told about the first.
create unique index fleet_run_running_key on bulkhead.fleet_run ((true)) where state = 'running';
create index fleet_run_started_idx on bulkhead.fleet_run (started_at);

create table bulkhead.fleet_run_container (
  run_id uuid not null,
  container text not null,
  tenant_id uuid,
  ring text not null,
  state text not null default 'pending',
  from_version text not null,
  to_version text,
  code text,
  reason text,
  duration_ms integer,
  at timestamptz not null default statement_timestamp(),
  constraint fleet_run_container_pkey primary key (run_id, container),
  constraint fleet_run_container_run_fkey foreign key (run_id) references bulkhead.fleet_run (id) on delete cascade,
  constraint fleet_run_container_ring_check check (ring in ('canary', 'rest')),
  constraint fleet_run_container_state_check check (state in ('pending', 'done', 'failed', 'frozen', 'skipped'))
);
