import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import { compileMigrations, type CompiledSets } from '../../../src/compartments/rows/migrations/compile.ts';
import {
  readMigrationFolder,
  toMigrationFile,
  toMigrationSet,
  type MigrationFile,
} from '../../../src/compartments/rows/migrations/files.ts';
import { readTables } from '../../../src/compartments/rows/migrations/table-model.ts';
import { readCatalogue } from './support/catalogue.ts';
import { engines, type TestDatabase } from './support/databases.ts';
import { createTenant } from './support/tenants.ts';

const folder = fileURLToPath(new URL('../../../sql/tenant/', import.meta.url));

const published = [
  'audit_log',
  'conversations',
  'documents',
  'model_metadata',
  'orders',
  'settings',
  'tenant_features',
  'tenant_model_repositories',
  'tenant_models',
  'tenant_policies',
  'tenant_usage',
  'users',
];

describe.each(engines)('the reference tables on $name', (engine) => {
  let database: TestDatabase;
  let container: { schema: string; role: string };
  let compiled: CompiledSets;
  beforeAll(async () => {
    database = await engine.open();
    container = await database.createContainer('shared');
    compiled = await compileMigrations(database.admin, [await readMigrationFolder('bulkhead', folder)]);
    await applyMigrations(database.admin, { ...container, migrations: compiled.migrations });
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test('are the ones that were published, all of them of tenants', () => {
    expect(compiled.tables.map(({ name }) => name)).toEqual(published);
    expect(compiled.shared).toEqual([]);
  });

  test('the model that was compiled is the one that stands in a container', async () => {
    expect(await readTables(database.admin, container.schema)).toEqual(compiled.tables);
    const documents = compiled.tables.find(({ name }) => name === 'documents');
    expect(documents?.primaryKey).toEqual(['id']);
    expect(documents?.references).toEqual([
      {
        constraint: 'documents_created_by_fkey',
        columns: ['created_by'],
        table: 'users',
        referencedColumns: ['id'],
      },
    ]);
    expect(documents?.columns.find(({ name }) => name === 'external_id')).toEqual({
      name: 'external_id',
      type: 'text',
      nullable: true,
      hasDefault: false,
      generated: false,
    });
    expect(Object.isFrozen(documents?.columns[0])).toBe(true);
  });

  test('have the indexes that were published, led by the tenant', async () => {
    const { indexes } = await readCatalogue(database.admin, container);
    expect(indexes).toContain('tenant_models: idx_tenant_models_tenant btree (tenant_id)');
    expect(indexes).toContain('tenant_models: idx_tenant_models_status btree (tenant_id, status)');
    expect(indexes).toContain(
      'tenant_models: UNIQUE tenant_models_version_key btree (tenant_id, model_name, model_version)',
    );
    expect(indexes.length).toBeGreaterThan(20);
    expect(indexes.filter((line) => !line.includes('btree (tenant_id'))).toEqual([]);
  });

  test('a version of a model is unique within a tenant, and free for another', async () => {
    const insert = `insert into tenant_models (model_name, model_version, model_type, storage_path) values ('m', '1', 't', 'p')`;
    const [ada, bob] = [
      await createTenant(database.admin, container),
      await createTenant(database.admin, container),
    ];
    await ada.run(insert);
    await bob.run(insert);
    await expect(ada.run(insert)).rejects.toMatchObject({
      sqlState: '23505',
      constraint: 'tenant_models_version_key',
    });
  });

  test('the wall is asked once a statement, and the index of the tenant is used', async () => {
    const tenant = await createTenant(database.admin, container);
    await tenant.run(
      `insert into documents (title, content) select 'd' || n, 'c' from generate_series(1, 50) n`,
    );
    const plan = await tenant.run<{ 'QUERY PLAN': string }>(
      `explain (costs off) select title from documents where external_id = 'x'`,
    );
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('InitPlan');
    expect(text).toMatch(/Index Cond: \(+tenant_id = /);
  });
});

function at(name: string): MigrationFile {
  return toMigrationFile(name, Buffer.from('select 1'));
}

describe('a folder of migrations', () => {
  test.each(['first.sql', '1_first.sql', '0001-first.sql', '0000_zero.sql', '0001_First.sql', '0001_.sql'])(
    'refuses the file name %s',
    (name) => {
      expect(() => at(name)).toThrow(/no number/);
    },
  );

  test('refuses a number that is used twice', () => {
    expect(() => toMigrationSet('app', [at('0002_b.sql'), at('0001_a.sql'), at('0002_c.sql')])).toThrow(
      /same number/,
    );
  });

  test('sorts by number, and takes line ends of either kind for the same text', () => {
    const set = toMigrationSet('app', [at('0010_b.sql'), at('0009_a.sql')]);
    expect(set.files.map(({ number }) => number)).toEqual([9, 10]);
    const [unix, dos] = ['a\nb', 'a\r\nb'].map(
      (text) => toMigrationFile('0001_a.sql', Buffer.from(text)).sha256,
    );
    expect(dos).toBe(unix);
  });

  test('refuses text that is not UTF-8', () => {
    expect(() => toMigrationFile('0001_a.sql', Uint8Array.of(0xff, 0xfe))).toThrow(/UTF-8/);
  });

  test('that is not there is a problem of the configuration', async () => {
    await expect(readMigrationFolder('app', '/nowhere')).rejects.toMatchObject({ code: 'config_invalid' });
  });
});
