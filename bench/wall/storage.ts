import type { Isolation } from '../../src/core/placement.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../../test/support/node.ts';
import { measured, type BenchRow } from '../row.ts';

const area = 'wall';
const tenantsOf = { shared: 40, schema: 40, database: 4 } as const satisfies Partial<
  Record<Isolation, number>
>;
const documents = 20;
const content = 'x'.repeat(500);

/** What a small tenant takes on disk, by isolation, and what sharing saves. */
export async function benchStorage(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url });
  await fill(bed, 'shared');
  const ids = await fill(bed, 'schema');
  const databases = await fill(bed, 'database');
  await database.root.script('vacuum');
  const shared = (await relationBytes(database, 'shared')) / tenantsOf.shared;
  const schema = (await relationBytes(database, 'tenant_%')) / ids.length;
  const own = (await databaseBytes(database)) / databases.length;
  const how = `${Object.entries(tenantsOf)
    .map(([isolation, count]) => `${count} ${isolation}`)
    .join(', ')}; each ${documents} documents of ${content.length} bytes in all the reference tables`;
  const row = (name: string, bytes: number): BenchRow =>
    measured({ area, name, value: bytes / 1_024, unit: 'KiB', target: '', how });
  return [
    row('storage of a small tenant, shared', shared),
    row('storage of a small tenant, schema', schema),
    row('storage of a small tenant, database', own),
    measured({
      area,
      name: 'storage that sharing saves against a schema each',
      value: (1 - shared / schema) * 100,
      unit: '%',
      target: '>= 85',
      how,
    }),
    measured({
      area,
      name: 'storage that sharing saves against a database each',
      value: (1 - shared / own) * 100,
      unit: '%',
      target: '>= 85',
      how,
    }),
  ];
}

async function fill(bed: TestNode, isolation: keyof typeof tenantsOf): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let made = 0; made < tenantsOf[isolation]; made += 1) {
    const { id } = await bed.tenant(isolation);
    ids.push(id);
    await bed.node.run(id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      for (let index = 0; index < documents; index += 1)
        await rows.table('documents').create({ title: `document ${index}`, content });
    });
  }
  return ids;
}

async function relationBytes({ root }: TestDatabase, schemas: string): Promise<number> {
  const { rows } = await root.query<{ bytes: string }>(
    `select sum(pg_total_relation_size(c.oid))::text as bytes from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname like $1 and c.relkind = 'r'`,
    [schemas],
  );
  return Number(rows[0]?.bytes);
}

/** Of all databases of tenants of this installation. */
async function databaseBytes({ root }: TestDatabase): Promise<number> {
  const { rows } = await root.query<{ bytes: string }>(
    `select sum(pg_database_size('tenant_' || replace(p.tenant_id::text, '-', '')))::text as bytes
       from bulkhead.placement p where p.compartment = 'rows' and p.isolation = 'database'`,
  );
  return Number(rows[0]?.bytes);
}
