import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Bulkhead } from '../../src/bulkhead.ts';
import { toCanonicalJson } from '../../src/core/canonical-json.ts';
import { TextRecord, toRecordText, type ExportRecord } from '../../src/core/export-record.ts';
import { newUuid7 } from '../../src/core/ids.ts';
import type { Placement } from '../../src/core/placement.ts';
import { RecordHashes } from '../../src/core/record-hash.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { newMigrationFolder, type MigrationFolder } from '../fleet/support/app-migrations.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const tree = {
  '0001_tree.sql': `create table tree (
    id uuid primary key,
    parent uuid references tree (id),
    payload bytea,
    amount numeric(30, 10),
    tags text[]
  );`,
};

async function collect(records: AsyncIterable<ExportRecord>): Promise<readonly ExportRecord[]> {
  const all: ExportRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

async function* replay(records: readonly ExportRecord[]): AsyncGenerator<ExportRecord> {
  yield* records;
}

function placementOf(tenant: Tenant): Placement {
  const placement = tenant.placements.find(({ compartment }) => compartment === 'rows');
  if (placement === undefined) throw new Error('a tenant without a place for its rows');
  return placement;
}

async function hashesOf(node: Bulkhead, tenant: Tenant): Promise<Readonly<Record<string, string>>> {
  const hashes = new RecordHashes();
  for await (const record of node.rows.export(placementOf(tenant))) hashes.add(record);
  return hashes.result();
}

let folder: MigrationFolder;
beforeAll(async () => {
  folder = await newMigrationFolder(tree);
});
afterAll(() => folder[Symbol.asyncDispose]());
const env = (): Readonly<Record<string, string>> => ({ BULKHEAD_MIGRATIONS_DIR: folder.path });

function suite(open: () => Promise<TestNode>): { readonly bed: TestNode } {
  const opened: { bed?: TestNode } = {};
  const store = {
    get bed(): TestNode {
      if (opened.bed === undefined) throw new Error('not open yet');
      return opened.bed;
    },
  };
  beforeAll(async () => {
    opened.bed = await open();
  });
  afterAll(() => store.bed[Symbol.asyncDispose]());

  test('whatever a value looks like, it comes out as canonical JSON and goes in as it was', async () => {
    const { node } = store.bed;
    const [a, b] = [await store.bed.tenant('shared'), await store.bed.tenant('shared')];
    const odd = [
      '"',
      '\\',
      'NULL',
      '{a,b}',
      'tab\there',
      'line\nbreak',
      '\u0001',
      'ünï 🚢',
      ' ',
      '',
      '\u2028',
    ];
    await node.run(a.id, async (scope) => {
      await using rows = await node.rows.open(scope);
      for (const content of odd)
        await rows.table('documents').create({ title: 't', content, metadata: { content } });
    });
    const records = await collect(node.rows.export(placementOf(a)));
    expect(records).toHaveLength(odd.length);
    for (const record of records) expect(toRecordText(record)).toBe(toCanonicalJson(record.value));
    const { hashes } = await node.rows.import(placementOf(b), replay(records));
    expect(await hashesOf(node, b)).toEqual(hashes);
    expect(new Set(records.map(({ value }) => value['content']))).toEqual(new Set(odd));
  });

  test('rows that refer to rows of their own table come in whatever their order', async () => {
    const { node } = store.bed;
    const [a, b] = [await store.bed.tenant('shared'), await store.bed.tenant('schema')];
    const ids = Array.from({ length: 6_000 }, () => newUuid7());
    // Each refers to the one behind it, so that every batch of an import refers to one that is not there yet.
    await node.run(a.id, async (scope) => {
      await using rows = await node.rows.open(scope);
      await rows.sql`insert into tree (id, parent, payload, amount, tags)
        select i, lead(i) over (order by i), '\\x00ff', 1234567890.0123456789, array['a', null, 'b"c']
          from unnest(${ids}::uuid[]) i`;
    });
    const { imported, hashes } = await node.rows.import(placementOf(b), node.rows.export(placementOf(a)));
    expect(imported).toBe(6_000n);
    expect(await hashesOf(node, b)).toEqual(hashes);
  });

  test('a row that refers to one that is not there is found', async () => {
    const { node } = store.bed;
    const tenant = await store.bed.tenant('shared');
    const orphan = new TextRecord('tree', toCanonicalJson({ id: newUuid7(), parent: newUuid7() }));
    await expect(node.rows.import(placementOf(tenant), replay([orphan]))).rejects.toMatchObject({
      code: 'reference_invalid',
    });
  });

  test.each([
    ['another tenant', { id: newUuid7(), tenant_id: newUuid7() }],
    ['a column that never was', { id: newUuid7(), surprise: 'x' }],
  ])('a record that names %s is refused', async (_, value) => {
    const { node } = store.bed;
    const tenant = await store.bed.tenant('shared');
    const record = new TextRecord('tree', toCanonicalJson(value));
    await expect(node.rows.import(placementOf(tenant), replay([record]))).rejects.toMatchObject({
      code: 'value_invalid',
    });
    expect(await hashesOf(node, tenant)).toEqual({});
  });

  test('whoever reads an export may use the database meanwhile, and stop when they like', async () => {
    const { node } = store.bed;
    const tenant = await store.bed.tenant('shared');
    await node.run(tenant.id, async (scope) => {
      await using rows = await node.rows.open(scope);
      await rows.sql`insert into documents (title, content) select 't', 'c' from generate_series(1, 2000)`;
    });
    let read = 0;
    for await (const _ of node.rows.export(placementOf(tenant))) {
      read += 1;
      if (read % 500 === 1) expect(await node.registry.tenants.read(tenant.id)).toBeDefined();
      if (read === 1_001) break;
    }
    expect(Object.keys(await hashesOf(node, tenant))).toEqual(['documents']);
  });

  return store;
}

describeWith('postgres', 'export and import of rows (PostgreSQL)', (url) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await newTestDatabase(url);
  });
  afterAll(() => database[Symbol.asyncDispose]());
  const store = suite(() => newTestNode({ databaseUrl: database.url, env: env() }));

  test('an export is of one instant, also while the tenant writes to several tables at once', async () => {
    const { node } = store.bed;
    const tenant = await store.bed.tenant('shared');
    const writing = new AbortController();
    const writer = (async () => {
      while (!writing.signal.aborted)
        await node.run(tenant.id, async (scope) => {
          await using rows = await node.rows.open(scope);
          // Never one without the other.
          await rows.transaction(async (tx) => {
            const id = newUuid7();
            await tx.table('users').create({ id, email: id });
            await tx.table('documents').create({ id, title: id, content: 'x', created_by: id });
          });
        });
    })();
    let seen = 0;
    for (let round = 0; round < 5 || seen < 20; round += 1) {
      const records = await collect(node.rows.export(placementOf(tenant)));
      const of = (set: string): ReadonlySet<unknown> =>
        new Set(records.filter((record) => record.set === set).map(({ value }) => value['id']));
      expect(of('documents')).toEqual(of('users'));
      seen = records.length;
    }
    writing.abort();
    await writer;
  });

  test('a reader that goes away leaves no transaction behind', async () => {
    const { node } = store.bed;
    const tenant = await store.bed.tenant('shared');
    await node.run(tenant.id, async (scope) => {
      await using rows = await node.rows.open(scope);
      await rows.sql`insert into documents (title, content) select 't', repeat('c', 500) from generate_series(1, 20000)`;
    });
    const open = async (): Promise<number> => {
      const { rows } = await database.root.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'`,
      );
      return rows[0]?.n ?? -1;
    };
    const reader = node.rows.export(placementOf(tenant))[Symbol.asyncIterator]();
    await reader.next();
    await vi.waitFor(async () => expect(await open()).toBe(1), 10_000);
    await reader.return?.();
    expect(await open()).toBe(0);
  });
});

describe('export and import of rows (embedded)', () => {
  suite(() => newTestNode({ env: env() }));
});
