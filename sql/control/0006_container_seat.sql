-- Who has a seat in a container that tenants share. Placements say where a tenant is; a seat is taken before that, so that
-- two tenants placed at the same moment never get the last one both.
create table bulkhead.container_seat (
  container text not null,
  tenant_id uuid not null,
  taken_at timestamptz not null default statement_timestamp(),
  constraint container_seat_pkey primary key (container, tenant_id),
  constraint container_seat_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id)
);
create index container_seat_tenant_idx on bulkhead.container_seat (tenant_id);
