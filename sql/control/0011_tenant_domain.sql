-- Host names of tenants' own. Several may claim one; only who shows a challenge in its DNS has it, and only then does it name a tenant.
create table bulkhead.tenant_domain (
  domain text not null,
  tenant_id uuid not null,
  challenge text not null,
  claimed_at timestamptz not null default statement_timestamp(),
  verified_at timestamptz,
  constraint tenant_domain_pkey primary key (domain, tenant_id),
  constraint tenant_domain_tenant_fkey foreign key (tenant_id) references bulkhead.tenant (id),
  constraint tenant_domain_domain_check check (domain = lower(domain) and char_length(domain) between 3 and 128)
);
create unique index tenant_domain_verified_key on bulkhead.tenant_domain (domain) where verified_at is not null;
create index tenant_domain_tenant_idx on bulkhead.tenant_domain (tenant_id);

create trigger tenant_domain_announce after insert or update or delete or truncate on bulkhead.tenant_domain
  for each statement execute function bulkhead.announce_catalog();

revoke all on bulkhead.tenant_domain from public;
