import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSqlParser } from '../../../src/drivers/sql-parser.ts';
import type { AdminDatabase } from '../../../src/drivers/sql.ts';
import { conditions } from '../../../src/verify/proof/conditions/table.ts';
import { bulkheadProof, wallContext } from '../../../src/verify/proof/preset.ts';
import { prove, proveWithin } from '../../../src/verify/proof/prove.ts';
import { describeWith } from '../../support/services.ts';
import { canonicalOptions, canonicalSchema } from './canonical-schema.ts';
import { openEmbedded, openOnServer, undone, type ScratchDatabase } from './databases.ts';

test('the body of the wall’s function is one that the preset knows', async () => {
  const parser = await loadSqlParser();
  const text = await readFile(new URL('../../../sql/wall/0001_wall.sql', import.meta.url), 'utf8');
  const bodies = parser
    .parseScript(text.replaceAll(/\{\{\w+\}\}/g, 'somebody'))
    .flatMap(({ node }) => ('CreateFunctionStmt' in node ? [node.CreateFunctionStmt] : []))
    .map(({ options }) => /"sval":("\\n(?:[^"\\]|\\.)*")/.exec(JSON.stringify(options))?.[1] ?? '""')
    .map((body) =>
      createHash('md5')
        .update(String(JSON.parse(body)))
        .digest('hex'),
    );
  expect(bodies).toHaveLength(1);
  const known = bulkheadProof({ appRole: 'app', wallRole: 'wall' }).definers?.find(
    ({ signature }) => signature === wallContext,
  );
  expect(known?.md5).toContain(bodies[0]);
});

test('the reference names every condition, and the ways across it closes, and no others', async () => {
  const text = await readFile(new URL('../../../docs/reference/proof.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/^\| (S\d\d) \|[^|]+\| ([A-Z0-9 ]+) \|$/gm)].map(([, id, attacks]) => [
    id,
    attacks?.split(' ').toSorted(),
  ]);
  expect(documented).toEqual(conditions.map(({ id, attacks }) => [id, attacks.toSorted()]));
  for (const attack of new Set(conditions.flatMap(({ attacks }) => attacks)))
    expect(text).toContain(`**${attack}** `);
});

describe('embedded', () => provesHonestly(openEmbedded));
describeWith('postgres', 'on a server', (url) => provesHonestly(() => openOnServer(url)));

function provesHonestly(open: () => Promise<ScratchDatabase>): void {
  let scratch: ScratchDatabase;
  beforeAll(async () => {
    scratch = await open();
    await scratch.db.script(await canonicalSchema(scratch.prefix));
  });
  afterAll(() => scratch[Symbol.asyncDispose]());

  test('a role that does not exist proves nothing', async () => {
    const result = await prove(scratch.db, canonicalOptions(scratch.prefix, { appRole: 'nobody' }));
    expect(result.verdict).toBe('inconclusive');
    expect(result.doubts).toEqual(['there is no role nobody']);
  });

  test('looking at no tenant table proves nothing', async () => {
    const result = await prove(scratch.db, { ...canonicalOptions(scratch.prefix), tenantColumn: 'org_id' });
    expect(result.looked.tenantTables).toBe(0);
    expect(result.verdict).not.toBe('held');
    expect(result.doubts.join()).toContain('org_id');
    const nowhere = await prove(scratch.db, canonicalOptions(scratch.prefix, { schemas: ['nowhere'] }));
    expect(nowhere.verdict).toBe('inconclusive');
  });

  test('a server newer than the list of versions proves nothing', async () => {
    const result = await prove(pretending(scratch.db, 990_001), canonicalOptions(scratch.prefix));
    expect(result.verdict).toBe('inconclusive');
    expect(result.conditions.find(({ id }) => id === 'S26')).toMatchObject({ state: 'untested' });
  });

  test.each([
    [170_005, 'error'],
    [160_003, 'error'],
    [120_001, 'error'],
  ])('server %i is below the floor', async (versionNum, severity) => {
    const result = await prove(pretending(scratch.db, versionNum), canonicalOptions(scratch.prefix));
    expect(result.findings.filter(({ condition }) => condition === 'S26')).toMatchObject([{ severity }]);
    expect(result.verdict).toBe('broken');
  });

  test('the database is read only while it is proved', async () => {
    const attempt = prove(
      {
        ...scratch.db,
        dialect: scratch.db.dialect,
        transaction: (body) =>
          scratch.db.transaction(async (tx) => {
            const result = await body(tx);
            await tx.script('create table public.written ()');
            return result;
          }),
      },
      canonicalOptions(scratch.prefix),
    );
    await expect(attempt).rejects.toMatchObject({ detail: { sqlState: '25006' } });
  });

  // Other tests make roles and databases on the same server, and what is of the whole server is in the hash.
  test('the weak login itself sees the same', { retry: 3 }, async () => {
    const options = canonicalOptions(scratch.prefix);
    const asOwner = await prove(scratch.db, options);
    const asLogin = await undone(scratch.db, async (tx) => {
      await tx.script(`set local role ${scratch.prefix}_app`);
      return proveWithin(tx, options);
    });
    expect(asLogin.findings).toEqual([]);
    expect(asLogin.looked).toEqual(asOwner.looked);
    // An embedded database lists large objects for nobody.
    const lists = scratch.db.dialect === 'postgres';
    expect(asLogin.doubts).toEqual(
      lists ? [] : ['S21 is untested: large objects may not be listed by this login'],
    );
    if (lists) expect(asLogin.inputsSha256).toBe(asOwner.inputsSha256);
  });

  test('the hash stands for options and catalogue: the same twice, another after a change', async () => {
    const options = canonicalOptions(scratch.prefix);
    const first = await prove(scratch.db, options);
    expect((await prove(scratch.db, options)).inputsSha256).toBe(first.inputsSha256);
    expect((await prove(scratch.db, { ...options, extensions: ['lo'] })).inputsSha256).not.toBe(
      first.inputsSha256,
    );
    const changed = await undone(scratch.db, async (tx) => {
      await tx.script('alter table shared.task no force row level security');
      return proveWithin(tx, options);
    });
    expect(changed.inputsSha256).not.toBe(first.inputsSha256);
  });

  test('a context that is no expression is refused before anything is read', async () => {
    const options = { ...canonicalOptions(scratch.prefix), context: '1; drop table shared.task' };
    await expect(prove(scratch.db, options)).rejects.toMatchObject({ code: 'value_invalid' });
  });

  test('a context function that is not there is an error', async () => {
    const result = await prove(scratch.db, {
      role: `${scratch.prefix}_app`,
      tenantColumn: 'tenant_id',
      context: 'nowhere.tenant()',
      walls: { kind: 'handwritten' },
    });
    expect(result.findings).toContainEqual(expect.objectContaining({ condition: 'S08', aspect: 'unknown' }));
  });
}

/** The same database, saying that it is of another version. Only the number is false. */
function pretending(db: AdminDatabase, versionNum: number): AdminDatabase {
  return {
    dialect: db.dialect,
    query: (text, values) => db.query(text, values),
    script: (text) => db.script(text),
    close: () => db.close(),
    transaction: (body) =>
      db.transaction((tx) =>
        body({
          script: (text) => tx.script(text),
          query: async (text, values) => {
            const result = await tx.query(text, values);
            const rows = result.rows.map((row) =>
              'facts' in row
                ? {
                    facts: String(row['facts']).replace(/"versionNum" ?: ?\d+/, `"versionNum":${versionNum}`),
                  }
                : row,
            );
            return { ...result, rows: rows as never };
          },
        }),
      ),
  };
}
