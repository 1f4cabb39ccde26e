import { measured, median, type BenchRow } from '../row.ts';
import {
  bulkhead,
  drizzleTransaction,
  kyselyTransaction,
  operations,
  rawPg,
  type Contender,
} from './contenders.ts';
import { startDelayedProxy } from './delayed-proxy.ts';
import { newFixture, type Fixture } from './fixture.ts';
import { measureLatency, playRounds, ratioOf, type Rounds } from './rounds.ts';

const area = 'wall';
const size = { tenants: 200, rowsPerTenant: 2_000 };
const rounds = 7;
const inFlight = 16;
const networkMs = 1;

/** What the wall costs: scoped, signed statements against raw ones, and against the transactions people write today. */
export async function benchDriver(): Promise<readonly BenchRow[]> {
  const serverUrl = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (serverUrl === undefined || serverUrl === '')
    return [
      { ...row('speed of scoped statements'), value: null, holds: null, how: 'not measured: no PostgreSQL' },
    ];
  await using fixture = await newFixture(serverUrl, size);
  return [...(await manyAtOnce(fixture)), ...(await oneAtATime(fixture)), ...(await acrossANetwork(fixture))];
}

async function manyAtOnce(fixture: Fixture): Promise<BenchRow[]> {
  await using contenders = closing([
    rawPg(fixture, inFlight),
    bulkhead(fixture, { maxConnections: inFlight }),
    drizzleTransaction(fixture, inFlight),
    kyselyTransaction(fixture, inFlight),
  ]);
  const rows: BenchRow[] = [];
  for (const operation of operations) {
    const played = await playRounds(fixture, contenders.list, {
      operation,
      inFlight,
      rounds,
      durationMs: 400,
    });
    rows.push(
      ratio(played, { name: `${operation}, ${inFlight} in flight`, to: 'raw pg', target: '>= 1' }),
      ratio(played, { name: `${operation}, ${inFlight} in flight`, to: 'Drizzle', target: '>= 5' }),
      ratio(played, { name: `${operation}, ${inFlight} in flight`, to: 'Kysely', target: '>= 5' }),
      {
        ...row(`${operation}, ${inFlight} in flight`),
        value: median(played.get('bulkhead') ?? []),
        unit: '/s',
        holds: null,
        how: `median of ${rounds} rounds; raw pg did ${Math.round(median(played.get('raw pg') ?? []))}/s`,
      },
    );
  }
  return rows;
}

/** By the median of latencies, which one pause of the machine does not move; its inverse is what one caller gets done. */
async function oneAtATime(fixture: Fixture): Promise<BenchRow[]> {
  await using contenders = closing([rawPg(fixture, 1), bulkhead(fixture)]);
  const rows: BenchRow[] = [];
  for (const operation of operations) {
    const latency = await measureLatency(fixture, contenders.list, { operation, rounds, operations: 3_000 });
    const [raw, ours] = ['raw pg', 'bulkhead'].map((name) => median(latency.get(name) ?? []) * 1_000);
    rows.push(
      measured({
        ...row(`${operation}, one in flight, signed and behind RLS / raw pg`),
        value: ratioOf(latency, 'raw pg', 'bulkhead'),
        unit: 'x',
        target: '>= 0.8',
        how: `median ratio of the p50s of ${rounds} rounds of 3,000, ten at a time turn about; ${Math.round(ours ?? 0)} µs against ${Math.round(raw ?? 0)} µs; raw: prepared, names its tenant, no wall`,
      }),
    );
  }
  return rows;
}

async function acrossANetwork(fixture: Fixture): Promise<BenchRow[]> {
  await using proxy = await startDelayedProxy(fixture.url, networkMs);
  const [url, rawUrl] = [proxy.through(fixture.url), proxy.through(fixture.rawUrl)];
  await using contenders = closing([
    rawPg(fixture, 1, rawUrl),
    bulkhead(fixture, { url }),
    drizzleTransaction(fixture, 1, url),
    kyselyTransaction(fixture, 1, url),
  ]);
  const latency = await measureLatency(fixture, contenders.list, {
    operation: 'select',
    rounds,
    operations: 80,
  });
  const raw = median(latency.get('raw pg') ?? []);
  return contenders.list
    .filter(({ name }) => name !== 'raw pg')
    .map(({ name }) =>
      measured({
        ...row(`p50 of a select over ${networkMs} ms of network, ${name} / raw pg`),
        value: ratioOf(latency, name, 'raw pg'),
        unit: 'x',
        target: name === 'bulkhead' ? '<= 1.05' : '',
        how: `${rounds} interleaved rounds of 80 selects through a delaying proxy; raw pg ${raw.toFixed(2)} ms`,
      }),
    );
}

function ratio(played: Rounds, what: { name: string; to: string; target: string }): BenchRow {
  return measured({
    ...row(`${what.name}, signed and behind RLS / ${what.to}`),
    value: ratioOf(played, 'bulkhead', what.to),
    unit: 'x',
    target: what.target,
    how: `median ratio of ${rounds} interleaved rounds, ${size.tenants} tenants x ${size.rowsPerTenant} rows, no commit waits for the disk; ${
      what.to === 'raw pg'
        ? 'raw: prepared, names its tenant, no wall, pool of the same depth'
        : 'theirs: transaction and set_config, the same wall'
    }`,
  });
}

function row(name: string): Omit<BenchRow, 'value' | 'holds' | 'how'> {
  return { area, name, unit: '', target: '' };
}

function closing(list: readonly Contender[]): AsyncDisposable & { readonly list: readonly Contender[] } {
  return {
    list,
    async [Symbol.asyncDispose]() {
      await Promise.all(list.map((contender) => contender.close()));
    },
  };
}
