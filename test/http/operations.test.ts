import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BulkheadError } from '../../src/core/errors.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { BusiestTenants } from '../../src/server/tenant-metrics.ts';
import { createServer } from '../../src/server/index.ts';
import type { BulkheadServer } from '../../src/server/index.ts';
import { openTestServer, operatorToken } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';
import { sendRaw } from '../request/raw-http.ts';

let app: TestServer;
let acme: TestTenant;

beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme');
});
afterAll(() => app[Symbol.asyncDispose]());

describe('operations', () => {
  test('are listed, the latest first, of everybody and of one tenant, a page at a time', async () => {
    const other = await app.tenant('op-other');
    for (const verb of ['suspend', 'resume']) await app.operator('POST', `/v1/tenants/${other.slug}/${verb}`);
    const read = async (path: string) =>
      (await app.operator('GET', path)).body as {
        items: { id: string; kind: string; tenant: string }[];
        nextCursor: string | null;
      };
    const mine = await read(`/v1/tenants/${other.slug}/operations`);
    expect(mine.items.map(({ kind }) => kind)).toEqual(['resume', 'suspend', 'provision']);
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await read(`/v1/operations?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      paged.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(paged).toEqual((await read('/v1/operations')).items.map(({ id }) => id));
    expect(new Set((await read('/v1/operations')).items.map(({ tenant }) => tenant)).size).toBe(2);
    expect((await read('/v1/operations?state=running')).items).toEqual([]);
    expect((await app.operator('GET', '/v1/operations?cursor=x')).status).toBe(400);
    expect((await app.operator('GET', '/v1/tenants/nobody/operations')).status).toBe(404);
  });
});

describe('health', () => {
  test('live says that it runs; ready says that it can serve', async () => {
    expect((await app.ask('GET', '/health/live')).body).toEqual({ status: 'live', parts: {} });
    expect((await app.ask('GET', '/health/ready')).body).toMatchObject({
      status: 'ready',
      parts: {
        registry: { ok: true },
        server: { ok: true },
        pools: { ok: true },
        cache: { ok: true },
        limits: { ok: true },
      },
    });
  });

  test('ready names the part that cannot, and recovers by itself', async () => {
    const { tenants } = app.node.registry;
    const list = tenants.list.bind(tenants);
    tenants.list = () => Promise.reject(new BulkheadError('compartment_unreachable'));
    // Anyone may ask, so the database is asked once a second at most.
    await expect
      .poll(async () => (await app.ask('GET', '/health/ready')).status, { timeout: 5_000 })
      .toBe(503);
    const down = await app.ask('GET', '/health/ready');
    expect(down.body).toMatchObject({
      status: 'not_ready',
      parts: { registry: { ok: false, reason: 'compartment_unreachable' }, server: { ok: true } },
    });
    expect((await app.ask('GET', '/health/live')).status).toBe(200);
    tenants.list = list;
    await expect
      .poll(async () => (await app.ask('GET', '/health/ready')).status, { timeout: 5_000 })
      .toBe(200);
  });
});

test('metrics have few labels, and none of a tenant', async () => {
  const dear = await app.tenant('globex', { plan: 'enterprise', isolation: 'schema' });
  for (let request = 0; request < 30; request += 1) {
    await app.ask('GET', `/v1/documents/${crypto.randomUUID()}`, { token: acme.key });
    await app.ask('GET', `/made-up-${request}`);
  }
  await app.ask('GET', '/v1/me', { token: dear.key });
  await app.ask('GET', '/v1/me', { token: dear.key, headers: { 'x-tenant-id': 'acme' } });
  const text = (await app.ask('GET', '/metrics')).text;
  expect(text).toContain(
    'bulkhead_http_requests_total{method="GET",route="/v1/documents/:document",status="4xx"} 30',
  );
  expect(text).toContain('bulkhead_http_requests_total{method="GET",route="unmatched",status="4xx"} 30');
  expect(text).toContain(
    'bulkhead_tenant_requests_total{plan="enterprise",isolation="schema",status="2xx"} 1',
  );
  expect(text).toContain('bulkhead_refusals_total{code="claims_conflict"} 1');
  expect(text).toMatch(/bulkhead_isolation_overhead_seconds_count\{isolation="shared"\} 30/);
  expect(text).toMatch(/bulkhead_pool_connections\{server="main",kind="shared",state="open"\} \d+/);
  for (const word of [acme.id, dear.id, 'acme', 'globex', acme.keyId, 'made-up'])
    expect(text).not.toContain(word);
  expectExposition(text);
});

test('metrics by tenant are for the operator alone, and name the busiest', async () => {
  const quiet = await app.tenant('quiet');
  for (let request = 0; request < 3; request += 1) await app.ask('GET', '/v1/me', { token: quiet.key });
  for (const token of [undefined, acme.key])
    expect((await app.ask('GET', '/metrics/tenants', { token })).status).toBe(401);
  const { text } = await app.operator('GET', '/metrics/tenants');
  const labels = `tenant="${quiet.id}",plan="free",isolation="shared"`;
  expect(text).toContain(`bulkhead_requests_by_tenant_total{${labels},status="2xx"} 3`);
  expect(text).toContain(`bulkhead_request_duration_by_tenant_seconds_count{${labels}} 3`);
  expect(text).toContain(`bulkhead_availability_by_tenant_ratio{${labels}} 1`);
  expect(text).toContain(`tenant="${acme.id}"`);
  expectExposition(text);
});

test('ten thousand tenants are as many series as there are places, and none of their requests is lost', () => {
  const metrics = new BusiestTenants(20);
  const seen = (index: number, status = 200): void =>
    metrics.ended({
      scope: { tenantId: `t${index}` as TenantId, plan: 'free', isolationLevel: 'shared' },
      status,
      durationMs: 3,
    });
  for (let index = 0; index < 10_000; index += 1) seen(index, index % 10 === 0 ? 503 : 200);
  // Came late, when every place was taken, and is busier than those who have one.
  for (let index = 0; index < 4_000; index += 1) seen(9_999);
  const text = metrics.render();
  expectExposition(text);
  const counts = [...text.matchAll(/^bulkhead_requests_by_tenant_total\{tenant="(\w+)".*\} (\d+)$/gm)];
  expect(new Set(counts.map(([, tenant]) => tenant)).size).toBeLessThanOrEqual(21);
  expect(counts.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(14_000);
  expect(counts.find(([, tenant]) => tenant === 't9999')).toBeDefined();
});

/** Prometheus' text format: every sample after its TYPE, every bucket no smaller than the one before. */
function expectExposition(text: string): void {
  const types = new Map<string, string>();
  let samples = 0;
  for (const line of text.trimEnd().split('\n')) {
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
    if (line.startsWith('#')) continue;
    expect(line).toMatch(/^[a-z_0-9]+(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? -?\d+(\.\d+)?(e[+-]?\d+)?$/);
    const name = line.split(/[{ ]/)[0] ?? '';
    expect(types.has(name) || types.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram', line).toBe(
      true,
    );
    samples += 1;
  }
  expect(samples).toBeGreaterThan(20);
}

describe('stopping', () => {
  /** A server of its own over the same node, which only notes that it was closed. */
  async function openServer(drainMs: number, setUp: (server: BulkheadServer) => void) {
    const closed: string[] = [];
    const config = { ...app.node.config, drainMs };
    const close = () => {
      closed.push('node');
      return Promise.resolve();
    };
    const server = createServer({ ...app.node, config, close }, { logTo: { write: () => {} } });
    setUp(server);
    return { server, closed, url: await server.listen() };
  }

  test('answers what is running, refuses what is new, then closes the node', async () => {
    const gate = Promise.withResolvers<void>();
    const { server, closed, url } = await openServer(10_000, ({ app: fastify }) => {
      fastify.get('/test/slow', async () => {
        await gate.promise;
        return { done: true };
      });
    });
    const running = fetch(`${url}/test/slow`);
    const keptAlive = connect(Number(new URL(url).port), '127.0.0.1');
    await once(keptAlive, 'connect');
    // Begun before the server stops, so that its connection is not idle when it does.
    keptAlive.write('GET /v1/me HTTP/1.1\r\nHost: localhost\r\n');
    await sleep(100);
    const closing = server.close();
    await sleep(50);
    await expect(fetch(`${url}/v1/me`)).rejects.toThrow();
    keptAlive.end('\r\n');
    const late = Buffer.concat(await Array.fromAsync(keptAlive)).toString('utf8');
    expect(late).toMatch(/^HTTP\/1\.1 503 /);
    expect(late).toContain('"code":"shutting_down"');
    expect(late.toLowerCase()).toContain('connection: close');
    expect(closed).toEqual([]);
    gate.resolve();
    expect(await (await running).json()).toEqual({ done: true });
    await closing;
    expect(closed).toEqual(['node']);
  });

  test('does not wait for longer than it was told, and closes once', async () => {
    const { server, closed, url } = await openServer(100, ({ app: fastify }) => {
      fastify.get('/test/stuck', () => new Promise(() => {}));
    });
    const ended = expect(fetch(`${url}/test/stuck`)).rejects.toThrow();
    await sleep(100);
    const startedMs = performance.now();
    await Promise.all([server.close(), server.close()]);
    await ended;
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(closed).toEqual(['node']);
  });
});

describe('only what is public is public', () => {
  test('by its exact name', async () => {
    const key = `Authorization: Bearer ${acme.key}\r\n`;
    const lines = [
      '/healthXYZ',
      '/health/',
      '/health//live',
      '//health/live',
      '/health/live/',
      '/Health/live',
      '/%68ealth/live',
      '/health%2flive',
      '/health/./live',
      '/health/../health/live',
      '/health/live/../../v1/me',
      '/api/tenants/create/../acme/v1/me',
      '/api/tenants/create/%2e%2e/acme/v1/me',
      '/api/tenants/..%2facme/v1/me',
      '/api/tenants/acme%00/v1/me',
      '/v1/documents/..%2f..%2fv1%2fme',
      '/v1/documents/%',
      '/v1/documents/%zz',
      '/v1/documents/%00',
      '/v1/me%20',
      '/v1/me;x=1',
      '/v1/me/',
      '/v1/ME',
      '/.env',
      'http://evil.example/v1/me',
      `/v1/documents/${'x'.repeat(5_000)}`,
    ];
    for (const path of lines) {
      const answer = await sendRaw(
        app.port,
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${key}Connection: close\r\n\r\n`,
      );
      expect(answer.status, path).toBe(404);
      expect(JSON.parse(answer.body), path).toMatchObject({ code: 'not_found', title: 'Not found' });
    }
  });

  test('and what is no HTTP is refused in the same form', async () => {
    for (const text of [
      'GET / HTTP/1.1\r\n\r\n',
      'NONSENSE\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
      'POST /v1/tenants HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
      'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
    ]) {
      const answer = await sendRaw(app.port, text);
      expect(answer.status, text).toBe(400);
      expect(answer.headers['connection'], text).toBe('close');
    }
    expect((await app.ask('GET', '/health/live')).status).toBe(200);
  });
});

test.each(['/v1/plans', '/v1/me', '/health/live'])('every answer of %s names its request', async (path) => {
  const sent = await app.ask('GET', path, { headers: { 'x-request-id': 'trace-0001' } });
  expect(sent.headers.get('x-request-id')).toBe('trace-0001');
  for (const id of ['short', 'with space', 'x'.repeat(65), '<script>'])
    expect(
      (await app.ask('GET', path, { headers: { 'x-request-id': id } })).headers.get('x-request-id'),
    ).toMatch(/^[\da-f-]{36}$/);
});

test('a credential that was sent twice is refused, whichever copy is the good one', async () => {
  const good = `Authorization: Bearer ${operatorToken}`;
  for (const [first, second] of [
    [good, 'Authorization: Bearer x'],
    ['authorization: Bearer x', good],
    [good, good],
  ]) {
    const answer = await sendRaw(
      app.port,
      `GET /v1/plans HTTP/1.1\r\nHost: localhost\r\n${first}\r\n${second}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer.status).toBe(400);
  }
});

test('an error that will pass says when to come again', async () => {
  const { rows } = app.node;
  const open = rows.open.bind(rows);
  for (const [code, detail, seconds] of [
    ['pool_saturated', { retryAfterMs: 2_500 }, '3'],
    ['compartment_unreachable', { kind: 'rows', reason: 'connect ECONNREFUSED 10.0.0.7:5432' }, '1'],
    ['registry_stale', {}, '1'],
  ] as const) {
    rows.open = () => Promise.reject(new BulkheadError(code, detail));
    const answer = await app.ask('GET', '/v1/documents', { token: acme.key });
    expect(answer).toMatchObject({ status: 503, body: { code, retry: 'later' } });
    expect(answer.headers.get('retry-after')).toBe(seconds);
    expect(answer.text).not.toContain('10.0.0.7');
  }
  rows.open = open;
  expect((await app.ask('GET', '/v1/documents', { token: acme.key })).status).toBe(200);
});
