/** Migrations that must be refused. The last file is the one that is wrong. */
export interface Refusal {
  readonly because: string;
  readonly files: readonly string[];
  readonly line: number;
  readonly reason: RegExp;
}

const notes = 'create table notes (id uuid primary key default gen_random_uuid(), body text not null);\n';

function one(because: string, text: string, line: number, reason: RegExp): Refusal {
  return { because, files: [text], line, reason };
}

/** On top of a file that makes the table `notes`. */
function after(because: string, text: string, line: number, reason: RegExp): Refusal {
  return { because, files: [notes, text], line, reason };
}

const names: readonly Refusal[] = [
  one('a table in another schema', 'create table public.notes (id uuid primary key);', 1, /names a schema/),
  one('a table in the system schema', '\n\ncreate table pg_catalog.notes (id uuid);', 3, /names a schema/),
  after('a view over another schema', 'create view v as select * from tenant_0.notes;', 1, /names a schema/),
  after(
    'a view over the system tables',
    'create view v as select * from pg_stat_activity;',
    1,
    /belongs to the system/,
  ),
  after(
    'a view over the wall',
    'create view v as select * from bulkhead_wall.capability;',
    1,
    /names a schema/,
  ),
  after('a drop in another schema', 'drop table public.notes;', 1, /names a schema/),
  after('a comment in another schema', `comment on table public.notes is 'x';`, 1, /names a schema/),
  after('a type of another schema', 'alter table notes add column x public.mood;', 1, /names a schema/),
  after(
    'an operator of another schema',
    'create view v as select 1 operator(public.=) 1 as x;',
    1,
    /operator/,
  ),
  after(
    'a function of another schema',
    'alter table notes add column x text default public.f();',
    1,
    /names a schema/,
  ),
  after('a move to another schema', 'alter table notes set schema public;', 1, /inside its container/),
  one(
    'a name of the system',
    'create table bulkhead_notes (id uuid primary key);',
    1,
    /belongs to the system/,
  ),
  one('a name that hides things', 'create table "no-tes; --" (id uuid primary key);', 1, /not a simple name/),
  one('a schema', 'create schema mine;', 1, /inside its container/),
  one(
    'a function that makes settings',
    `create table a (x text default set_config('role', 'x', false));`,
    1,
    /reaches outside/,
  ),
];

const statements: readonly Refusal[] = [
  one('text that does not parse', 'create table a (id uuid);\ncreate tabel b (id uuid);', 2, /syntax error/),
  one(
    'a transaction of its own',
    'begin;\ncreate table a (id uuid primary key);\ncommit;',
    1,
    /one transaction/,
  ),
  after('a savepoint', 'savepoint a;', 1, /one transaction/),
  one('a setting', 'set search_path = public;', 1, /settings outlive/),
  one('a reset', 'reset all;', 1, /settings outlive/),
  one('a discard', 'discard all;', 1, /settings outlive/),
  after('a right for somebody', 'grant select on notes to public;', 1, /rights on tables/),
  after('a right taken', 'revoke select on notes from public;', 1, /rights on tables/),
  one('a role', 'create role spy;', 1, /roles and their rights/),
  one('a changed role', 'alter role current_user superuser;', 1, /roles and their rights/),
  one('a role setting', 'alter role current_user set row_security = off;', 1, /settings/),
  one('a database', 'create database other;', 1, /outside of the container/),
  one(
    'default rights',
    'alter default privileges grant select on tables to public;',
    1,
    /roles and their rights/,
  ),
  after('a policy', 'create policy mine on notes using (true);', 1, /policies are made by Bulkhead/),
  after('the wall dropped', 'drop policy bulkhead_wall on notes;', 1, /nothing else/),
  after('the wall altered', 'alter policy bulkhead_wall on notes using (true);', 1, /policies/),
  after('row-level security off', 'alter table notes disable row level security;', 1, /the wall/),
  after(
    'force lifted',
    'alter table notes\n  add column x text,\n  no force row level security;',
    3,
    /weakened/,
  ),
  after('a new owner', 'alter table notes owner to current_user;', 1, /owner/),
  after('a materialized view', 'create materialized view m as select * from notes;', 1, /materialized view/),
  after('a table from a query', 'create table copy as select * from notes;', 1, /cannot be walled/),
  after('a select into', 'select * into copy from notes;', 1, /changes something/),
  one('a foreign table', 'create foreign table f (id uuid) server s;', 1, /foreign table/),
  after('a COPY', `copy notes to '/tmp/notes';`, 1, /COPY does not see the wall/),
  one('a DO block', 'do $$ begin null; end $$;', 1, /DO block/),
  one(
    'an event trigger',
    'create event trigger e on ddl_command_end execute function f();',
    1,
    /not supported/,
  ),
  after('a publication', 'create publication p for table notes;', 1, /replication/),
  after('a rule', 'create rule r as on insert to notes do instead nothing;', 1, /rule/),
  one('a sequence', 'create sequence numbers;', 1, /how many rows/),
  after('extended statistics', 'create statistics s on id, body from notes;', 1, /statistics/),
  after('a TRUNCATE', 'truncate notes;', 1, /does not see the wall/),
  one('an extension that leads out', 'create extension dblink;', 1, /not one that tenants may share/),
  one(
    'an extension somewhere else',
    'create extension citext schema public;',
    1,
    /chooses schema and version/,
  ),
  one(
    'an operator class of one’s own',
    'create aggregate total (int) (sfunc = int4pl, stype = int);',
    1,
    /operators, aggregates/,
  ),
  one('a notification', `notify x, 'y';`, 1, /every tenant/),
  one('a lock', 'lock table notes;', 1, /locks/),
];

const tables: readonly Refusal[] = [
  one('a serial key', 'create table a (\n  id serial primary key,\n  x text\n);', 2, /how many rows/),
  one('a bigserial column', 'create table a (id uuid primary key, n bigserial);', 1, /how many rows/),
  one(
    'an identity column',
    'create table a (id int generated always as identity primary key);',
    1,
    /how many rows/,
  ),
  after(
    'an identity added later',
    'alter table notes add column n int generated by default as identity;',
    1,
    /how many rows/,
  ),
  one('an unlogged table', 'create unlogged table a (id uuid primary key);', 1, /crash/),
  one('a temporary table', 'create temp table a (id uuid primary key);', 1, /temporary/),
  after('inheritance', 'create table a (x text) inherits (notes);', 1, /child/),
  after('a copied shape', 'create table a (like notes including all);', 1, /LIKE/),
  one(
    'a tenant of the wrong type',
    'create table a (id uuid primary key,\n  tenant_id text not null);',
    2,
    /must be of type uuid/,
  ),
  one(
    'a tenant that may be missing',
    'create table a (\n  tenant_id uuid,\n  id uuid primary key);',
    2,
    /must be NOT NULL/,
  ),
  one(
    'a tenant of one’s own making',
    `create table a (tenant_id uuid not null default gen_random_uuid());`,
    1,
    /its own default/,
  ),
  one('a tenant list', 'create table a (tenant_id uuid[] not null);', 1, /must be of type uuid/),
  after('the tenant dropped', 'alter table notes drop column tenant_id;', 1, /cannot be altered or dropped/),
  after(
    'the tenant made optional',
    'alter table notes alter column tenant_id drop not null;',
    1,
    /cannot be altered/,
  ),
  after(
    'another default for the tenant',
    'alter table notes alter tenant_id set default gen_random_uuid();',
    1,
    /cannot be altered/,
  ),
  after('the tenant renamed', 'alter table notes rename column tenant_id to t;', 1, /cannot be renamed/),
  after(
    'a column that becomes the tenant',
    'alter table notes rename column body to tenant_id;',
    1,
    /cannot be renamed/,
  ),
  one(
    'a shared table with a tenant',
    '-- bulkhead: shared\ncreate table a (id int primary key, tenant_id uuid not null);',
    2,
    /declared shared/,
  ),
  one(
    'a shared table that refers to tenants',
    `${notes}-- bulkhead: shared\ncreate table a (\n  note uuid references notes);`,
    4,
    /must not refer to notes/,
  ),
  one(
    'a word to Bulkhead that nobody hears',
    `-- bulkhead: shared\n\ncreate table a (id uuid primary key);`,
    1,
    /says nothing here/,
  ),
  one(
    'a word that it does not know',
    `-- bulkhead: share\ncreate table a (id uuid primary key);`,
    1,
    /says nothing here/,
  ),
  one(
    'a reference to the registry',
    'create table a (tenant_id uuid not null references tenants (id), x text);',
    1,
    /not a table of this folder/,
  ),
  after(
    'a reference across tenants',
    'create table a (id uuid primary key, t uuid,\n  foreign key (t, id) references notes (tenant_id, id));',
    2,
    /must refer to tenant_id/,
  ),
  after(
    'an ON UPDATE that empties the tenant',
    'create table a (note uuid references notes on update set null);',
    1,
    /would change tenant_id/,
  ),
  after(
    'an ON DELETE that empties the tenant',
    'create table a (note uuid, foreign key (tenant_id, note) references notes on delete set null (tenant_id));',
    1,
    /must not change tenant_id/,
  ),
  one(
    'an exclusion over all tenants',
    'create table a (\n  id uuid primary key,\n  at tstzrange,\n  exclude using gist (at with &&));',
    4,
    /exclusion/,
  ),
  after('an unchecked key', 'create table a (note uuid references notes not enforced);', 1, /enforced/),
  after('a vector graph over all tenants', 'create index on notes using hnsw (body);', 1, /one graph/),
  after('a hash index', 'create index on notes using hash (body);', 1, /hash/),
  after('an index without a transaction', 'create index concurrently i on notes (body);', 1, /CONCURRENTLY/),
  after('triggers switched off', 'alter table notes disable trigger all;', 1, /foreign keys off/),
  after('a tablespace', 'create table a (id uuid) tablespace fast;', 1, /tablespace/),
];

const code: readonly Refusal[] = [
  after(
    'a definer function',
    'create function f() returns bigint language sql security definer as $$ select count(*) from notes $$;',
    1,
    /SECURITY DEFINER/,
  ),
  one(
    'a leakproof function',
    'create function f(x int) returns int language sql leakproof immutable as $$ select x $$;',
    1,
    /LEAKPROOF/,
  ),
  one(
    'an untrusted language',
    'create function f() returns int language plpython3u as $$ return 1 $$;',
    1,
    /sql or plpgsql/,
  ),
  one('a function in C', `create function f() returns int language c as 'lib', 'f';`, 1, /sql or plpgsql/),
  one(
    'a function with settings',
    'create function f() returns int language sql set row_security = off as $$ select 1 $$;',
    1,
    /option SET/,
  ),
  one(
    'dynamic SQL',
    `create function f(t text) returns void language plpgsql as $$ begin execute 'drop table ' || t; end $$;`,
    1,
    /dynamic SQL/,
  ),
  one(
    'a function over another schema',
    'create function f() returns bigint language sql as $$ select count(*) from public.secrets $$;',
    1,
    /names a schema/,
  ),
  one(
    'a function that makes settings',
    `create function f() returns text language plpgsql as $$ begin return set_config('a.b', 'c', false); end $$;`,
    1,
    /set_config/,
  ),
  after(
    'a view that reads as its owner',
    'create view v with (security_invoker = false) as select * from notes;',
    1,
    /security_invoker/,
  ),
  after(
    'a view opened later',
    'create view v as select * from notes;\nalter view v set (security_invoker = false);',
    2,
    /views keep/,
  ),
  after('a call', 'call something();', 1, /procedure/),
];

const counting = (body: string): string => `create function f() returns trigger language plpgsql as $$
declare n bigint; begin ${body} new.n := n; return new; end $$;
create table lines (id uuid primary key, n bigint, note uuid references notes on delete set null);
create trigger t before update on lines for each row execute function f();`;

/** PostgreSQL runs these past the wall. */
const ownerCode: readonly Refusal[] = [
  after(
    'a trigger that counts inside a cascade',
    counting('select count(*) into n from lines;'),
    4,
    /owner’s rights/,
  ),
  after('one that does so in an expression', counting('n := count(*) from lines;'), 4, /owner’s rights/),
  after(
    'one that calls another',
    `${counting('n := g();')}\ncreate function g() returns bigint language sql as $$ select count(*) from lines $$;`,
    4,
    /owner’s rights/,
  ),
  after(
    'a check that looks at tables',
    `create function f() returns boolean language sql stable as $$ select exists (select from notes) $$;
alter table notes add constraint c check (f());`,
    2,
    /owner’s rights/,
  ),
  after(
    'a default that looks at tables',
    `create function f() returns bigint language plpgsql as $$ begin return (select count(*) from notes); end $$;
create table a (n bigint default f());`,
    2,
    /owner’s rights/,
  ),
];

const data: readonly Refusal[] = [
  after('rows of nobody', `insert into notes (body) values ('x');`, 1, /belong to tenants/),
  after(
    'rows of nobody, hidden in a query',
    `with x as (insert into notes (body) values ('x') returning id) delete from notes using x;`,
    1,
    /belong to tenants/,
  ),
  after(
    'rows handed to another tenant',
    'update notes set tenant_id = gen_random_uuid();',
    1,
    /another tenant/,
  ),
  one(
    'a shared word at the end of the line',
    'create table a (id uuid primary key); -- bulkhead: shared',
    1,
    /says nothing here/,
  ),
  one(
    'a shared partition',
    `create table a (id int primary key) partition by range (id);
-- bulkhead: shared
create table b partition of a default;`,
    3,
    /shared when its table is/,
  ),
  {
    because: 'a new value used before it is committed',
    files: [
      `create type mood as enum ('good');`,
      `alter type mood add value 'bad';\ncreate table a (m mood default 'bad');`,
    ],
    line: 1,
    reason: /only after it is committed/,
  },
  one(
    'a setting made inside a function',
    `create function f() returns int language plpgsql as $$ begin set local role x; return 1; end $$;`,
    1,
    /uses set/,
  ),
  after('a table that is not there', 'alter table note add column x text;', 1, /not a table of this folder/),
  after('a column that is not there', '\ncreate view v as\n  select nobody from notes;', 2, /does not exist/),
];

export const refusals: readonly Refusal[] = [
  ...names,
  ...statements,
  ...tables,
  ...code,
  ...ownerCode,
  ...data,
];
