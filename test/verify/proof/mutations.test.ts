import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditions } from '../../../src/verify/proof/conditions/table.ts';
import { mutationsOf, scoreMutations } from '../../../src/verify/proof/mutations/score.ts';
import { prove, proveWithin } from '../../../src/verify/proof/prove.ts';
import { describeWith } from '../../support/services.ts';
import { canonicalOptions, canonicalSchema, mutationTarget } from './canonical-schema.ts';
import { openEmbedded, openOnServer, undone, type ScratchDatabase } from './databases.ts';
import { harmlessChanges } from './harmless-changes.ts';

/** Ways that reading canary rows as another tenant does not show. */
const invisible = [
  'a NOINHERIT login is in a role that bypasses row-level security',
  'rows can be written for other tenants',
  'a unique constraint spans tenants',
  'a foreign key does not pair the tenant',
  'a function is LEAKPROOF',
  'the context function reads the search path of a temporary table',
  'the login has a tenant by default',
  'the login has truncate on a tenant table',
  'dblink is installed',
  'a large object is granted',
  'the tenant column compares without case',
  'pg_stat_statements shows what others ran',
  'tenants draw from one sequence',
  'the login owns the context function',
  'the context function is IMMUTABLE',
  'a publication sends all tables',
];

test('mutations have names of their own and reach every condition, and the invisible ways are among them', () => {
  const mutations = mutationsOf(mutationTarget('any'));
  const names = mutations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(invisible));
  const expected = new Set(mutations.map(({ expect: condition }) => condition));
  expect(conditions.map(({ id }) => id).filter((id) => !expected.has(id))).toEqual([]);
  expect(mutations.length).toBeGreaterThanOrEqual(45);
});

describe('embedded', () => provesItself(openEmbedded));
describeWith('postgres', 'on a server', (url) => provesItself(() => openOnServer(url)));

function provesItself(open: () => Promise<ScratchDatabase>): void {
  let scratch: ScratchDatabase;
  beforeAll(async () => {
    scratch = await open();
    await scratch.db.script(await canonicalSchema(scratch.prefix));
  });
  afterAll(() => scratch[Symbol.asyncDispose]());

  test('a schema of our shape holds, with nothing found and nothing left out', async () => {
    const result = await prove(scratch.db, canonicalOptions(scratch.prefix));
    expect(result.findings).toEqual([]);
    expect(result).toMatchObject({
      verdict: 'held',
      doubts: [],
      looked: { tenantTables: 6, globalTables: 1, roles: 2 },
    });
    expect(result.conditions).toHaveLength(28);
    expect(result.conditions.filter(({ state }) => state !== 'held')).toEqual([]);
  });

  test.each(harmlessChanges)('$name is harmless', async ({ sql, options }) => {
    const { prefix, db } = scratch;
    const result = await undone(db, async (tx) => {
      await tx.script(sql.replaceAll('{{app}}', `${prefix}_app`));
      return proveWithin(tx, canonicalOptions(prefix, options));
    });
    expect(result.findings).toEqual([]);
    expect(result.verdict).toBe('held');
  });

  test(
    'every way we know to break it is caught by the condition that is for it',
    { timeout: 120_000 },
    async () => {
      const { prefix, db } = scratch;
      const score = await scoreMutations(db, {
        options: canonicalOptions(prefix),
        mutations: mutationsOf(mutationTarget(prefix)),
      });
      console.info(
        `proof mutations on ${db.dialect}: caught ${score.caught} of ${score.planted} planted`,
        score.notPlanted,
      );
      expect(score.missed).toEqual([]);
      expect(score.caught).toBe(score.planted);
      expect(score.planted).toBeGreaterThanOrEqual(115);
      if (db.dialect === 'postgres') expect(score.notPlanted).toEqual([]);
    },
  );

  test('the mutations that break a table fit another table', { timeout: 120_000 }, async () => {
    const { prefix, db } = scratch;
    const aimed = mutationsOf(mutationTarget(prefix, 'slot', 'room')).filter(({ sql }) =>
      sql.includes('shared.slot'),
    );
    expect(aimed.length).toBeGreaterThan(40);
    const score = await scoreMutations(db, { options: canonicalOptions(prefix), mutations: aimed });
    expect(score.missed).toEqual([]);
  });

  test('after all of that the schema is as it was', async () => {
    expect((await prove(scratch.db, canonicalOptions(scratch.prefix))).verdict).toBe('held');
  });
}
