import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newTenantId } from '../../../src/core/ids.ts';
import { phases } from '../../../src/fleet/adopt/plan.ts';
import { describeWith } from '../../support/services.ts';
import { asRole, countAll, fingerprint, openFixture, type AdoptedDatabase } from './support.ts';

const fixtures = [
  { name: 'rental', shared: ['language'], probe: 'film', tables: 13 },
  { name: 'trade', shared: ['region', 'territory'], probe: 'customer', tables: 8 },
] as const;

describeWith('postgres', 'adopting a database of one customer', (url) => {
  for (const { name, shared, probe, tables } of fixtures) {
    describe(name, () => {
      let database: AdoptedDatabase;
      const options = { shared };
      beforeAll(async () => {
        database = await openFixture(url, name);
      });
      afterAll(() => database[Symbol.asyncDispose]());

      test('the plan names every table and every step, and changes nothing', async () => {
        const before = await fingerprint(database.root);
        const plan = await database.adoption.plan(options);
        expect(plan.obstacles.filter(({ severity }) => severity === 'refused')).toEqual([]);
        expect(plan.tables).toHaveLength(tables);
        expect(new Set(plan.steps.map(({ phase }) => phase))).toEqual(
          new Set(name === 'trade' ? phases : phases.filter((phase) => phase !== 'backfill')),
        );
        expect(await fingerprint(database.root)).toEqual(before);
      });

      test('up to the wall, everything can be taken back and the schema is what it was', async () => {
        const before = await fingerprint(database.root);
        const rows = await countAll(database.root, [probe]);
        for (const until of phases.slice(0, -1)) {
          const status = await database.adoption.run(options, { until, restMs: 0, batchRows: 100 });
          expect(status.reversible, until).toBe(true);
          await database.adoption.undo();
          expect(await fingerprint(database.root), until).toEqual(before);
        }
        expect(await countAll(database.root, [probe])).toBe(rows);
      });

      test('adopted, the proof holds; the tenant sees its rows, another sees its own, and nobody sees any without a capability', async () => {
        const total = await countAll(database.root, [probe]);
        const status = await database.adoption.run(options, { until: 'cut-over', restMs: 0, batchRows: 100 });
        expect(status.proof?.problems).toEqual([]);
        expect(status).toMatchObject({ phase: undefined, reversible: false, proof: { verdict: 'held' } });
        const { plan } = status;
        const seen = (tenant: string | undefined): Promise<readonly { n: number }[]> =>
          asRole(database.root, plan, { tenant, sql: `select count(*)::integer as n from ${probe}` });
        expect(await seen(plan.tenant)).toEqual([{ n: total }]);
        expect(await seen(newTenantId())).toEqual([{ n: 0 }]);
        expect(await seen(undefined)).toEqual([{ n: 0 }]);
        await expect(database.adoption.undo()).rejects.toMatchObject({ code: 'transition_refused' });
      });
    });
  }

  test('a second tenant has the same keys, its references stay with it, and new numbers go on after the old', async () => {
    await using database = await openFixture(url, 'rental');
    const { plan } = await database.adoption.run({ shared: ['language'] }, { until: 'cut-over' });
    const tenant = newTenantId();
    const run = (sql: string): Promise<readonly Record<string, unknown>[]> =>
      asRole(database.root, plan, { tenant, sql });
    await run(`insert into category (category_id, name) values (1, 'category 1')`);
    expect(
      await run(`insert into film (title, year, language_id) values ('film 1', 1951, 1) returning film_id`),
    ).toEqual([{ film_id: 601 }]);
    await expect(run(`insert into film_category values ((select 1), 2)`)).rejects.toThrow();
    expect(await run('select count(*)::integer as n from film_list')).toEqual([{ n: 0 }]);
    await expect(run(`update language set name = 'x'`)).rejects.toThrow(/permission denied/);
  });

  test('what cannot be done is refused with every reason, before anything is changed', async () => {
    await using database = await openFixture(url, 'rental');
    await database.root.script(`
      create materialized view film_titles as select title from film;
      create table measurement (at date not null, value int) partition by range (at);
      create table odd (tenant_id text);
      alter table visit_log enable row level security;`);
    const before = await fingerprint(database.root);
    const error = await database.adoption
      .run({ shared: ['film', 'nowhere'] }, {})
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'request_invalid' });
    for (const words of [
      'film_titles',
      'measurement',
      'odd',
      'visit_log',
      'nowhere',
      'film_language_id_fkey',
    ])
      expect(String(error)).toContain(words);
    expect(await fingerprint(database.root)).toEqual(before);
  });
});
