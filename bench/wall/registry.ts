import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../src/core/clock.ts';
import { parseTenantId, type TenantId } from '../../src/core/ids.ts';
import { openPostgresAdmin } from '../../src/drivers/postgres/open.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';
import { installRegistry } from '../../src/registry/install.ts';
import { openRegistry } from '../../src/registry/open.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { measured, quantile, type BenchRow } from '../row.ts';

interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly atMost: number;
}

const figures = {
  resolveP50: { name: 'warm tenant resolution, p50', unit: 'µs', atMost: 50 },
  resolveP99: { name: 'warm tenant resolution, p99', unit: 'µs', atMost: 50 },
  resolveSql: { name: 'warm tenant resolution, statements', unit: 'statements', atMost: 0 },
  keyP50: { name: 'warm key check, p50', unit: 'µs', atMost: 5 },
  keyP99: { name: 'warm key check, p99', unit: 'µs', atMost: 50 },
  keySql: { name: 'warm key check, statements', unit: 'statements', atMost: 0 },
  bytes: { name: 'registry, heap per cached tenant', unit: 'bytes', atMost: 2_048 },
} as const satisfies Record<string, Figure>;

const tenantCount = 50_000;
const sampleCount = 200_000;
const keyCount = 1_000;

/**
 * What the registry costs on the request path, on PostgreSQL with 50,000 tenants, each in memory with one placement.
 * Without BULKHEAD_TEST_POSTGRES_URL the rows say that they were not measured.
 */
export async function benchRegistry(): Promise<readonly BenchRow[]> {
  const serverUrl = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (serverUrl === undefined)
    return Object.values(figures).map((figure) => missing(figure, 'BULKHEAD_TEST_POSTGRES_URL is not set'));
  await using database = await makeDatabase(serverUrl);
  const ids = await fillDatabase(database.admin);
  const counted = countStatements(database.admin);
  const open = (maxEntries: number): Promise<Registry> =>
    openRegistry({
      admin: counted.admin,
      clock: systemClock,
      masterKey: randomBytes(32),
      nodeId: 'bench',
      cache: { maxEntries },
    });
  // What is loaded once, like compiled code and a connection, is not a tenant's.
  const first = await open(100);
  await load(first, ids.slice(0, 100));
  await first.close();
  const emptyBytes = heapBytes();
  const registry = await open(tenantCount);
  // Also where something below fails: a node that still asks would keep the database from being dropped.
  await using closing = new AsyncDisposableStack();
  closing.defer(() => registry.close());
  await load(registry, ids);
  const perTenant = (heapBytes() - emptyBytes) / tenantCount;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return [
    toRow(figures.bytes, perTenant, `${tenantCount} tenants, by id and by slug; heap after gc, less before`),
    ...(await measureResolution(registry, ids, counted)),
    ...(await measureKeys(registry, ids, counted)),
  ];
}

async function measureResolution(
  registry: Registry,
  ids: readonly TenantId[],
  counted: Counted,
): Promise<readonly BenchRow[]> {
  const before = counted.count();
  let missed = 0;
  const samples = await sample(ids, (id) => {
    if (registry.directory.peek(id) === undefined) missed += 1;
  });
  if (missed > 0) throw new Error(`${missed} of ${sampleCount} were not warm`);
  const how = `${sampleCount} random tenants of ${tenantCount}, directory.peek; the timer's own cost included`;
  return [
    toRow(figures.resolveP50, quantile(samples, 0.5), how),
    toRow(figures.resolveP99, quantile(samples, 0.99), how),
    toRow(figures.resolveSql, counted.count() - before, how),
  ];
}

async function measureKeys(
  registry: Registry,
  ids: readonly TenantId[],
  counted: Counted,
): Promise<readonly BenchRow[]> {
  const secrets: string[] = [];
  for (const tenant of ids.slice(0, keyCount)) {
    const issued = await registry.keys.issue(
      { tenant, name: 'bench', expiresAt: undefined },
      { kind: 'operator', id: 'bench' },
    );
    secrets.push(issued.secret);
  }
  // The feed brings the news of the keys once; after that they stay.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (const secret of secrets) await registry.keys.verify(secret);
  const before = counted.count();
  let refused = 0;
  const samples = await sample(secrets, (secret) => {
    const verdict = registry.keys.verify(secret);
    if (verdict instanceof Promise || verdict.kind !== 'allowed') refused += 1;
  });
  if (refused > 0) throw new Error(`${refused} of ${sampleCount} were not warm and allowed`);
  const how = `${sampleCount} checks of ${keyCount} keys, keys.verify; the timer's own cost included`;
  return [
    toRow(figures.keyP50, quantile(samples, 0.5), how),
    toRow(figures.keyP99, quantile(samples, 0.99), how),
    toRow(figures.keySql, counted.count() - before, how),
  ];
}

async function makeDatabase(serverUrl: string): Promise<{ readonly admin: AdminDatabase } & AsyncDisposable> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  const server = openPostgresAdmin({ url: serverUrl, applicationName: 'bench', maxConnections: 1 });
  await server.query(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const admin = openPostgresAdmin({ url: url.href, applicationName: 'bench' });
  return {
    admin,
    async [Symbol.asyncDispose]() {
      await admin.close();
      await server.query(`drop database ${name} with (force)`);
      await server.close();
    },
  };
}

async function fillDatabase(admin: AdminDatabase): Promise<readonly TenantId[]> {
  await installRegistry(admin);
  await admin.query(
    `insert into bulkhead.tenant (id, slug, name, plan_id, state, isolation, region, settings, encryption_key_id)
     select gen_random_uuid(), 'customer-' || i, 'Customer number ' || i, (array['free', 'pro', 'enterprise'])[1 + i % 3],
       'active', 'shared', 'eu-central-1', jsonb_build_object('locale', 'de', 'seats', i), gen_random_uuid()::text
     from generate_series(1, $1::int) i`,
    [tenantCount],
  );
  await admin.query(
    `insert into bulkhead.placement (tenant_id, compartment, isolation, container)
     select id, 'rows', 'shared', 'main:shared' from bulkhead.tenant`,
  );
  const { rows } = await admin.query('select id::text as id from bulkhead.tenant');
  return rows.flatMap((row) => parseTenantId(row['id']) ?? []);
}

/** By id and by slug, as subdomains name tenants. In portions, as the loader bounds how many may wait. */
async function load(registry: Registry, ids: readonly TenantId[]): Promise<void> {
  const portion = 5_000;
  for (let start = 0; start < ids.length; start += portion) {
    await Promise.all(
      ids.slice(start, start + portion).map(async (id) => {
        const tenant = await registry.directory.byId(id);
        if (tenant !== undefined) await registry.directory.bySlug(tenant.slug);
      }),
    );
  }
}

interface Counted {
  readonly admin: AdminDatabase;
  /** Statements so far, without the change feed's. */
  count(): number;
}

function countStatements(inner: AdminDatabase): Counted {
  let count = 0;
  const admin: AdminDatabase = {
    dialect: inner.dialect,
    query: (text, values) => {
      if (!text.includes('bulkhead.change')) count += 1;
      return inner.query(text, values);
    },
    script: (text) => inner.script(text),
    transaction: (body) => inner.transaction(body),
    close: () => inner.close(),
  };
  return { admin, count: () => count };
}

function pick<Item>(items: readonly Item[]): Item {
  const item = items[Math.floor(Math.random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** In slices with pauses: a node that never yields cannot hear changes, and stops trusting its memory. */
async function sample<Item>(items: readonly Item[], work: (item: Item) => void): Promise<readonly number[]> {
  const slice = 5_000;
  const samples: number[] = [];
  for (let done = -slice; done < sampleCount; done += slice) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const picks = Array.from({ length: slice }, () => pick(items));
    const times = picks.map((item) => timeUs(() => work(item)));
    // The first slice warms the compiler up.
    if (done >= 0) samples.push(...times);
  }
  return samples;
}

function timeUs(work: () => void): number {
  const startedNs = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - startedNs) / 1_000;
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let time = 0; time < 3; time += 1) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function toRow({ name, unit, atMost }: Figure, value: number, how: string): BenchRow {
  return measured({ area: 'wall', name, value, unit, target: `<= ${atMost}`, how });
}

function missing({ name, unit, atMost }: Figure, why: string): BenchRow {
  return {
    area: 'wall',
    name,
    value: null,
    unit,
    target: `<= ${atMost}`,
    holds: null,
    how: `not measured: ${why}`,
  };
}
