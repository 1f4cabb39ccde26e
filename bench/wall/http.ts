import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { Client, Pool } from 'pg';
import { readConfig } from '../../src/config.ts';
import { createBulkhead } from '../../src/create-bulkhead.ts';
import { createServer } from '../../src/server/index.ts';
import { measured, median } from '../row.ts';
import type { BenchRow } from '../row.ts';

const rounds = 5;
const roundMs = 2_000;
const documentCount = 1_000;
const content = 'x'.repeat(1_000);
const poolMax = 20;

/** What both servers are asked: the same rows, of the same size, by id. */
interface Target {
  readonly port: number;
  readonly ids: readonly string[];
  readonly headers: string;
}

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  /** Processor time of the server, per request. */
  readonly cpuUs: number;
}

/**
 * `GET /v1/documents/{id}` against the same Fastify route with `pg` and no tenancy, each in a process of its own, turn
 * about. Neither logs; the plain route checks no key.
 */
export async function benchHttp(): Promise<readonly BenchRow[]> {
  const serverUrl = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (serverUrl === undefined) return [notMeasured('BULKHEAD_TEST_POSTGRES_URL is not set')];
  await using database = await makeDatabase(serverUrl);
  await using ours = await start('bulkhead', database.url);
  await using plain = await start('plain', database.url);
  await run(ours, 16);
  await run(plain, 16);
  const rows: BenchRow[] = [];
  for (const inFlight of [16, 1]) {
    const pairs: { ours: Round; plain: Round }[] = [];
    for (let round = 0; round < rounds; round += 1)
      pairs.push({ ours: await run(ours, inFlight), plain: await run(plain, inFlight) });
    rows.push(...toRows(inFlight, pairs));
  }
  return rows;
}

function toRows(inFlight: number, pairs: readonly { ours: Round; plain: Round }[]): readonly BenchRow[] {
  const of = (read: (pair: { ours: Round; plain: Round }) => number): number => median(pairs.map(read));
  const how = `median of ${rounds} rounds of ${roundMs / 1_000} s, turn about; ${Math.round(of(({ ours }) => ours.perSecond))}/s against ${Math.round(of(({ plain }) => plain.perSecond))}/s`;
  return [
    measured({
      area: 'wall',
      name: `GET /v1/documents/{id}, ${inFlight} in flight, against no tenancy`,
      value: of((pair) => pair.ours.perSecond / pair.plain.perSecond),
      unit: 'x',
      target: '>= 0.7',
      how,
    }),
    measured({
      area: 'wall',
      name: `GET /v1/documents/{id}, ${inFlight} in flight, processor time more than no tenancy`,
      value: of((pair) => pair.ours.cpuUs - pair.plain.cpuUs),
      unit: 'µs',
      target: '',
      how: `of the server, per request; ${of(({ plain }) => plain.cpuUs).toFixed(0)} µs without`,
    }),
    measured({
      area: 'wall',
      name: `GET /v1/documents/{id}, ${inFlight} in flight, p50`,
      value: of(({ ours }) => ours.p50Ms),
      unit: 'ms',
      target: '',
      how: `${of(({ plain }) => plain.p50Ms).toFixed(2)} ms without tenancy`,
    }),
  ];
}

function notMeasured(reason: string): BenchRow {
  return {
    area: 'wall',
    name: 'GET /v1/documents/{id}, against no tenancy',
    value: null,
    unit: 'x',
    target: '>= 0.7',
    holds: null,
    how: `not measured: ${reason}`,
  };
}

interface Started extends AsyncDisposable {
  readonly target: Target;
  cpuUs(): Promise<number>;
}

async function start(kind: 'bulkhead' | 'plain', databaseUrl: string): Promise<Started> {
  const child: ChildProcess = fork(import.meta.filename, [kind, databaseUrl]);
  const [target] = (await once(child, 'message')) as [Target];
  return {
    target,
    async cpuUs() {
      child.send('cpu');
      const [used] = (await once(child, 'message')) as [number];
      return used;
    },
    async [Symbol.asyncDispose]() {
      child.send('stop');
      await once(child, 'exit');
    },
  };
}

async function run(server: Started, inFlight: number): Promise<Round> {
  const before = await server.cpuUs();
  const startedMs = performance.now();
  const latencies = (
    await Promise.all(
      Array.from({ length: inFlight }, (_, index) => load(server.target, index, startedMs + roundMs)),
    )
  ).flat();
  const tookMs = performance.now() - startedMs;
  const cpuUs = ((await server.cpuUs()) - before) / latencies.length;
  return { perSecond: latencies.length / (tookMs / 1_000), p50Ms: median(latencies), cpuUs };
}

/** One connection, one request after the other. No HTTP client: it would cost more than what is measured. */
async function load(target: Target, seed: number, untilMs: number): Promise<number[]> {
  const socket = connect(target.port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const latencies: number[] = [];
  const done = Promise.withResolvers<number[]>();
  let sentMs = 0;
  let next = seed * 61;
  let pending = '';
  const send = (): void => {
    const id = target.ids[next % target.ids.length] ?? '';
    next += 1;
    sentMs = performance.now();
    socket.write(`GET /v1/documents/${id} HTTP/1.1\r\nHost: localhost\r\n${target.headers}\r\n`);
  };
  socket.on('data', (chunk) => {
    pending += chunk.toString('latin1');
    if (!isComplete(pending)) return;
    if (!pending.startsWith('HTTP/1.1 200')) done.reject(new Error(pending.slice(0, 200)));
    pending = '';
    latencies.push(performance.now() - sentMs);
    if (performance.now() < untilMs) send();
    else done.resolve(latencies);
  });
  socket.on('error', done.reject);
  send();
  try {
    return await done.promise;
  } finally {
    socket.destroy();
  }
}

function isComplete(response: string): boolean {
  const head = response.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(response)?.[1];
  return head !== -1 && length !== undefined && response.length >= head + 4 + Number(length);
}

async function makeDatabase(serverUrl: string): Promise<AsyncDisposable & { readonly url: string }> {
  const name = `bh_bench_${randomBytes(6).toString('hex')}`;
  const client = new Client(serverUrl);
  await client.connect();
  await client.query(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await client.query(`drop database ${name} with (force)`);
      await client.end();
    },
  };
}

async function serveBulkhead(databaseUrl: string): Promise<{ target: Target; stop: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'));
  const config = readConfig({
    BULKHEAD_DATABASE_URL: databaseUrl,
    BULKHEAD_DATA_DIR: dataDir,
    BULKHEAD_LOG_LEVEL: 'silent',
    BULKHEAD_PORT: '0',
    BULKHEAD_POOL_MAX: String(poolMax),
    // No plan allows as many requests as are sent here.
    BULKHEAD_LIMITS: 'off',
  });
  const node = await createBulkhead({ config });
  const operator = { kind: 'operator', id: 'bench' } as const;
  const { tenant } = await node.lifecycle.create({ slug: 'bench-tenant', name: 'Bench' }, operator);
  const { secret } = await node.registry.keys.issue(
    { tenant: tenant.id, name: 'bench', expiresAt: undefined },
    operator,
  );
  const ids = await node.run(tenant.id, async (scope) => {
    const handle = await node.rows.open(scope);
    return handle.transaction(async (tx) => {
      const rows = await tx.sql<{ id: string }>`
        insert into documents (title, content) select 'title ' || n, ${content} from generate_series(1, ${documentCount}::int) n
        returning id::text as id`;
      return rows.map(({ id }) => id);
    });
  });
  const server = createServer(node);
  const port = Number(new URL(await server.listen()).port);
  return {
    target: { port, ids, headers: `Authorization: Bearer ${secret}\r\n` },
    async stop() {
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function servePlain(databaseUrl: string): Promise<{ target: Target; stop: () => Promise<void> }> {
  const pool = new Pool({ connectionString: databaseUrl, max: poolMax });
  await pool.query(`create table plain_documents (id uuid primary key default gen_random_uuid(), external_id text unique,
    title text not null, content text not null, metadata jsonb not null default '{}',
    created_at timestamptz not null default now(), updated_at timestamptz not null default now())`);
  const { rows } = await pool.query<{ id: string }>(
    `insert into plain_documents (title, content) select 'title ' || n, $1 from generate_series(1, $2::int) n returning id`,
    [content, documentCount],
  );
  const app = fastify();
  app.get<{ Params: { id: string } }>('/v1/documents/:id', async (request, reply) => {
    const found = await pool.query<Record<string, unknown>>({
      name: 'by-id',
      text: `select id, external_id as "externalId", title, content, metadata, created_at as "createdAt", updated_at as "updatedAt"
        from plain_documents where id = $1`,
      values: [request.params.id],
    });
    return found.rows[0] ?? reply.code(404).send({ title: 'Not found' });
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    target: { port, ids: rows.map(({ id }) => id), headers: '' },
    async stop() {
      await app.close();
      await pool.end();
    },
  };
}

/** The other end: a server in a process of its own, told what to do by messages. */
async function serve(kind: string, databaseUrl: string): Promise<void> {
  const { target, stop } = await (kind === 'bulkhead' ? serveBulkhead : servePlain)(databaseUrl);
  process.on('message', (message) => {
    if (message === 'cpu') {
      const { user, system } = process.cpuUsage();
      process.send?.(user + system);
    } else void stop().then(() => process.disconnect());
  });
  process.send?.(target);
}

const [, , kind, databaseUrl] = process.argv;
if (import.meta.main && kind !== undefined && databaseUrl !== undefined) await serve(kind, databaseUrl);
