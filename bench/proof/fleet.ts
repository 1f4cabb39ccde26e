import type { Bulkhead } from '../../src/bulkhead.ts';
import { openDatabase } from '../../src/compose.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';
import { openFleet, type FleetUnderTest } from '../../test/fleet/support/fleet-node.ts';
import { operator } from '../../test/support/node.ts';
import { measured, median, type BenchRow } from '../row.ts';

const area = 'proof';
const rounds = 3;
const schemas = 1_000;

/** One migration over a thousand schemas, beside the loop that libraries for schemas run; and a run with nothing to do. */
export async function benchFleet(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using fleet = await openFleet(url);
  await fillFleet(fleet, schemas);
  const ours: number[] = [];
  const sequential: number[] = [];
  const idle: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await fleet.folder.add(`000${round + 1}_round.sql`, toMigration(round));
    const node = await fleet.release();
    const { sql } = await node.fleet.plan();
    sequential.push(await sequentialMs(fleet, toPeerStatements(sql[0]?.sql ?? '', round)));
    ours.push(await migrateMs(node));
    idle.push(await migrateMs(node));
  }
  const [loopMs, oursMs] = [median(sequential), median(ours)];
  return [
    measured({
      area,
      name: 'fleet migration against a sequential loop',
      value: loopMs / oursMs,
      unit: 'x',
      target: '>= 4',
      how: `${schemas} schemas, one migration (column, index, table); ours ${toSeconds(oursMs)} with journal and proof of each schema, a loop over one connection, schema after schema and statement by statement, ${toSeconds(loopMs)}; medians of ${rounds} interleaved rounds`,
    }),
    measured({
      area,
      name: 'fleet migration with nothing to do',
      value: median(idle) / 1_000,
      unit: 's',
      target: '<= 2',
      how: `${schemas} schemas that are up to date, journalled; median of ${rounds}`,
    }),
  ];
}

function toSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

async function fillFleet(fleet: FleetUnderTest, count: number): Promise<void> {
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      await fleet.first.tenant('schema');
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}

function toMigration(round: number): string {
  return `
    alter table notes add column label_${round} text;
    create index notes_label_${round}_idx on notes (label_${round});
    create table tags_${round} (id uuid primary key default gen_random_uuid(), name text not null unique);`;
}

async function migrateMs(node: Bulkhead): Promise<number> {
  const startedMs = performance.now();
  const run = await node.fleet.migrate({}, operator);
  if (run.state !== 'done') throw new Error(`the run ended ${run.state}: ${run.reason}`);
  return performance.now() - startedMs;
}

/** The same statements under other names, so that both can be applied to the same schemas; without our own bookkeeping. */
function toPeerStatements(sql: string, round: number): readonly string[] {
  return sql
    .slice(0, -1)
    .split(';\n')
    .filter((statement) => !/^(?:set local|select pg_catalog|insert into bulkhead_wall)/.test(statement))
    .map((statement) =>
      statement.replaceAll(`label_${round}`, `peer_${round}`).replaceAll(`tags_${round}`, `peers_${round}`),
    );
}

/**
 * What apartment and django-tenants do for each schema: enter it, read its own table of migrations, then each statement
 * in a round trip of its own within one transaction, and write the table.
 */
async function sequentialMs(fleet: FleetUnderTest, statements: readonly string[]): Promise<number> {
  const admin = openDatabase(fleet.database.url);
  const { rows } = await admin.query<{ schema: string }>(
    `select nspname as schema from pg_namespace where nspname ~ '^tenant_' order by 1`,
  );
  const prefix = await rolePrefix(admin);
  for (const { schema } of rows)
    await admin.script(
      `create table if not exists "${schema}".peer_migration (version text primary key, at timestamptz default now())`,
    );
  const startedMs = performance.now();
  for (const { schema } of rows) await migrateOne(admin, { schema, prefix, statements });
  const tookMs = performance.now() - startedMs;
  for (const { schema } of rows) await admin.script(`drop table "${schema}".peer_migration`);
  await admin.close();
  return tookMs;
}

async function migrateOne(
  admin: AdminDatabase,
  one: { readonly schema: string; readonly prefix: string; readonly statements: readonly string[] },
): Promise<void> {
  const role = `${one.prefix}_s${one.schema.slice(6)}`;
  await admin.transaction(async (tx) => {
    await tx.script(`set local search_path to "${one.schema}", bulkhead_ext`);
    await tx.query('select version from peer_migration');
    for (const statement of one.statements)
      await tx.script(statement.replaceAll(new RegExp(`"${one.prefix}_s[^"]*"`, 'g'), `"${role}"`));
    await tx.query(`insert into peer_migration (version) values ('1')`);
  });
}

async function rolePrefix(admin: AdminDatabase): Promise<string> {
  const { rows } = await admin.query<{ prefix: string }>(
    'select role_prefix as prefix from bulkhead.installation',
  );
  return rows[0]?.prefix ?? '';
}
