import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { DemoReport } from '../../src/demo/report.ts';
import { planIsolations } from '../../src/demo/tenants.ts';
import { newTestDatabase } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { runCli, runJson, temporaryFolder } from './support/cli.ts';

const slow = 280_000;

/** Everything was tried, and the attempts that must succeed did: otherwise nothing leaking would prove nothing. */
function expectHonest(report: DemoReport): void {
  expect([report.leaked, report.untested]).toEqual([0, 0]);
  expect(report.held).toBeGreaterThan(200);
  expect(new Set(report.attacks.map(({ front }) => front))).toEqual(new Set(['store', 'library', 'http']));
  const { ownerAsks, neighbourAsksToy, neighbourAsksBulkhead } = report.search;
  expect(ownerAsks.asked).toBeGreaterThan(0);
  expect(ownerAsks.found / ownerAsks.asked).toBeGreaterThan(0.8);
  expect(neighbourAsksToy.found / neighbourAsksToy.asked).toBeGreaterThan(0.8);
  expect(neighbourAsksBulkhead.found).toBe(0);
  expect(report.wrongWay.filterForgotten.tenants).toBe(report.tenants);
  expect([report.wrongWay.withFilter.tenants, report.wrongWay.bulkhead.tenants]).toEqual([1, 1]);
}

describe('the demo on the embedded database', () => {
  test('uses four isolations, leaks nothing and leaves no folder behind', { timeout: slow }, async () => {
    const before = await foldersOfDemos();
    const report = await runJson<DemoReport>(['demo', '--tenants', '4']);
    expectHonest(report);
    expect(report.work.map(({ isolation }) => isolation)).toEqual([
      'shared',
      'schema',
      'database',
      'dedicated',
    ]);
    expect(report.pairs).toHaveLength(12);
    expect(await foldersOfDemos()).toEqual(before);
  });
});

describeWith('postgres', 'the demo on PostgreSQL', (url) => {
  test(
    'leaks nothing, says what it could not cover, and removes its tenants',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await using database = await newTestDatabase(url);
      const env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path };
      const report = await runJson<DemoReport>(['demo', '--tenants', '5'], env);
      expectHonest(report);
      expect(report.notCovered).toEqual([expect.stringContaining('bulkhead server add')]);
      await expect(runJson(['tenant', 'list', '--all'], env)).resolves.toMatchObject({ items: [] });
      const { rows } = await database.root.query<{ left: string }>(
        'select count(*) as left from shared.documents',
      );
      expect(Number(rows[0]?.left)).toBe(0);
    },
  );

  test('prints tables that a person can read', { timeout: slow }, async () => {
    await using folder = await temporaryFolder();
    await using database = await newTestDatabase(url);
    const env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path };
    const { code, stdout, stderr } = await runCli(['demo', '--tenants', '4'], env);
    expect(code).toBe(0);
    for (const part of ['1. The work', '2. The wrong way', 'filter forgotten', 'none got through'])
      expect(stdout).toContain(part);
    expect(stderr).toMatch(/storing documents: \d+ of \d+/);
    expect(stdout).not.toContain('\u001b');
  });
});

test.each([4, 8, 20])('%d tenants cover every isolation, and most of them share', (count) => {
  const isolations = planIsolations(count);
  expect(isolations).toHaveLength(count);
  expect(new Set(isolations).size).toBe(4);
  if (count === 20)
    expect(isolations.filter((isolation) => isolation === 'shared').length).toBeGreaterThan(10);
});

async function foldersOfDemos(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('bulkhead-demo-')).toSorted();
}
