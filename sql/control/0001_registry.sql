-- The control plane: who the tenants are, what they bought, where their data is and what was done to them.
-- Applied once, under a lock, by src/registry/install.ts. An applied file is never edited: add the next number.

create schema bulkhead;
revoke all on schema bulkhead from public;

create table bulkhead.control_migration (
  number integer not null,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null default statement_timestamp(),
  constraint control_migration_pkey primary key (number)
);

-- One row: what makes this installation different from another on the same server.
create table bulkhead.installation (
  singleton boolean not null default true,
  role_prefix text not null,
  created_at timestamptz not null default statement_timestamp(),
  constraint installation_pkey primary key (singleton),
  constraint installation_singleton_check check (singleton),
  constraint installation_role_prefix_check check (role_prefix ~ '^[a-z][a-z0-9_]{2,15}$')
);

-- Plans and tenants ---------------------------------------------------------------------------------------------------

create table bulkhead.plan (
  id text not null,
  name text not null,
  aliases text[] not null default '{}',
  isolations text[] not null,
  default_isolation text not null,
  features text[] not null default '{}',
  governor jsonb not null,
  quotas jsonb not null default '{}',
  rates jsonb not null,
  connections integer not null,
  price_usd text not null,
  updated_at timestamptz not null default statement_timestamp(),
  constraint plan_pkey primary key (id),
  constraint plan_id_check check (id ~ '^[a-z][a-z0-9_-]{0,62}$'),
  constraint plan_isolations_check check (isolations <@ array['shared', 'schema', 'database', 'dedicated']),
  constraint plan_default_isolation_check check (default_isolation = any (isolations)),
  constraint plan_connections_check check (connections > 0)
);

-- Never deleted from, so that an id is never given out twice; a tenant that is gone stays as a row in state 'deleted'.
create table bulkhead.tenant (
  id uuid not null,
  slug text not null,
  name text not null,
  plan_id text not null,
  state text not null default 'provisioning',
  isolation text not null,
  region text,
  parent_id uuid,
  features text[] not null default '{}',
  settings jsonb not null default '{}',
  encryption_key_id text not null,
  epoch bigint not null default 1,
  created_at timestamptz not null default statement_timestamp(),
  updated_at timestamptz not null default statement_timestamp(),
  constraint tenant_pkey primary key (id),
  constraint tenant_plan_fkey foreign key (plan_id) references bulkhead.plan (id),
  constraint tenant_parent_fkey foreign key (parent_id) references bulkhead.tenant (id),
  constraint tenant_parent_check check (parent_id <> id),
  constraint tenant_slug_check check (slug ~ '^[a-z0-9]([a-z0-9-]{1,46})[a-z0-9]$'),
  constraint tenant_name_check check (char_length(name) between 1 and 200),
  constraint tenant_state_check
    check (state in ('provisioning', 'active', 'suspended', 'offboarding', 'deleted')),
  constraint tenant_isolation_check check (isolation in ('shared', 'schema', 'database', 'dedicated')),
  constraint tenant_features_check check (cardinality(features) <= 100),
  constraint tenant_settings_check
    check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 16384)
);
create index tenant_slug_idx on bulkhead.tenant (slug);
create index tenant_parent_idx on bulkhead.tenant (parent_id) where parent_id is not null;
create index tenant_created_idx on bulkhead.tenant (created_at, id);

-- Every slug that is in use or ever was. Only a tenant that never got past provisioning gives its slug back.
create table bulkhead.taken_slug (
  slug text not null,
  tenant_id uuid not null,
  taken_at timestamptz not null default statement_timestamp(),
  constraint taken_slug_pkey primary key (slug)
);

create table bulkhead.placement (
  tenant_id uuid not null,
  compartment text not null,
  isolation text not null,
  container text not null,
  created_at timestamptz not null default statement_timestamp(),
  constraint placement_pkey primary key (tenant_id, compartment),
  constraint placement_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id),
  constraint placement_isolation_check check (isolation in ('shared', 'schema', 'database', 'dedicated'))
);
create index placement_container_idx on bulkhead.placement (compartment, container);

-- Settings: a tenant's own are in tenant.settings; a row without plan_id is the default for everybody.
create table bulkhead.setting_default (
  plan_id text,
  key text not null,
  value jsonb not null,
  constraint setting_default_key unique nulls not distinct (plan_id, key),
  constraint setting_default_plan_fkey foreign key (plan_id) references bulkhead.plan (id)
);

create table bulkhead.setting_declaration (
  key text not null,
  kind text not null,
  description text not null default '',
  constraint setting_declaration_pkey primary key (key),
  constraint setting_declaration_kind_check check (kind in ('string', 'number', 'boolean', 'json'))
);

-- Credentials ---------------------------------------------------------------------------------------------------------

-- Keys that tenants call with. Only the SHA-256 of a key is kept.
create table bulkhead.api_key (
  id text not null,
  tenant_id uuid not null,
  name text not null,
  digest bytea not null,
  created_at timestamptz not null default statement_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  replaced_by text,
  constraint api_key_pkey primary key (id),
  constraint api_key_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id),
  constraint api_key_replaced_by_fkey foreign key (replaced_by) references bulkhead.api_key (id),
  constraint api_key_name_check check (char_length(name) between 1 and 200),
  constraint api_key_digest_check check (octet_length(digest) = 32)
);
create index api_key_tenant_idx on bulkhead.api_key (tenant_id, created_at);

create table bulkhead.operator_token (
  digest bytea not null,
  created_at timestamptz not null default statement_timestamp(),
  constraint operator_token_pkey primary key (digest),
  constraint operator_token_digest_check check (octet_length(digest) = 32)
);

-- Secrets we must be able to read back, sealed with AES-256-GCM under the master key that key_id names.
create table bulkhead.credential (
  owner text not null,
  purpose text not null,
  key_id text not null,
  nonce bytea not null,
  sealed bytea not null,
  updated_at timestamptz not null default statement_timestamp(),
  constraint credential_pkey primary key (owner, purpose),
  constraint credential_nonce_check check (octet_length(nonce) = 12)
);
create index credential_key_idx on bulkhead.credential (key_id);

-- Postgres servers that containers are made on; their URLs are credentials.
create table bulkhead.server (
  name text not null,
  role text not null,
  region text,
  max_connections integer not null,
  claimed_by uuid,
  created_at timestamptz not null default statement_timestamp(),
  constraint server_pkey primary key (name),
  constraint server_claimed_by_fkey foreign key (claimed_by) references bulkhead.tenant (id),
  constraint server_claimed_by_key unique (claimed_by),
  constraint server_role_check check (role in ('pool', 'dedicated')),
  constraint server_claimed_by_check check (claimed_by is null or role = 'dedicated'),
  constraint server_max_connections_check check (max_connections > 0)
);

-- Long work -----------------------------------------------------------------------------------------------------------

create table bulkhead.operation (
  id uuid not null,
  tenant_id uuid not null,
  kind text not null,
  state text not null default 'running',
  input jsonb not null default '{}',
  failure jsonb,
  actor_kind text not null,
  actor_id text not null,
  -- Database time decides whether an owner is dead: a clock that jumps on one node then takes nobody's work away.
  owner_node text not null,
  lease_until timestamptz not null,
  started_at timestamptz not null default statement_timestamp(),
  ended_at timestamptz,
  constraint operation_pkey primary key (id),
  constraint operation_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id),
  constraint operation_state_check
    check (state in ('running', 'done', 'failed', 'rolled_back', 'cancelled')),
  constraint operation_ended_check check ((state = 'running') = (ended_at is null))
);
create unique index operation_running_key on bulkhead.operation (tenant_id) where state = 'running';
create index operation_started_idx on bulkhead.operation (started_at);
create index operation_tenant_idx on bulkhead.operation (tenant_id, started_at);

create table bulkhead.operation_step (
  operation_id uuid not null,
  name text not null,
  position bigint generated always as identity,
  result jsonb not null default 'null',
  at timestamptz not null default statement_timestamp(),
  constraint operation_step_pkey primary key (operation_id, name),
  constraint operation_step_operation_fkey foreign key (operation_id) references bulkhead.operation (id)
);

-- The change feed -----------------------------------------------------------------------------------------------------

-- What every node must forget, written by triggers in the transaction that changed it, so that no writer can leave it
-- out, not even a person in psql. Nodes read what their last snapshot did not see: that finds a row of a transaction
-- that began early and committed late, which a sequence number would skip.
create table bulkhead.change (
  id bigint generated always as identity,
  xact xid8 not null default pg_current_xact_id(),
  kind text not null,
  subject text not null,
  at timestamptz not null default statement_timestamp(),
  constraint change_pkey primary key (id),
  constraint change_kind_check check (kind in ('tenant', 'slug', 'key', 'catalog'))
);
create index change_xact_idx on bulkhead.change (xact);
create index change_at_idx on bulkhead.change (at);

create function bulkhead.announce_tenant() returns trigger language plpgsql as $$
begin
  insert into bulkhead.change (kind, subject) values ('tenant', new.id::text);
  if tg_op = 'INSERT' then
    insert into bulkhead.taken_slug (slug, tenant_id) values (new.slug, new.id);
    insert into bulkhead.change (kind, subject) values ('slug', new.slug);
  elsif old.state = 'provisioning' and new.state = 'deleted' then
    delete from bulkhead.taken_slug where slug = new.slug;
    insert into bulkhead.change (kind, subject) values ('slug', new.slug);
  end if;
  return null;
end
$$;
create trigger tenant_announce after insert or update on bulkhead.tenant
  for each row execute function bulkhead.announce_tenant();

create function bulkhead.advance_tenant_epoch() returns trigger language plpgsql as $$
begin
  new.epoch := old.epoch + 1;
  new.updated_at := statement_timestamp();
  return new;
end
$$;
create trigger tenant_epoch before update on bulkhead.tenant
  for each row execute function bulkhead.advance_tenant_epoch();

-- A placement is part of its tenant: changing it is changing the tenant.
create function bulkhead.announce_placement() returns trigger language plpgsql as $$
begin
  update bulkhead.tenant set updated_at = statement_timestamp()
    where id = case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end;
  return null;
end
$$;
create trigger placement_announce after insert or update or delete on bulkhead.placement
  for each row execute function bulkhead.announce_placement();

-- last_used_at is left out: nothing is decided by it, and it changes all the time.
create function bulkhead.announce_key() returns trigger language plpgsql as $$
begin
  insert into bulkhead.change (kind, subject)
    values ('key', case when tg_op = 'DELETE' then old.id else new.id end);
  return null;
end
$$;
create trigger api_key_announce
  after insert or delete or update of tenant_id, name, digest, expires_at, revoked_at, replaced_by on bulkhead.api_key
  for each row execute function bulkhead.announce_key();

create function bulkhead.announce_catalog() returns trigger language plpgsql as $$
begin
  insert into bulkhead.change (kind, subject) values ('catalog', tg_table_name);
  return null;
end
$$;
create trigger plan_announce after insert or update or delete or truncate on bulkhead.plan
  for each statement execute function bulkhead.announce_catalog();
create trigger setting_default_announce after insert or update or delete or truncate on bulkhead.setting_default
  for each statement execute function bulkhead.announce_catalog();
create trigger setting_declaration_announce
  after insert or update or delete or truncate on bulkhead.setting_declaration
  for each statement execute function bulkhead.announce_catalog();

-- Audit ---------------------------------------------------------------------------------------------------------------

-- No foreign key: it outlives the tenant. The id comes from the writer, so that a batch sent twice is stored once.
create table bulkhead.audit_event (
  id uuid not null default gen_random_uuid(),
  at timestamptz not null default statement_timestamp(),
  tenant_id uuid,
  actor_kind text not null,
  actor_id text not null,
  action text not null,
  severity text not null default 'info',
  request_id text,
  detail jsonb not null default '{}',
  constraint audit_event_pkey primary key (id),
  constraint audit_event_actor_kind_check check (actor_kind in ('key', 'user', 'operator', 'system')),
  constraint audit_event_severity_check check (severity in ('info', 'high', 'critical')),
  constraint audit_event_detail_check check (jsonb_typeof(detail) = 'object')
);
create index audit_event_tenant_idx on bulkhead.audit_event (tenant_id, at);

create function bulkhead.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused', lower(tg_op), tg_table_name using errcode = 'BH002';
end
$$;
create trigger audit_event_append_only before update or delete or truncate on bulkhead.audit_event
  for each statement execute function bulkhead.refuse_change();
create trigger tenant_kept before delete or truncate on bulkhead.tenant
  for each statement execute function bulkhead.refuse_change();

revoke all on all tables in schema bulkhead from public;
revoke all on all functions in schema bulkhead from public;
