-- How a tenant stands on the ladder of vector layouts, and since when: promotion and demotion wait, so that a tenant on an
-- edge does not go up and down. One row a tenant; the database's clock decides.
create table bulkhead.vector_standing (
  tenant_id uuid not null,
  vectors bigint not null,
  rung text not null,
  -- Searches that look at everything have been slow since.
  slow_since timestamptz,
  -- So few vectors that a lower rung would do, since.
  small_since timestamptz,
  recall double precision,
  ef_search integer,
  -- The node that is changing it just now.
  busy_until timestamptz,
  looked_at timestamptz not null default statement_timestamp(),
  constraint vector_standing_pkey primary key (tenant_id),
  constraint vector_standing_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id),
  constraint vector_standing_rung_check check (rung in ('exact', 'index', 'own'))
);
create index vector_standing_looked_idx on bulkhead.vector_standing (looked_at);
