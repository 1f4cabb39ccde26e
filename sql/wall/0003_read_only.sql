-- Capabilities that only read: for a tenant above, which may look at this one and change nothing. Such a capability is
-- worth nothing outside a read-only transaction, and PostgreSQL lets no transaction out of that once it has looked at
-- anything. So the refusal of a write needs no trigger, and holds for every table there is and will be.

alter table bulkhead_wall.capability add column reads_only boolean not null default false;

create or replace function bulkhead_wall.current_tenant_id() returns uuid
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  token text := nullif(current_setting('bulkhead.capability', true), '');
  presented bytea := sha256(convert_to(token, 'UTF8'));
  tenant uuid;
  reads_only boolean;
begin
  if token is null then
    return null;
  end if;
  select c.tenant_id, c.reads_only into tenant, reads_only
    from bulkhead_wall.capability c
    where c.digest = presented and c.expires_at > statement_timestamp();
  if tenant is null then
    raise exception 'the capability is not valid' using errcode = 'BH001';
  end if;
  if reads_only and current_setting('transaction_read_only') <> 'on' then
    raise exception 'the capability is for reading' using errcode = 'BH003';
  end if;
  return tenant;
end
$$;
