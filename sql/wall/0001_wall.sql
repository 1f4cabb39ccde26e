-- The wall of one container database. Applied by the owner; {{…}} are quoted role names of this installation.
-- {{wall_role}}: NOLOGIN, owns what this file makes. {{app_role}}: NOLOGIN group of every role that serves tenants.

create schema bulkhead_wall;

-- Tenants that live in this database. A sealed tenant gets no new capability, whoever asks.
create table bulkhead_wall.tenant (
  tenant_id uuid not null,
  sealed boolean not null default false,
  constraint tenant_pkey primary key (tenant_id)
);

-- Live capabilities. Only their SHA-256 is kept: reading this table, or a backup of it, opens nothing.
create table bulkhead_wall.capability (
  digest bytea not null,
  tenant_id uuid not null,
  expires_at timestamptz not null,
  constraint capability_pkey primary key (digest),
  constraint capability_tenant_fkey foreign key (tenant_id) references bulkhead_wall.tenant (tenant_id) on delete cascade
);
create index capability_tenant_idx on bulkhead_wall.capability (tenant_id);

-- Tenant migrations applied here, by schema.
create table bulkhead_wall.migration (
  schema_name text not null,
  set_name text not null,
  number integer not null,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null default statement_timestamp(),
  constraint migration_pkey primary key (schema_name, set_name, number)
);

-- The tenant of the current statement: the one whose capability this transaction carries.
-- No capability: null, so that the wall passes nothing. One that is forged, altered, expired or revoked: an error,
-- because zero rows would look like an answer.
-- STABLE, so that it runs once a statement and never in a cached plan; every name is qualified and the path is pinned,
-- because it runs with its owner's rights. The hash is taken beforehand: in a table of a few rows Postgres reads them all,
-- and would take it once for each.
create function bulkhead_wall.current_tenant_id() returns uuid
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  token text := nullif(current_setting('bulkhead.capability', true), '');
  presented bytea := sha256(convert_to(token, 'UTF8'));
  tenant uuid;
begin
  if token is null then
    return null;
  end if;
  select c.tenant_id into tenant
    from bulkhead_wall.capability c
    where c.digest = presented and c.expires_at > statement_timestamp();
  if tenant is null then
    raise exception 'the capability is not valid' using errcode = 'BH001';
  end if;
  return tenant;
end
$$;

revoke all on schema bulkhead_wall from public;
revoke all on all tables in schema bulkhead_wall from public;
revoke all on function bulkhead_wall.current_tenant_id() from public;
grant usage on schema bulkhead_wall to {{app_role}};
grant execute on function bulkhead_wall.current_tenant_id() to {{app_role}};

alter function bulkhead_wall.current_tenant_id() owner to {{wall_role}};
grant usage on schema bulkhead_wall to {{wall_role}};
grant select on bulkhead_wall.capability to {{wall_role}};
