-- Backups of tenants: what there is, whether it was found whole, and when it was last tried out.

create table bulkhead.backup (
  id uuid not null,
  tenant_id uuid not null,
  state text not null default 'writing',
  -- Who wanted it: the schedule, or somebody.
  reason text not null,
  -- Of the archive inside, as it was read back.
  records bigint,
  size_bytes bigint,
  hash text,
  created_at timestamptz not null default statement_timestamp(),
  ready_at timestamptz,
  verified_at timestamptz,
  -- The last time it was restored into a place of its own, compared, and thrown away.
  drilled_at timestamptz,
  failure jsonb,
  constraint backup_pkey primary key (id),
  constraint backup_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id),
  constraint backup_state_check check (state in ('writing', 'ready', 'damaged', 'failed')),
  constraint backup_reason_check check (reason in ('schedule', 'request'))
);
create index backup_tenant_idx on bulkhead.backup (tenant_id, created_at);
