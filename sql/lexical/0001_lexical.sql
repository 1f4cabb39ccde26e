-- Lexical search over passages. Applied once in each database by the owner; {{…}} are quoted names of this installation.
--
-- `@@` is not leakproof, so under row-level security its index is never used: a search would read every passage of the
-- tenant. The words are therefore kept in a table that no role of a tenant may touch, and searched by one function that
-- names the tenant itself: by the capability, not by an argument.

create extension if not exists btree_gin schema {{ext}} cascade;
create schema bulkhead_lexical;
revoke all on schema bulkhead_lexical from public;
grant usage on schema bulkhead_lexical to {{app_role}}, {{wall_role}};

create table bulkhead_lexical.entry (
  tenant_id uuid not null,
  -- The container: during a move a tenant has two.
  schema_name text not null,
  passage uuid not null,
  -- Characters of the text.
  length integer not null,
  terms tsvector not null,
  constraint entry_pkey primary key (tenant_id, schema_name, passage)
);
create index entry_terms_idx on bulkhead_lexical.entry using gin (tenant_id {{ext}}.uuid_ops, terms);

-- How often words are, by a sample: for tenants with more passages than a search may look at.
create table bulkhead_lexical.corpus (
  tenant_id uuid not null,
  schema_name text not null,
  passages bigint not null,
  mean_length double precision not null,
  sampled_at timestamptz not null default statement_timestamp(),
  constraint corpus_pkey primary key (tenant_id, schema_name)
);
create table bulkhead_lexical.word (
  tenant_id uuid not null,
  schema_name text not null,
  lexeme text not null,
  -- Estimated number of passages with it.
  passages double precision not null,
  constraint word_pkey primary key (tenant_id, schema_name, lexeme)
);
revoke all on all tables in schema bulkhead_lexical from public;
grant select, insert, update, delete on bulkhead_lexical.entry to {{wall_role}};
grant select on bulkhead_lexical.corpus, bulkhead_lexical.word to {{wall_role}};

-- Trigger of `passage`. Rows carry the tenant that the wall let them be written for.
create function bulkhead_lexical.keep() returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op <> 'INSERT' then
    delete from bulkhead_lexical.entry e using before b
      where e.tenant_id = b.tenant_id and e.schema_name = tg_table_schema and e.passage = b.id;
  end if;
  if tg_op <> 'DELETE' then
    insert into bulkhead_lexical.entry (tenant_id, schema_name, passage, length, terms)
      select a.tenant_id, tg_table_schema, a.id, char_length(a.title) + char_length(a.body),
        to_tsvector(a.language, left(a.title || ' ' || a.body, 500000))
      from after a
      on conflict on constraint entry_pkey do update set length = excluded.length, terms = excluded.terms;
  end if;
  return null;
end
$$;

-- Okapi BM25 (Robertson and others, TREC-3) with k1 = 1.2 and b = 0.75 over the passages of the capability's tenant.
-- The frequency of a word in a passage is taken back out of ts_rank, which is the sum of 1/j² over its n places, divided
-- by its limit: n = 1 / (1.645 (1 - rank)) - 1/2, to within a twentieth.
-- A tenant that was sampled is large: of its words the rarest are sought, as long as they find no more than 400 passages
-- together, and the others only add to the score.
create function bulkhead_lexical.search(container text, query text, language regconfig, most integer)
  returns table (tenant_id uuid, passage uuid, score double precision)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = 'force_custom_plan'
  set jit = 'off'
as $$
declare
  tenant uuid := bulkhead_wall.current_tenant_id();
  lexemes text[] := (tsvector_to_array(to_tsvector(language, left(query, 4000))))[1:32];
  size bigint;
  mean double precision;
  sought text[];
  any_of tsquery;
begin
  if tenant is null or cardinality(lexemes) = 0 then
    return;
  end if;
  select c.passages, c.mean_length into size, mean
    from bulkhead_lexical.corpus c where c.tenant_id = tenant and c.schema_name = container;
  if size is null then
    sought := lexemes;
  else
    select array_agg(r.lexeme) into sought from (
      select l.lexeme, sum(coalesce(w.passages, 1)) over (order by coalesce(w.passages, 1), l.lexeme) as together,
        row_number() over (order by coalesce(w.passages, 1), l.lexeme) as place
      from unnest(lexemes) l (lexeme)
      left join bulkhead_lexical.word w
        on w.tenant_id = tenant and w.schema_name = container and w.lexeme = l.lexeme
    ) r where r.place = 1 or r.together <= 400;
  end if;
  select string_agg('''' || replace(replace(s.lexeme, '\', '\\'), '''', '''''') || '''', ' | ')::tsquery into any_of
    from unnest(sought) s (lexeme);
  return query
    with word as materialized (
      select l.lexeme, ('''' || replace(replace(l.lexeme, '\', '\\'), '''', '''''') || '''')::tsquery as q
      from unnest(lexemes) l (lexeme)
    ),
    candidate as materialized (
      select e.passage, e.length, e.terms from bulkhead_lexical.entry e
      where e.tenant_id = tenant and e.schema_name = container and e.terms @@ any_of
      limit 4000
    ),
    hit as materialized (
      select c.passage, c.length, w.lexeme,
        1 / (1.6449340668482264 * (1.0000001 - ts_rank('{1,1,1,1}', c.terms, w.q))) - 0.5 as n
      from candidate c cross join word w where c.terms @@ w.q
    ),
    whole as (
      select coalesce(size, (select count(*) from bulkhead_lexical.entry e where e.tenant_id = tenant and e.schema_name = container))::double precision as passages,
        coalesce(mean, (select avg(c.length) from candidate c), 1)::double precision as mean_length
    ),
    rarity as (
      select w.lexeme, ln(1 + (whole.passages - least(f.passages, whole.passages) + 0.5) / (least(f.passages, whole.passages) + 0.5)) as idf
      from word w cross join whole
      cross join lateral (
        select case when size is null then (select count(*) from hit h where h.lexeme = w.lexeme)::double precision
          else coalesce((select k.passages from bulkhead_lexical.word k
            where k.tenant_id = tenant and k.schema_name = container and k.lexeme = w.lexeme), 1) end as passages
      ) f
    )
    select tenant, h.passage,
      sum(r.idf * h.n * 2.2 / (h.n + 1.2 * (0.25 + 0.75 * h.length / greatest(whole.mean_length, 1)))) as score
    from hit h join rarity r using (lexeme) cross join whole
    group by h.passage
    order by 3 desc, 2
    limit most;
end
$$;

revoke all on function bulkhead_lexical.keep() from public;
revoke all on function bulkhead_lexical.search(text, text, regconfig, integer) from public;
grant execute on function bulkhead_lexical.search(text, text, regconfig, integer) to {{app_role}};
alter function bulkhead_lexical.keep() owner to {{wall_role}};
alter function bulkhead_lexical.search(text, text, regconfig, integer) owner to {{wall_role}};
