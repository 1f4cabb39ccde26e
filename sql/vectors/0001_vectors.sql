-- What a tenant searches in: passages of text, and their embeddings kept apart from it, so that a scan over vectors reads
-- nothing else. Written like any tenant migration: tenant column, keys, wall and rights are added when it is applied.

create extension vector;

-- One way of embedding. A tenant is served from one; while it is re-indexed another is built beside it.
create table space (
  id uuid primary key default gen_random_uuid(),
  -- Name of the embedder, so that vectors of two models never meet in one search.
  model text not null,
  dimension integer not null,
  metric text not null,
  -- The one that was given the service last serves; null: it is being built.
  served_at timestamptz,
  created_at timestamptz not null default now(),
  constraint space_shape_key unique (model, dimension, metric),
  constraint space_model_check check (char_length(model) between 1 and 200),
  -- An HNSW index takes no more, in half precision.
  constraint space_dimension_check check (dimension between 1 and 4000),
  constraint space_metric_check check (metric in ('cosine', 'inner_product', 'l2'))
);

create table passage (
  id uuid primary key default gen_random_uuid(),
  -- What the product that sends the document calls it.
  document text not null,
  ordinal integer not null default 0,
  title text not null default '',
  body text not null default '',
  -- Configuration of text search its words are analysed with.
  language regconfig not null default 'simple',
  metadata jsonb not null default '{}',
  -- SHA-256 of what was embedded: the same text again costs nothing.
  content_hash text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint passage_place_key unique (document, ordinal),
  constraint passage_document_check check (char_length(document) between 1 and 512),
  constraint passage_ordinal_check check (ordinal >= 0),
  constraint passage_metadata_check check (jsonb_typeof(metadata) = 'object')
);

create table embedding (
  space uuid not null references space (id) on delete cascade,
  passage uuid not null references passage (id) on delete cascade,
  vector vector not null,
  primary key (space, passage)
);
create index embedding_passage_idx on embedding (passage);
