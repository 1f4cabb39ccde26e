-- What was said, by whom it was said to. Written like any tenant migration: tenant column, keys, wall and rights are added.

create table conversation (
  id uuid primary key default gen_random_uuid(),
  -- What the tenant calls its user. The same name in two tenants is two users.
  owner text not null,
  title text not null default '',
  -- What went before the messages that are kept, in short.
  summary text not null default '',
  -- Messages below this ordinal are in the summary.
  summarised_below integer not null default 0,
  next_ordinal integer not null default 0,
  metadata jsonb not null default '{}',
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint conversation_owner_check check (char_length(owner) between 1 and 256),
  constraint conversation_title_check check (char_length(title) <= 500),
  constraint conversation_summary_check check (char_length(summary) <= 100000),
  constraint conversation_ordinals_check check (next_ordinal >= 0 and summarised_below between 0 and next_ordinal)
);
create index conversation_owner_idx on conversation (owner, updated_at);
create index conversation_expires_idx on conversation (expires_at);

create table message (
  conversation uuid not null references conversation (id) on delete cascade,
  ordinal integer not null,
  role text not null,
  content text not null,
  -- As the caller counted them, else an estimate.
  tokens integer not null,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (conversation, ordinal),
  constraint message_role_check check (role in ('system', 'user', 'assistant', 'tool')),
  constraint message_tokens_check check (tokens >= 0)
);
