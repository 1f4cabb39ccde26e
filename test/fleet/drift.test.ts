import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tenant } from '../../src/core/tenant.ts';
import { describeWith } from '../support/services.ts';
import { openFleet, type FleetUnderTest } from './support/fleet-node.ts';
import { makeManifest, manifestFile, toManifestText } from './support/manifest.ts';

describe('the manifest', () => {
  test('holds every fact of our own tables; after a change of a migration run: npm run manifest', async () => {
    const made = await makeManifest();
    expect(made.facts.length).toBeGreaterThan(100);
    expect(await readFile(manifestFile, 'utf8')).toBe(toManifestText(made));
  });
});

/** One change by hand, and what drift says of it. */
const changes = [
  ['drop policy bulkhead_wall on documents', 'policy', 'is missing'],
  ['alter policy bulkhead_wall on orders using (true)', 'policy', 'the migrations make it'],
  ['alter table users no force row level security', 'row security', 'the migrations make it enabled, forced'],
  ['drop index documents_created_at_idx', 'index', 'is missing'],
  ['create index by_hand on documents (title)', 'index', 'is in no migration'],
  [
    'alter table documents alter column title drop not null',
    'column',
    'the migrations make it text not null',
  ],
  ['alter table notes alter column title type varchar(40)', 'column', 'is character varying(40) not null'],
  ['alter table users alter column role set default $$owner$$', 'column', "default 'member'"],
  ['alter table audit_log add column note text', 'column', 'is in no migration'],
  ['alter table users drop constraint users_status_check', 'constraint', 'is missing'],
  ['grant truncate on settings to public', 'right', 'is in no migration'],
  ['create table made_by_hand (id int)', 'table', 'is in no migration'],
  ['drop table tenant_features', 'table', 'is missing'],
  ['create function f() returns int language sql as $$select 1$$', 'function', 'is in no migration'],
] as const;

describeWith('postgres', 'drift', (url) => {
  let fleet: FleetUnderTest;
  let tenant: Tenant;
  let schema: string;

  beforeAll(async () => {
    fleet = await openFleet(url);
    await fleet.first.tenant('shared');
    await fleet.first.tenant('database');
    tenant = await fleet.first.tenant('schema');
    schema = `tenant_${tenant.id.replaceAll('-', '')}`;
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  const inSchema = (sql: string): Promise<void> =>
    fleet.database.root.script(`set search_path = ${schema}, pg_temp; ${sql}; reset search_path`);

  test('containers that nobody touched show none', async () => {
    const report = await fleet.first.node.fleet.drift();
    expect(report).toMatchObject({ compared: 9, drifted: [], unreachable: [] });
    expect(report.facts).toBeGreaterThan(150);
  });

  test('every change by hand is found, explained, and told from the others; the SQL that it comes with mends it', async () => {
    for (const [sql] of changes) await inSchema(sql);
    const report = await fleet.first.node.fleet.drift();
    expect(report.drifted.map((one) => one.tenant)).toEqual([tenant.id]);
    const differences = report.drifted[0]?.differences ?? [];
    for (const [sql, kind, words] of changes)
      expect(
        differences.filter((one) => one.kind === kind && one.problem.includes(words)),
        sql,
      ).not.toEqual([]);
    expect(differences).toHaveLength(changes.length);

    const role = (
      await fleet.database.root.query<{ role: string }>(
        `select rolname as role from pg_roles where rolname like '%\\_s\\_' || $1`,
        [tenant.id.replaceAll('-', '')],
      )
    ).rows[0]?.role;
    for (const { mend } of differences)
      if (!mend.startsWith('--')) await inSchema(mend.replaceAll('{{role}}', role ?? '').replace(/;$/, ''));
    const [left] = (await fleet.first.node.fleet.drift({ only: [tenant.id] })).drifted;
    // What holds rows is for a person to decide.
    expect(left?.differences.map(({ kind, object }) => `${kind} ${object}`).toSorted()).toEqual([
      'column audit_log.note',
      'table made_by_hand',
      'table tenant_features',
    ]);
  });
});
