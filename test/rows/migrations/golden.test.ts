import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { readCatalogue, type CatalogueFacts } from './support/catalogue.ts';
import { engines, type TestDatabase } from './support/databases.ts';
import { folderOf } from './support/folders.ts';

interface Golden {
  readonly what: string;
  readonly files: readonly string[];
  /** Lines that must be among the facts, by kind. */
  readonly facts: Partial<CatalogueFacts>;
  /** Kinds whose facts must be these and no others. */
  readonly whole?: readonly (keyof CatalogueFacts)[];
}

const people = 'create table person (id uuid primary key, email text not null unique);';
const wall = '(tenant_id = ( SELECT bulkhead_wall.current_tenant_id() AS current_tenant_id))';

const cases: readonly Golden[] = [
  {
    what: 'a plain table is walled whole',
    files: [people],
    facts: {
      columns: [
        'person.email text not null',
        'person.id uuid not null',
        'person.tenant_id uuid not null default bulkhead_wall.current_tenant_id()',
      ],
      constraints: [
        'person: person_email_key UNIQUE (tenant_id, email)',
        'person: person_pkey PRIMARY KEY (tenant_id, id)',
      ],
      indexes: [
        'person: UNIQUE person_email_key btree (tenant_id, email)',
        'person: UNIQUE person_pkey btree (tenant_id, id)',
      ],
      policies: ['person: permissive true true forced', `person: restrictive ${wall} ${wall} forced`],
      rights: ['person: ROLE=delete ROLE=insert ROLE=select ROLE=update(email) ROLE=update(id)'],
      views: [],
    },
    whole: ['columns', 'constraints', 'indexes', 'policies', 'rights', 'views'],
  },
  {
    what: 'a tenant column of the user’s own is taken as it is',
    files: [
      'create table a (x text, tenant_id uuid not null, primary key (tenant_id, x), unique (x, tenant_id));',
    ],
    facts: {
      constraints: ['a: a_pkey PRIMARY KEY (tenant_id, x)', 'a: a_x_tenant_id_key UNIQUE (x, tenant_id)'],
      columns: ['a.tenant_id uuid not null default bulkhead_wall.current_tenant_id()', 'a.x text not null'],
    },
    whole: ['constraints', 'columns'],
  },
  {
    what: 'one row a tenant is a table whose key is the tenant',
    files: ['create table profile (tenant_id uuid primary key, name text);'],
    facts: { constraints: ['profile: profile_pkey PRIMARY KEY (tenant_id)'] },
    whole: ['constraints'],
  },
  {
    what: 'a table without a key still gets an index that finds a tenant’s rows',
    files: ['create table event (at timestamptz, what text);'],
    facts: { indexes: ['event: event_tenant_id_idx btree (tenant_id)'] },
    whole: ['indexes'],
  },
  {
    what: 'foreign keys tie tenant to tenant, wherever they are written',
    files: [
      `${people}
      create table a (
        id uuid primary key,
        one uuid references person, -- a comment, with (brackets
        two text references person (email) on update cascade on delete cascade,
        three uuid constraint third references person (id) deferrable initially deferred not null,
        four uuid,
        foreign key (four) references person
      );`,
    ],
    facts: {
      constraints: [
        'a: a_one_fkey FOREIGN KEY (tenant_id, one) REFERENCES person(tenant_id, id)',
        'a: a_two_fkey FOREIGN KEY (tenant_id, two) REFERENCES person(tenant_id, email) ON UPDATE CASCADE ON DELETE CASCADE',
        'a: third FOREIGN KEY (tenant_id, three) REFERENCES person(tenant_id, id) DEFERRABLE INITIALLY DEFERRED',
        'a: a_four_fkey FOREIGN KEY (tenant_id, four) REFERENCES person(tenant_id, id)',
      ],
      columns: ['a.three uuid not null', 'a.one uuid'],
    },
  },
  {
    what: 'ON DELETE SET NULL and SET DEFAULT leave the tenant alone',
    files: [
      `${people} create table a (
        one uuid references person on delete set null,
        two uuid default gen_random_uuid() references person on delete set default);`,
    ],
    facts: {
      constraints: [
        'a: a_one_fkey FOREIGN KEY (tenant_id, one) REFERENCES person(tenant_id, id) ON DELETE SET NULL (one)',
        'a: a_two_fkey FOREIGN KEY (tenant_id, two) REFERENCES person(tenant_id, id) ON DELETE SET DEFAULT (two)',
      ],
    },
  },
  {
    what: 'a table may refer to itself',
    files: ['create table node (id uuid primary key, parent uuid references node on delete cascade);'],
    facts: {
      constraints: [
        'node: node_parent_fkey FOREIGN KEY (tenant_id, parent) REFERENCES node(tenant_id, id) ON DELETE CASCADE',
      ],
    },
  },
  {
    what: 'MATCH FULL is about the user’s columns',
    files: [
      `create table pair (a int, b int, primary key (a, b));
      create table c (x int, y int, constraint whole foreign key (x, y) references pair match full);`,
    ],
    facts: {
      constraints: [
        'c: whole FOREIGN KEY (tenant_id, x, y) REFERENCES pair(tenant_id, a, b)',
        'c: whole_full CHECK ((num_nulls(x, y) = ANY (ARRAY[0, 2])))',
      ],
    },
  },
  {
    what: 'unique constraints keep what else they say',
    files: [
      `create table a (id uuid primary key, x int, y int, z text,
        unique nulls not distinct (x), constraint once unique (y) include (z) deferrable);`,
    ],
    facts: {
      constraints: [
        'a: a_x_key UNIQUE NULLS NOT DISTINCT (tenant_id, x)',
        'a: once UNIQUE (tenant_id, y) INCLUDE (z) DEFERRABLE',
      ],
    },
  },
  {
    what: 'indexes begin with the tenant, and keep expressions and conditions',
    files: [
      `${people}
      create unique index person_lower on person (lower(email)) where email <> '';
      create index on person (email desc nulls last);
      create index person_mine on person (tenant_id, email);
      create index person_words on person using gin (to_tsvector('english', email));`,
    ],
    facts: {
      indexes: [
        `person: UNIQUE person_lower btree (tenant_id, lower(email)) WHERE (email <> ''::text)`,
        'person: person_tenant_id_email_idx btree (tenant_id, email DESC NULLS LAST)',
        'person: person_mine btree (tenant_id, email)',
        `person: person_words gin (to_tsvector('english'::regconfig, email))`,
      ],
    },
  },
  {
    what: 'an exclusion that compares the tenant is taken',
    files: [
      `create extension btree_gist;
      create table booking (id uuid primary key, at tstzrange, exclude using gist (tenant_id with =, at with &&));`,
    ],
    facts: {
      constraints: ['booking: booking_tenant_id_at_excl EXCLUDE USING gist (tenant_id WITH =, at WITH &&)'],
    },
  },
  {
    what: 'shared tables have no tenant and are read only',
    files: [
      `-- Countries of the world.
      -- bulkhead: shared
      create table country (code text primary key, name text not null unique);
      insert into country values ('CH', 'Switzerland');
      create index on country (name, code);
      create table address (id uuid primary key, country text not null references country);`,
    ],
    facts: {
      constraints: [
        'address: address_country_fkey FOREIGN KEY (country) REFERENCES country(code)',
        'address: address_pkey PRIMARY KEY (tenant_id, id)',
        'country: country_name_key UNIQUE (name)',
        'country: country_pkey PRIMARY KEY (code)',
      ],
      columns: [
        'address.country text not null',
        'address.id uuid not null',
        'address.tenant_id uuid not null default bulkhead_wall.current_tenant_id()',
        'country.code text not null',
        'country.name text not null',
      ],
      rights: [
        'address: ROLE=delete ROLE=insert ROLE=select ROLE=update(country) ROLE=update(id)',
        'country: ROLE=select',
      ],
    },
    whole: ['constraints', 'columns', 'rights'],
  },
  {
    what: 'views read as whoever asks, also when they are replaced',
    files: [
      `${people} create view v as select * from person; create view w with (security_barrier) as select 1 as x;`,
      'create or replace view v as select *, 1 as more from person;',
    ],
    facts: {
      views: ['v: security_invoker=true', 'w: security_barrier=true,security_invoker=true'],
      rights: [
        'person: ROLE=delete ROLE=insert ROLE=select ROLE=update(email) ROLE=update(id)',
        'v: ROLE=select',
        'w: ROLE=select',
      ],
    },
    whole: ['views', 'rights'],
  },
  {
    what: 'partitions are walled too, and reached through their table alone',
    files: [
      `create table event (id uuid, at date not null, primary key (id, at)) partition by range (at);
      create table event_2026 partition of event for values from ('2026-01-01') to ('2027-01-01');`,
      `create table event_2027 (id uuid, at date not null, primary key (id, at));`,
      `alter table event attach partition event_2027 for values from ('2027-01-01') to ('2028-01-01');`,
    ],
    facts: {
      rights: ['event: ROLE=delete ROLE=insert ROLE=select ROLE=update(at) ROLE=update(id)'],
      policies: [
        'event: permissive true true forced',
        'event_2026: permissive true true forced',
        'event_2027: permissive true true forced',
        `event: restrictive ${wall} ${wall} forced`,
        `event_2026: restrictive ${wall} ${wall} forced`,
        `event_2027: restrictive ${wall} ${wall} forced`,
      ],
    },
    whole: ['rights', 'policies'],
  },
  {
    what: 'a partition that is let go becomes a table of its own',
    files: [
      `create table event (id uuid, at date not null, primary key (id, at)) partition by range (at);
      create table old partition of event default;`,
      'alter table event detach partition old;',
    ],
    facts: {
      rights: [
        'event: ROLE=delete ROLE=insert ROLE=select ROLE=update(at) ROLE=update(id)',
        'old: ROLE=delete ROLE=insert ROLE=select ROLE=update(at) ROLE=update(id)',
      ],
    },
    whole: ['rights'],
  },
  {
    what: 'what later files add is walled as well',
    files: [
      people,
      `alter table person add column nick text constraint nick_once unique, add column boss uuid references person on delete set null;
      alter table person add constraint shout check (email <> upper(email)), drop constraint person_email_key;
      alter table person add column "group" text not null default 'all', alter column nick set default 'x';`,
      `alter table person rename column email to mail; alter table person rename to people;`,
    ],
    facts: {
      constraints: [
        'people: nick_once UNIQUE (tenant_id, nick)',
        'people: person_boss_fkey FOREIGN KEY (tenant_id, boss) REFERENCES people(tenant_id, id) ON DELETE SET NULL (boss)',
        'people: person_pkey PRIMARY KEY (tenant_id, id)',
        'people: shout CHECK ((mail <> upper(mail)))',
      ],
      rights: [
        'people: ROLE=delete ROLE=insert ROLE=select ROLE=update(boss) ROLE=update(group) ROLE=update(id) ROLE=update(mail) ROLE=update(nick)',
      ],
    },
    whole: ['constraints', 'rights'],
  },
  {
    what: 'types, functions, triggers and comments come along',
    files: [
      `create type mood as enum ('good', 'bad'); alter type mood add value 'none';
      create domain short as text check (length(value) < 10);
      create function touch() returns trigger language plpgsql as $$
      begin
        if new is distinct from old then new.at := now() + extract(epoch from now()) * interval '0'; end if;
        return new;
      end $$;
      create table a (id uuid primary key, m mood, s short, at timestamptz, up uuid references a on delete set null);
      create trigger a_touch before update on a for each row execute function touch();
      comment on table a is 'tables; with "quotes" and $$dollars$$';
      comment on column a.m is 'mood'; drop type if exists nothing; drop function if exists nothing();`,
    ],
    facts: { columns: ['a.m mood', 'a.s short'] },
  },
  {
    what: 'new values of a type are committed before they are used',
    files: [
      `create type mood as enum ('good'); create table a (m mood);`,
      `alter type mood add value 'bad';`,
      `alter table a alter m set default 'bad';`,
    ],
    facts: { columns: [`a.m mood default 'bad'::mood`] },
  },
  {
    what: 'a deferred key is looked at before its table is altered again',
    files: [
      `create table a (id uuid primary key, b uuid references a deferrable initially deferred, tenant_id uuid not null);
      insert into a (tenant_id, id, b) values (gen_random_uuid(), gen_random_uuid(), null);
      alter table a add column c text;`,
    ],
    facts: { columns: ['a.c text'] },
  },
  {
    what: 'a constraint may be made of a unique index',
    files: [
      `create table a (x int not null); create unique index i on a (x); alter table a add constraint once unique using index i;`,
    ],
    facts: { constraints: ['a: once UNIQUE (tenant_id, x)'] },
    whole: ['constraints'],
  },
  {
    what: 'text that is not ASCII, and comments in odd places, keep their place',
    files: [
      `create /* a; b */ table words (-- "ünïcode", (brackets) and , commas
        id uuid -- é
          primary /* key */ key, "from" text default 'é, ''x'' (' unique, z int unique, y int references /* self */ words (z)
      );`,
    ],
    facts: {
      constraints: [
        'words: words_from_key UNIQUE (tenant_id, "from")',
        'words: words_pkey PRIMARY KEY (tenant_id, id)',
        'words: words_y_fkey FOREIGN KEY (tenant_id, y) REFERENCES words(tenant_id, z)',
        'words: words_z_key UNIQUE (tenant_id, z)',
      ],
    },
    whole: ['constraints'],
  },
  {
    what: 'names that need quotes keep them',
    files: ['create table "Order" (id uuid primary key, "from" text unique, "camelCase" int);'],
    facts: {
      constraints: ['Order: Order_from_key UNIQUE (tenant_id, "from")'],
      rights: [
        'Order: ROLE=delete ROLE=insert ROLE=select ROLE=update(camelCase) ROLE=update(from) ROLE=update(id)',
      ],
    },
  },
];

describe.each(engines)('migrations on $name', (engine) => {
  let database: TestDatabase;
  let next = 0;
  beforeAll(async () => {
    database = await engine.open();
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test.each(cases)('$what', async ({ files, facts, whole = [] }) => {
    const { migrations } = await compileMigrations(database.admin, [folderOf(...files)]);
    next += 1;
    const container = await database.createContainer(`tenant_${String(next).padStart(32, '0')}`);
    await applyMigrations(database.admin, { ...container, migrations });
    const found = await readCatalogue(database.admin, container);
    for (const [kind, lines] of Object.entries(facts) as [keyof CatalogueFacts, readonly string[]][]) {
      const expected = lines.toSorted();
      expect(whole.includes(kind) ? found[kind] : found[kind].filter((line) => lines.includes(line))).toEqual(
        expected,
      );
    }
  });
});
