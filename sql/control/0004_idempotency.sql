-- Requests that carried an Idempotency-Key: a repetition is recognised and answered as the first was.
-- Only digests of the key and of the request; the answer, where one is kept, is sealed in bulkhead.credential.
create table bulkhead.idempotency (
  -- SHA-256 of principal and key.
  digest bytea not null,
  -- SHA-256 of key and request: without the key nobody can guess what was asked.
  fingerprint bytea not null,
  -- The id of what the request makes, chosen beforehand, so that a second attempt cannot make a second one.
  resource_id uuid not null,
  -- Whose turn it is; a turn that never ended is over with its lease.
  attempt uuid not null,
  lease_until timestamptz not null,
  done_at timestamptz,
  expires_at timestamptz not null,
  constraint idempotency_pkey primary key (digest),
  constraint idempotency_digest_check check (octet_length(digest) = 32 and octet_length(fingerprint) = 32)
);
create index idempotency_expires_idx on bulkhead.idempotency (expires_at);

revoke all on bulkhead.idempotency from public;
