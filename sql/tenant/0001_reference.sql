-- The reference tables. Plain SQL: the tenant column, its place in every key, the wall and the rights
-- are added when the file is applied. See docs/guide/your-own-tables.md.

-- users stands for the people of one tenant; the same address may be known to several tenants.
create table users (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  name text,
  role text not null default 'member',
  status text not null default 'active',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (email),
  constraint users_role_check check (role in ('owner', 'admin', 'member', 'viewer')),
  constraint users_status_check check (status in ('active', 'suspended'))
);

create table orders (
  id uuid primary key default gen_random_uuid(),
  number text not null unique,
  status text not null default 'open',
  total_nano_usd numeric(38, 0) not null default 0,
  items jsonb not null default '[]',
  created_by uuid references users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index orders_created_by_idx on orders (created_by);
create index orders_created_at_idx on orders (created_at, id);

create table documents (
  id uuid primary key default gen_random_uuid(),
  -- What the product that sends the document calls it.
  external_id text unique,
  title text not null,
  content text not null,
  metadata jsonb not null default '{}',
  created_by uuid references users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index documents_created_by_idx on documents (created_by);
create index documents_created_at_idx on documents (created_at, id);

create table conversations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references users (id) on delete cascade,
  title text,
  messages jsonb not null default '[]',
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index conversations_user_id_idx on conversations (user_id, created_at);

-- One value for each key of a tenant.
create table settings (
  key text primary key,
  value jsonb not null,
  updated_by uuid references users (id) on delete set null,
  updated_at timestamptz not null default now()
);
create index settings_updated_by_idx on settings (updated_by);

create table model_metadata (
  id uuid primary key default gen_random_uuid(),
  model_name text not null,
  model_version text not null,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (model_name, model_version)
);

create table tenant_models (
  id uuid primary key default gen_random_uuid(),
  model_name text not null,
  model_version text not null,
  model_type text not null,
  storage_path text not null,
  status text not null default 'active',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tenant_models_version_key unique (model_name, model_version)
);
create index idx_tenant_models_tenant on tenant_models (tenant_id);
create index idx_tenant_models_status on tenant_models (status);

-- Where the tenant keeps its models; one place of each kind.
create table tenant_model_repositories (
  repository_type text primary key,
  repository_config jsonb not null default '{}',
  encryption_key_id text,
  created_at timestamptz not null default now(),
  constraint tenant_model_repositories_type_check check (repository_type in ('s3', 'gcs', 'azure_blob', 'local'))
);

create table tenant_features (
  feature text primary key,
  enabled boolean not null default false,
  config jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table tenant_policies (
  id uuid primary key default gen_random_uuid(),
  resource_type text not null,
  -- null: every resource of the type
  resource_id text,
  actions text[] not null,
  conditions jsonb not null default '{}',
  effect text not null default 'allow',
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  constraint tenant_policies_effect_check check (effect in ('allow', 'deny')),
  constraint tenant_policies_actions_check check (cardinality(actions) > 0)
);
create index tenant_policies_resource_idx on tenant_policies (resource_type, resource_id, created_at);

create table tenant_usage (
  id uuid primary key default gen_random_uuid(),
  model text not null,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  -- US dollars; exact, because invoices are made of it
  cost numeric(30, 9) not null default 0,
  created_at timestamptz not null default now(),
  constraint tenant_usage_amounts_check check (input_tokens >= 0 and output_tokens >= 0 and cost >= 0)
);
create index tenant_usage_created_at_idx on tenant_usage (created_at);

create table audit_log (
  id uuid primary key default gen_random_uuid(),
  user_id uuid,
  action text not null,
  details jsonb not null default '{}',
  "timestamp" timestamptz not null default now(),
  ip inet,
  user_agent text
);
create index audit_log_timestamp_idx on audit_log ("timestamp");
