-- Leaving: when a tenant's data is due to be erased, what was erased, and how it stays erased.

-- Database time, like every deadline: a clock that jumps on one node erases nobody early.
alter table bulkhead.tenant add column erases_at timestamptz;
update bulkhead.tenant set erases_at = statement_timestamp() + interval '30 days' where state = 'offboarding';
alter table bulkhead.tenant add constraint tenant_erases_at_check
  check ((state = 'offboarding') = (erases_at is not null));
create index tenant_erases_at_idx on bulkhead.tenant (erases_at) where erases_at is not null;

insert into bulkhead.setting_declaration (key, kind, description) values
  ('offboarding.retention_days', 'number', 'Days from the offboarding of a tenant to the erasure of its data, 1 to 3650.')
  on conflict (key) do nothing;

-- The tenant's own, else its plan's, else everybody's, else 30. Never 0, whatever was written: the last day to change
-- one's mind is not lost by a slip of a key.
create function bulkhead.retention_days(leaving bulkhead.tenant) returns integer language sql stable as $$
  select greatest(1, least(3650, coalesce(
    case when jsonb_typeof(leaving.settings -> 'offboarding.retention_days') = 'number'
      then floor((leaving.settings ->> 'offboarding.retention_days')::numeric) end,
    (select floor((d.value #>> '{}')::numeric) from bulkhead.setting_default d
      where d.key = 'offboarding.retention_days' and jsonb_typeof(d.value) = 'number'
        and (d.plan_id is null or d.plan_id = leaving.plan_id)
      order by d.plan_id nulls last limit 1),
    30)))::integer
$$;

-- Who was erased, from the moment it began. Each row is signed, so that a copy kept elsewhere can be believed when it
-- comes back after this database was restored. No foreign key: it knows tenants that an older registry does not.
create table bulkhead.erasure (
  tenant_id uuid not null,
  slug text not null,
  operation_id uuid not null,
  actor_kind text not null,
  actor_id text not null,
  at timestamptz not null,
  signature text not null,
  constraint erasure_pkey primary key (tenant_id)
);
create index erasure_at_idx on bulkhead.erasure (at, tenant_id);
create trigger erasure_append_only before update or delete or truncate on bulkhead.erasure
  for each statement execute function bulkhead.refuse_change();

-- What an erasure did. One that could not reach a store is partial, and is replaced until it is complete; then it stays.
create table bulkhead.erasure_receipt (
  operation_id uuid not null,
  tenant_id uuid not null,
  state text not null,
  -- As it was signed, byte for byte.
  body text not null,
  signature text not null,
  at timestamptz not null default statement_timestamp(),
  constraint erasure_receipt_pkey primary key (operation_id),
  constraint erasure_receipt_state_check check (state in ('partial', 'complete'))
);
create index erasure_receipt_tenant_idx on bulkhead.erasure_receipt (tenant_id, at);

create function bulkhead.keep_complete_receipt() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception '% of erasure_receipt is refused', lower(tg_op) using errcode = 'BH002';
  end if;
  if old.state = 'complete' then
    raise exception 'a complete receipt stays as it is' using errcode = 'BH002';
  end if;
  return new;
end
$$;
create trigger erasure_receipt_complete before update or delete on bulkhead.erasure_receipt
  for each row execute function bulkhead.keep_complete_receipt();
create trigger erasure_receipt_kept before truncate on bulkhead.erasure_receipt
  for each statement execute function bulkhead.refuse_change();

revoke all on all tables in schema bulkhead from public;
revoke all on all functions in schema bulkhead from public;
