-- A tenant may read those below it where that was granted.

create table bulkhead.umbrella_grant (
  id uuid not null,
  reader_id uuid not null,
  -- Null: every tenant below the reader, those of later too.
  child_id uuid,
  created_at timestamptz not null default statement_timestamp(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  actor_kind text not null,
  actor_id text not null,
  constraint umbrella_grant_pkey primary key (id),
  constraint umbrella_grant_reader_fkey foreign key (reader_id) references bulkhead.tenant (id),
  constraint umbrella_grant_child_fkey foreign key (child_id) references bulkhead.tenant (id),
  constraint umbrella_grant_child_check check (child_id <> reader_id),
  constraint umbrella_grant_expires_check check (expires_at > created_at)
);
create index umbrella_grant_reader_idx on bulkhead.umbrella_grant (reader_id) where revoked_at is null;
create index umbrella_grant_child_idx on bulkhead.umbrella_grant (child_id) where child_id is not null;

-- What a tenant may read is part of it: a change of that is a change of the tenant.
create function bulkhead.announce_umbrella_grant() returns trigger language plpgsql as $$
begin
  update bulkhead.tenant set updated_at = statement_timestamp()
    where id = case when tg_op = 'DELETE' then old.reader_id else new.reader_id end;
  return null;
end
$$;
create trigger umbrella_grant_announce after insert or update or delete on bulkhead.umbrella_grant
  for each row execute function bulkhead.announce_umbrella_grant();

revoke all on bulkhead.umbrella_grant from public;
revoke all on function bulkhead.announce_umbrella_grant() from public;
