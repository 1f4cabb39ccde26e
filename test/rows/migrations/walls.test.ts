import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BulkheadError } from '../../../src/core/errors.ts';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { checkWalls, findWallProblems } from '../../../src/compartments/rows/migrations/wall-check.ts';
import { engines, type TestDatabase } from './support/databases.ts';
import { folderOf } from './support/folders.ts';

const folder = folderOf(`create table note (id uuid primary key, body text);
  create table line (id uuid primary key, note uuid references note);
  create view v as select * from note;
  create table day (id uuid, at date, primary key (id, at)) partition by range (at);
  create table day_all partition of day default;
  -- bulkhead: shared
  create table country (code text primary key);`);

/** One thing done by hand, and what the check must say of it. */
interface Fault {
  readonly done: string;
  readonly sql: string;
  readonly name: string;
  readonly problem: RegExp;
}

const unwalled = /no tenant_id and is not declared shared/;
const faults: readonly Fault[] = [
  { done: 'a table made by hand', sql: 'create table extra (id int)', name: 'extra', problem: unwalled },
  {
    done: 'a table with a tenant and no wall',
    sql: 'create table extra (tenant_id uuid not null default bulkhead_wall.current_tenant_id() primary key)',
    name: 'extra',
    problem: /row-level security off/,
  },
  {
    done: 'row-level security off',
    sql: 'alter table note disable row level security',
    name: 'note',
    problem: /off or not forced/,
  },
  {
    done: 'force lifted',
    sql: 'alter table note no force row level security',
    name: 'note',
    problem: /not forced/,
  },
  {
    done: 'the wall dropped',
    sql: 'drop policy bulkhead_wall on note',
    name: 'note',
    problem: /two policies/,
  },
  {
    done: 'a policy more',
    sql: 'create policy more on note using (true)',
    name: 'note',
    problem: /two policies/,
  },
  {
    done: 'the wall opened',
    sql: 'alter policy bulkhead_wall on note using (true)',
    name: 'note',
    problem: /two policies/,
  },
  {
    done: 'the wall opened for writing',
    sql: 'alter policy bulkhead_wall on note with check (true)',
    name: 'note',
    problem: /two policies/,
  },
  {
    done: 'the wall for some',
    sql: 'alter policy bulkhead_wall on note to current_user',
    name: 'note',
    problem: /two policies/,
  },
  {
    done: 'a back door in the wall',
    sql: `alter policy bulkhead_wall on note using (tenant_id = (select bulkhead_wall.current_tenant_id()) or current_setting('x.y', true) = 'z')`,
    name: 'note',
    problem: /two policies/,
  },
  {
    done: 'the wall asked for each row',
    sql: 'alter policy bulkhead_wall on note using (tenant_id = bulkhead_wall.current_tenant_id())',
    name: 'note',
    problem: /two policies/,
  },
  {
    done: 'a partition without a wall',
    sql: 'alter table day_all disable row level security',
    name: 'day_all',
    problem: /off or not forced/,
  },
  {
    done: 'a right on a partition',
    sql: 'grant select on day_all to {{role}}',
    name: 'day_all',
    problem: /gives SELECT/,
  },
  {
    done: 'a tenant that may be missing',
    sql: 'alter table line drop constraint line_pkey; alter table line alter tenant_id drop not null',
    name: 'line',
    problem: /tenant_id that is not/,
  },
  {
    done: 'a tenant of one’s own choice',
    sql: 'alter table note alter tenant_id set default gen_random_uuid()',
    name: 'note',
    problem: /tenant_id that is not/,
  },
  {
    done: 'a unique index over all tenants',
    sql: 'create unique index loose on note (body)',
    name: 'note',
    problem: /unique index .*loose without tenant_id/,
  },
  {
    done: 'a tenant that is only carried along',
    sql: 'create unique index loose on note (body) include (tenant_id)',
    name: 'note',
    problem: /loose without tenant_id/,
  },
  {
    done: 'a foreign key across tenants',
    sql: 'create unique index loose on note (id); alter table line add constraint across foreign key (id) references note (id)',
    name: 'line',
    problem: /foreign key across/,
  },
  {
    done: 'a foreign key that empties the tenant',
    sql: 'alter table line add constraint empties foreign key (tenant_id, id) references note on delete set null',
    name: 'line',
    problem: /foreign key empties/,
  },
  {
    done: 'a foreign key that leaves the schema',
    sql: 'create table public.away (id uuid primary key); alter table line add constraint away foreign key (id) references public.away',
    name: 'line',
    problem: /foreign key away/,
  },
  {
    done: 'no index for the tenant',
    sql: 'alter table line drop constraint line_pkey',
    name: 'line',
    problem: /no index that begins/,
  },
  {
    done: 'a right for everybody',
    sql: 'grant select on note to public',
    name: 'note',
    problem: /gives SELECT to PUBLIC/,
  },
  { done: 'TRUNCATE', sql: 'grant truncate on note to {{role}}', name: 'note', problem: /gives TRUNCATE/ },
  {
    done: 'UPDATE of the whole row',
    sql: 'grant update on note to {{role}}',
    name: 'note',
    problem: /gives UPDATE/,
  },
  {
    done: 'UPDATE of the tenant',
    sql: 'grant update (tenant_id) on note to {{role}}',
    name: 'note',
    problem: /gives UPDATE of tenant_id/,
  },
  {
    done: 'a right to hand on',
    sql: 'grant select on note to {{role}} with grant option',
    name: 'note',
    problem: /gives SELECT/,
  },
  {
    done: 'a right to write shared rows',
    sql: 'grant insert on country to {{role}}',
    name: 'country',
    problem: /gives INSERT/,
  },
  {
    done: 'a right to write a shared column',
    sql: 'grant update (code) on country to {{role}}',
    name: 'country',
    problem: /gives UPDATE of code/,
  },
  {
    done: 'a view of its owner',
    sql: 'alter view v reset (security_invoker)',
    name: 'v',
    problem: /security_invoker/,
  },
  {
    done: 'a materialized view',
    sql: 'create materialized view m as select * from note',
    name: 'm',
    problem: /materialized/,
  },
  { done: 'a sequence', sql: 'create sequence s', name: 's', problem: /sequence/ },
  {
    done: 'a rule',
    sql: 'create rule r as on delete to note do instead nothing',
    name: 'note',
    problem: /rule r/,
  },
  { done: 'inheritance', sql: 'create table child () inherits (note)', name: 'child', problem: /inherits/ },
  {
    done: 'a definer function',
    sql: `create function f() returns int language sql security definer as 'select 1'`,
    name: 'f',
    problem: /SECURITY DEFINER/,
  },
  {
    done: 'a leakproof function',
    sql: `create function f() returns int language sql leakproof as 'select 1'`,
    name: 'f',
    problem: /LEAKPROOF/,
  },
  {
    done: 'a function in C',
    sql: `create function f() returns trigger language internal as 'suppress_redundant_updates_trigger'`,
    name: 'f',
    problem: /language/,
  },
  {
    done: 'a trigger of another schema',
    sql: `create function public.away() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on note for each row execute function public.away()`,
    name: 'note',
    problem: /trigger t/,
  },
];

class Undone extends Error {}

describe.each(engines)('the check of the walls on $name', (engine) => {
  let database: TestDatabase;
  let container: { schema: string; role: string };
  let shared: readonly string[];
  beforeAll(async () => {
    database = await engine.open();
    const compiled = await compileMigrations(database.admin, [folder]);
    ({ shared } = compiled);
    container = await database.createContainer('shared');
    for (const each of [container, await database.createContainer(`tenant_${'a'.repeat(32)}`)])
      await applyMigrations(database.admin, { ...each, migrations: compiled.migrations });
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test('has nothing to say of what migrations made', async () => {
    expect(shared).toEqual(['country']);
    expect(await findWallProblems(database.admin, { schemas: 'all', shared })).toEqual([]);
    await checkWalls(database.admin, { schemas: 'all', shared });
  });

  test('looks at every container in one query', async () => {
    const problems = await findWallProblems(database.admin, { schemas: 'all', shared: [] });
    expect(problems.map(({ schema, name }) => `${schema}.${name}`)).toEqual([
      'shared.country',
      `tenant_${'a'.repeat(32)}.country`,
    ]);
  });

  test('stops the start and names the table', async () => {
    const error = await checkWalls(database.admin, { schemas: 'all', shared: [] }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(BulkheadError);
    expect(error).toMatchObject({
      code: 'table_unwalled',
      detail: { tables: ['shared.country', `tenant_${'a'.repeat(32)}.country`], count: 2 },
    });
  });

  test.each(faults)('finds $done', async ({ sql, name, problem }) => {
    const found = await database.admin
      .transaction(async (tx) => {
        await tx.script(
          `set local search_path to shared; ${sql.replaceAll('{{role}}', container.role)}; set local search_path to public`,
        );
        const problems = await findWallProblems(tx, { schemas: 'all', shared });
        throw Object.assign(new Undone(), { problems });
      })
      .catch((error: unknown) => {
        if (error instanceof Undone && 'problems' in error) return error.problems;
        throw error;
      });
    expect(found).toContainEqual({
      schema: 'shared',
      name,
      problem: expect.stringMatching(problem) as unknown,
    });
  });
});
