import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { readMigrationFolder, type MigrationSet } from '../../../src/compartments/rows/migrations/files.ts';
import { checkWalls } from '../../../src/compartments/rows/migrations/wall-check.ts';
import { allowedExtensions } from '../../../src/compartments/rows/migrations/vet.ts';
import { engines, type TestDatabase } from './support/databases.ts';
import { namedFolder } from './support/folders.ts';
import { createTenant } from './support/tenants.ts';

const guide = await readFile(new URL('../../../docs/guide/your-own-tables.md', import.meta.url), 'utf8');
const blocks = [...guide.matchAll(/```sql\n([^]*?)```/g)].map(([, text = '']) => text);
const files = blocks.filter((text) => /^-- \d{4}_/.test(text));
const refused = blocks.flatMap((text) => {
  const reason = /^-- refused: (.*)\n/.exec(text)?.[1];
  return reason === undefined ? [] : [{ reason, text }];
});
const asTenant = blocks.filter((text) => text.startsWith('-- as a tenant'));

test('every example of the guide is of a kind that is run below', () => {
  expect(files.length).toBe(3);
  expect(refused.length).toBe(5);
  expect(files.length + refused.length + asTenant.length).toBe(blocks.length);
});

test('the guide lists the extensions that are allowed', () => {
  for (const name of allowedExtensions) expect(guide).toContain(`\`${name}\``);
});

describe.each(engines)('the guide to your own tables on $name', (engine) => {
  let database: TestDatabase;
  let reference: MigrationSet;
  beforeAll(async () => {
    database = await engine.open();
    const folder = fileURLToPath(new URL('../../../sql/tenant/', import.meta.url));
    reference = await readMigrationFolder('bulkhead', folder);
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test('its migrations apply, and its tenant can do what it says', async () => {
    const { migrations, shared } = await compileMigrations(database.admin, [
      reference,
      namedFolder('app', ...files),
    ]);
    const container = await database.createContainer('shared');
    await applyMigrations(database.admin, { ...container, migrations });
    await checkWalls(database.admin, { schemas: 'all', shared });
    expect(shared).toEqual(['currency']);
    const tenants = [
      await createTenant(database.admin, container),
      await createTenant(database.admin, container),
    ];
    for (const tenant of tenants) {
      for (const statement of asTenant
        .join('')
        .split(';')
        .filter((text) => text.trim() !== ''))
        await tenant.run(statement);
      await expect(tenant.run('select name from project')).resolves.toEqual([{ name: 'Roof' }]);
      await expect(tenant.run('select count(*)::int as n from currency')).resolves.toEqual([{ n: 2 }]);
    }
  });

  test.each(refused)('it says truly what is refused: $reason', async ({ reason, text }) => {
    const set = namedFolder('app', ...files, text);
    await expect(compileMigrations(database.admin, [reference, set])).rejects.toMatchObject({
      code: 'migration_refused',
      detail: { file: '0004_step.sql', reason: expect.stringContaining(reason) as unknown },
    });
  });
});
