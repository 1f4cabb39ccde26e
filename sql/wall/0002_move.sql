-- Moving tenants while they work. During a move a tenant has two containers, which may lie in one database: so whether
-- it is let in, may write, and has its writes noted is known of each container apart.

alter table bulkhead_wall.capability drop constraint capability_tenant_fkey;
alter table bulkhead_wall.tenant drop constraint tenant_pkey;

alter table bulkhead_wall.tenant
  -- The container: a schema of this database.
  add column schema_name text not null default 'shared',
  -- No write is accepted; reads are.
  add column writes_paused boolean not null default false,
  -- Writes are noted in move_change by the triggers of a move.
  add column capturing boolean not null default false;
alter table bulkhead_wall.capability add column schema_name text not null default 'shared';

update bulkhead_wall.tenant t set schema_name = coalesce(
  (select n.nspname::text from pg_namespace n
    where n.nspname in ('tenant', 'tenant_' || replace(t.tenant_id::text, '-', '')) order by 1 desc limit 1), 'shared');
update bulkhead_wall.capability c set schema_name = t.schema_name
  from bulkhead_wall.tenant t where t.tenant_id = c.tenant_id;

alter table bulkhead_wall.tenant add constraint tenant_pkey primary key (tenant_id, schema_name);
alter table bulkhead_wall.capability add constraint capability_tenant_fkey
  foreign key (tenant_id, schema_name) references bulkhead_wall.tenant (tenant_id, schema_name) on delete cascade;

-- Keys of rows that were written during a move: a set of rows to read again, so their order says nothing.
create table bulkhead_wall.move_change (
  id bigint generated always as identity,
  tenant_id uuid not null,
  schema_name text not null,
  table_name text not null,
  -- The primary key without the tenant, as text. Empty where the table has none: then any of its rows may have changed.
  key text[] not null,
  constraint move_change_pkey primary key (tenant_id, schema_name, id)
);

-- Announces a pause. An update of the tenant's row alone would wait for ever where writers come one upon another,
-- because each shares its lock with the next; what is announced here keeps the next from coming.
create table bulkhead_wall.move_pause (
  tenant_id uuid not null,
  schema_name text not null,
  constraint move_pause_pkey primary key (tenant_id, schema_name),
  constraint move_pause_tenant_fkey foreign key (tenant_id, schema_name)
    references bulkhead_wall.tenant (tenant_id, schema_name) on delete cascade
);

-- Trigger of a tenant's tables during its move; TG_ARGV has the columns of the primary key.
-- The lock on the tenant's row lasts as long as the writing transaction: whoever updates that row has waited for every
-- write before, and every write after sees the update, or fails on it where its snapshot is older.
-- A transaction that wrote before a pause was announced may finish. It says so itself, and may lie: the announcement is a
-- courtesy to the others, the row is what decides.
create function bulkhead_wall.capture_change() returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  owner uuid;
  gate record;
  written jsonb;
  own_xact text := pg_current_xact_id()::text;
begin
  if tg_op = 'DELETE' then
    owner := old.tenant_id;
  else
    owner := new.tenant_id;
  end if;
  if current_setting('bulkhead.writing', true) is distinct from own_xact and exists (
    select from bulkhead_wall.move_pause p where p.tenant_id = owner and p.schema_name = tg_table_schema
  ) then
    raise exception 'writes are paused' using errcode = 'BH002';
  end if;
  select t.writes_paused, t.capturing into gate
    from bulkhead_wall.tenant t
    where t.tenant_id = owner and t.schema_name = tg_table_schema
    for share;
  if gate.writes_paused then
    raise exception 'writes are paused' using errcode = 'BH002';
  end if;
  if not gate.capturing then
    return null;
  end if;
  perform set_config('bulkhead.writing', own_xact, true);
  if tg_op <> 'INSERT' then
    written := to_jsonb(old);
    insert into bulkhead_wall.move_change (tenant_id, schema_name, table_name, key)
      select owner, tg_table_schema, tg_argv[0],
        array(select written ->> a.name from unnest(tg_argv[1:]) with ordinality a (name, position) order by a.position);
  end if;
  if tg_op <> 'DELETE' then
    if tg_op = 'UPDATE' and not exists (
      select from unnest(tg_argv[1:]) a (name) where written ->> a.name is distinct from to_jsonb(new) ->> a.name
    ) then
      return null;
    end if;
    written := to_jsonb(new);
    insert into bulkhead_wall.move_change (tenant_id, schema_name, table_name, key)
      select owner, tg_table_schema, tg_argv[0],
        array(select written ->> a.name from unnest(tg_argv[1:]) with ordinality a (name, position) order by a.position);
  end if;
  return null;
end
$$;

revoke all on bulkhead_wall.move_change, bulkhead_wall.move_pause from public;
revoke all on function bulkhead_wall.capture_change() from public;
alter function bulkhead_wall.capture_change() owner to {{wall_role}};
-- Locking a row for share takes the right to update one of its columns.
grant select, update (writes_paused) on bulkhead_wall.tenant to {{wall_role}};
grant select on bulkhead_wall.move_pause to {{wall_role}};
grant insert on bulkhead_wall.move_change to {{wall_role}};
