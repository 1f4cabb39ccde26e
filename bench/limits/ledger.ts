import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UsageEvent } from '../../src/billing/ledger/event.ts';
import { Ledger } from '../../src/billing/ledger/ledger.ts';
import { UsageStore } from '../../src/billing/ledger/store.ts';
import { meterUse } from '../../src/billing/request-meter.ts';
import { systemClock } from '../../src/core/clock.ts';
import { newRequestId, newTenantId, newUuid7, type TenantId } from '../../src/core/ids.ts';
import { defaultGovernor } from '../../src/core/plan.ts';
import { openScope, type Scope } from '../../src/core/scope.ts';
import { openPostgresAdmin } from '../../src/drivers/postgres/open.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';
import { installRegistry } from '../../src/registry/install.ts';
import { measured, median, type BenchRow } from '../row.ts';

const area = 'limits';
const rounds = 5;
const eventsPerRound = 100_000;
const tenantCount = 200;
const metered = 100_000;

/** What metering costs: events into the database with exact sums, the same ones again, and the step on the request path. */
export async function benchLedger(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await makeDatabase(url);
  const { admin } = database;
  const tenants = await insertTenants(admin);
  const store = new UsageStore(admin);
  await store.maintain(400);
  const rates: number[] = [];
  const replays: number[] = [];
  let added = 0;
  // One round to warm up.
  for (let round = 0; round <= rounds; round += 1) {
    const events = makeEvents(tenants);
    const rate = await timed(async () => store.insert(events));
    const replay = await timed(async () => {
      added += (await store.insert(events)).inserted;
    });
    if (round === 0) continue;
    rates.push(rate);
    replays.push(replay);
  }
  await assertExact(admin);
  return [
    measured({
      area,
      name: 'ledger, events with exact hour and month',
      value: median(rates),
      unit: 'events/s',
      target: '>= 100000',
      how: `${eventsPerRound} events of ${tenantCount} tenants and 8 meters, batches of 2,000, two connections; median of ${rounds}; sums compared with the events after`,
    }),
    measured({
      area,
      name: 'ledger, rows that a replay adds',
      value: added,
      unit: 'rows',
      target: '<= 0',
      how: `every round sent twice; a replay goes at ${Math.round(median(replays)).toLocaleString('en')} events/s`,
    }),
    ...(await benchMeterStep(admin, tenants)),
  ];
}

async function benchMeterStep(
  admin: AdminDatabase,
  tenants: readonly TenantId[],
): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'));
  const ledger = await Ledger.open({
    admin,
    folder,
    clock: systemClock,
    log: () => undefined,
    durability: 'synced',
    retentionDays: 400,
  });
  try {
    const scopes = tenants.map(toScope);
    const costs: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const before = process.cpuUsage();
      for (let at = 0; at < metered / rounds; at += 1)
        meterUse(scopes[at % scopes.length] as Scope, {
          ledger,
          clock: systemClock,
          amounts: [
            ['requests', 1],
            ['request.ms', 3],
            ['response.bytes', 512],
          ],
        });
      const { user, system } = process.cpuUsage(before);
      if (round > 0) costs.push((user + system) / (metered / rounds));
      await ledger.flush();
    }
    return [
      measured({
        area,
        name: 'meter step of a request, CPU',
        value: median(costs),
        unit: 'µs',
        target: '<= 60',
        how: `user and system time of the process; three meters a request, each request in the journal when the call returns; no statement; median of ${rounds}`,
      }),
    ];
  } finally {
    await ledger[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return eventsPerRound / ((performance.now() - startedMs) / 1_000);
}

function makeEvents(tenants: readonly TenantId[]): readonly UsageEvent[] {
  const nowMs = Date.now();
  return Array.from({ length: eventsPerRound }, (_, index) => ({
    id: newUuid7(nowMs),
    tenant: tenants[(index * 7) % tenants.length] as TenantId,
    actor: { kind: 'key', id: '0123456789abcdef' },
    atMs: nowMs,
    meter: `bench.meter_${index % 8}`,
    amount: BigInt(index % 1_000),
    model: index % 2 === 0 ? 'gpt-4o' : '',
    rate: 'standard',
    costNanoUsd: BigInt(index % 1_000) * 2_500n,
    priceVersion: 1,
    requestId: '01a213ce-d4b6-7790-b5b2-5efbdac5c5c6',
    callId: undefined,
    corrects: undefined,
  }));
}

async function assertExact(admin: AdminDatabase): Promise<void> {
  const { rows } = await admin.query(
    `select (select sum(amount)::text || ' ' || sum(cost_nano_usd) || ' ' || count(*) from bulkhead.usage_event) as events,
       (select sum(amount)::text || ' ' || sum(cost_nano_usd) || ' ' || sum(events) from bulkhead.usage_hour) as hours,
       (select sum(amount)::text || ' ' || sum(cost_nano_usd) || ' ' || sum(events) from bulkhead.usage_month) as months`,
  );
  const { events, hours, months } = rows[0] ?? {};
  if (events !== hours || events !== months)
    throw new Error(`sums differ: ${String(events)}, ${String(hours)}, ${String(months)}`);
}

async function insertTenants(admin: AdminDatabase): Promise<readonly TenantId[]> {
  const ids = Array.from({ length: tenantCount }, newTenantId);
  await admin.query(
    `insert into bulkhead.tenant (id, slug, name, plan_id, state, isolation, encryption_key_id)
     select id, 'bench-' || n, 'bench', 'free', 'active', 'shared', 'none' from unnest($1::uuid[]) with ordinality u (id, n)`,
    [ids],
  );
  return ids;
}

function toScope(tenantId: TenantId): Scope {
  return openScope({
    tenantId,
    tenantSlug: 'bench',
    tenantName: 'bench',
    plan: 'free',
    region: undefined,
    features: [],
    isolationLevel: 'shared',
    encryptionKeyId: 'none',
    isActive: true,
    actor: { kind: 'key', id: '0123456789abcdef' },
    requestId: newRequestId(),
    signal: new AbortController().signal,
    placements: [],
    governor: defaultGovernor,
    epoch: 1,
  });
}

async function makeDatabase(serverUrl: string): Promise<AsyncDisposable & { readonly admin: AdminDatabase }> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  const server = openPostgresAdmin({ url: serverUrl, applicationName: 'bench', maxConnections: 1 });
  await server.query(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const admin = openPostgresAdmin({ url: url.href, applicationName: 'bench', maxConnections: 4 });
  await installRegistry(admin);
  return {
    admin,
    async [Symbol.asyncDispose]() {
      await admin.close();
      await server.query(`drop database ${name} with (force)`);
      await server.close();
    },
  };
}
