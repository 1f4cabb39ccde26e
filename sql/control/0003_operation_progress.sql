-- Long work says how far it is, and can be asked to stop.

alter table bulkhead.operation
  -- Done and total, of whatever the operation counts.
  add column progress jsonb,
  add column cancel_requested boolean not null default false;

-- A tenant that moves from one server of its own to another holds both until the move is confirmed.
alter table bulkhead.server drop constraint server_claimed_by_key;
create index server_claimed_by_idx on bulkhead.server (claimed_by) where claimed_by is not null;
