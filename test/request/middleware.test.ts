import { EventEmitter, once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { fastify } from 'fastify';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { getCurrentTenant, getCurrentTenantId, peekScope } from '../../src/core/scope.ts';
import type { Scope } from '../../src/core/scope.ts';
import { expressBulkhead, fastifyBulkhead, honoBulkhead, scopeOf } from '../../src/request/middleware.ts';
import type { DoorNode, DoorOptions } from '../../src/request/middleware/door.ts';
import { FakeRegistry } from './fake-registry.ts';
import { listen, listening, sendRaw } from './raw-http.ts';
import type { Listening } from './raw-http.ts';

/** What the same small application does in each framework. */
interface Work {
  /** `GET /whoami`, `POST /whoami` with a JSON body, below `/mounted` too: the answer's body. */
  whoami(request: object, body: unknown): Promise<unknown>;
  /** `GET /throws` */
  throws(): Promise<never>;
  /** `GET /slow`: never answers by itself. */
  slow(scope: Scope): Promise<void>;
  /** `GET /health`: public. */
  health(): unknown;
}

type Open = (node: DoorNode, work: Work, options?: DoorOptions) => Promise<Listening>;

async function openExpress(node: DoorNode, work: Work, options?: DoorOptions): Promise<Listening> {
  const app = express();
  app.use(expressBulkhead(node, options));
  app.use(express.json({ limit: '1mb' }));
  const router = express.Router();
  router.all('/whoami', (request, response, next) => {
    work.whoami(request, request.body).then((body) => response.json(body), next);
  });
  app.use('/', router);
  app.use('/mounted', router);
  app.use('/api/tenants/:tenant', router);
  app.get('/throws', () => work.throws());
  app.get('/slow', (request) => work.slow(scopeOf(request)));
  app.get('/health', (_request, response) => {
    response.json(work.health());
  });
  app.use(
    (error: Error, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
      response.status(500).json({ error: error.message, tenant: peekScope()?.tenantId ?? null });
    },
  );
  return listen(app);
}

async function openFastify(node: DoorNode, work: Work, options?: DoorOptions): Promise<Listening> {
  const app = fastify();
  await app.register(fastifyBulkhead(node, options));
  for (const prefix of ['', '/mounted', '/api/tenants/:tenant'])
    app.route({
      method: ['GET', 'POST'],
      url: `${prefix}/whoami`,
      handler: (request) => work.whoami(request, request.body),
    });
  app.get('/throws', () => work.throws());
  app.get('/slow', (request) => work.slow(scopeOf(request)));
  app.get('/health', () => work.health());
  app.setErrorHandler((error: Error, _request, reply) =>
    reply.code(500).send({ error: error.message, tenant: peekScope()?.tenantId ?? null }),
  );
  await app.ready();
  return listening(app.server);
}

async function openHono(node: DoorNode, work: Work, options?: DoorOptions): Promise<Listening> {
  const app = new Hono();
  app.use('*', honoBulkhead(node, options));
  const whoami = async (raw: Request): Promise<Response> =>
    Response.json(await work.whoami(raw, raw.method === 'POST' ? await raw.json() : undefined));
  for (const prefix of ['', '/mounted', '/api/tenants/:tenant'])
    app.all(`${prefix}/whoami`, (context) => whoami(context.req.raw));
  app.get('/throws', () => work.throws());
  app.get('/slow', async (context) => {
    await work.slow(scopeOf(context.req.raw));
    return context.text('');
  });
  app.get('/health', (context) => context.json(work.health()));
  app.onError((error, context) =>
    context.json({ error: error.message, tenant: peekScope()?.tenantId ?? null }, 500),
  );
  return listen((request, response) => void bridge(app, request, response));
}

/** Node's http to Fetch and back, as Hono's own adapter does it. */
async function bridge(app: Hono, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = new Headers();
  for (let index = 0; index < request.rawHeaders.length; index += 2)
    headers.append(request.rawHeaders[index] ?? '', request.rawHeaders[index + 1] ?? '');
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  const body = request.method === 'POST' ? Buffer.concat(await Array.fromAsync(request)) : null;
  const url = `http://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`;
  const answer = await app.fetch(
    new Request(url, { method: request.method ?? 'GET', headers, body, signal: controller.signal }),
  );
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
}

const frameworks: readonly [string, Open][] = [
  ['Express', openExpress],
  ['Fastify', openFastify],
  ['Hono', openHono],
];

describe.each(frameworks)('%s', (_name, open) => {
  async function start(config: Partial<DoorNode['config']> = {}, options: DoorOptions = {}) {
    const registry = new FakeRegistry();
    const acme = registry.add('acme');
    const globex = registry.add('globex');
    const slow = { scope: undefined as Scope | undefined, started: new EventEmitter() };
    const left: string[] = [];
    const work: Work = {
      async whoami(request, body) {
        await sleep(1);
        return { tenant: getCurrentTenantId(), explicit: scopeOf(request).tenantId, body };
      },
      async throws() {
        await sleep(1);
        getCurrentTenant();
        throw new Error('a fault of the application');
      },
      async slow(scope) {
        slow.scope = scope;
        slow.started.emit('started');
        await once(scope.signal, 'abort');
        slow.started.emit('aborted', getCurrentTenantId());
      },
      health: () => ({ tenant: peekScope()?.tenantId ?? null }),
    };
    const listener = await open(registry.node(config), work, {
      ...options,
      meters: [(entry, { status }) => left.push(`${entry.scope.tenantSlug} ${status}`)],
    });
    const get = (path: string, secret?: string, headers: Record<string, string> = {}, body?: unknown) =>
      fetch(`${listener.url}${path}`, {
        headers: {
          ...headers,
          ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
    return {
      registry,
      acme,
      globex,
      listener,
      get,
      slow,
      left,
      [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
    };
  }

  test.each([true, false])('a handler runs in the tenant of its key (warm cache: %s)', async (warm) => {
    await using app = await start();
    app.registry.warm = warm;
    for (const { tenant, secret } of [app.acme, app.globex])
      for (const path of ['/whoami', '/mounted/whoami', `/api/tenants/${tenant.slug}/whoami`]) {
        const response = await app.get(path, secret);
        expect(await response.json()).toEqual({ tenant: tenant.id, explicit: tenant.id });
        expect(response.headers.get('cache-control')).toBe('private, no-store');
        expect(response.headers.get('bulkhead-isolation')).toBe('shared');
        expect(Number(response.headers.get('bulkhead-overhead-ms'))).toBeGreaterThan(0);
        expect(response.headers.get('x-tenant-id')).toBeNull();
      }
  });

  test('a body is read inside the scope', async () => {
    await using app = await start();
    const response = await app.get('/whoami', app.acme.secret, {}, { large: 'x'.repeat(300_000) });
    expect(await response.json()).toMatchObject({
      tenant: app.acme.tenant.id,
      body: { large: expect.any(String) },
    });
  });

  test('the tenant is told in a header where that was asked for', async () => {
    await using app = await start({ tenantHeaderInResponse: true });
    const response = await app.get('/whoami', app.acme.secret);
    expect(response.headers.get('x-tenant-id')).toBe(app.acme.tenant.id);
  });

  test.each<[string, string, Record<string, string>, number, string]>([
    ['no key', '/whoami', {}, 401, 'unauthenticated'],
    ['a hint and no key', '/whoami', { 'x-tenant-id': 'acme' }, 401, 'unauthenticated'],
    ['a foreign hint', '/whoami', { authorization: 'ACME', 'x-tenant-id': 'globex' }, 403, 'claims_conflict'],
    ['a foreign path', '/api/tenants/globex/whoami', { authorization: 'ACME' }, 403, 'claims_conflict'],
    ['a path to nobody', '/api/tenants/nobody/whoami', { authorization: 'ACME' }, 403, 'claims_conflict'],
    ['almost public', '/healthXYZ', {}, 401, 'unauthenticated'],
    ['below public', '/health/secrets', {}, 401, 'unauthenticated'],
  ])('%s is turned away before the application sees it', async (_case, path, headers, status, code) => {
    await using app = await start();
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        value.replace('ACME', `Bearer ${app.acme.secret}`),
      ]),
    );
    const response = await app.get(path, undefined, filled);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({
      code,
      status,
      requestId: response.headers.get('x-request-id'),
    });
    expect(app.left).toEqual([]);
  });

  test.each([
    'GET /health/../whoami HTTP/1.1',
    'GET /api/tenants/create/../../../whoami HTTP/1.1',
    'GET //health HTTP/1.1',
    'GET /health%2f HTTP/1.1',
    'GET /%68ealth HTTP/1.1',
    'GET /health/%2e%2e/whoami HTTP/1.1',
    'GET /health\\..\\whoami HTTP/1.1',
    'GET /health;/whoami HTTP/1.1',
  ])('%s opens no data', async (line) => {
    await using app = await start();
    const { status, body } = await sendRaw(
      app.listener.port,
      `${line}\r\nHost: api.example.com\r\nConnection: close\r\n\r\n`,
    );
    expect([400, 401, 404]).toContain(status);
    expect(body).not.toContain('explicit');
  });

  test.each([
    'Authorization: Bearer SECRET',
    'X-Tenant-ID: acme',
    'X-API-Key: SECRET',
    'Host: acme.example.com',
  ])('the header %s, sent twice, is refused', async (header) => {
    await using app = await start();
    const line = header.replace('SECRET', app.acme.secret);
    const own = header.startsWith('Host') ? '' : 'Host: api.example.com\r\n';
    const key = header.startsWith('Auth') ? '' : `Authorization: Bearer ${app.acme.secret}\r\n`;
    const { status } = await sendRaw(
      app.listener.port,
      `GET /whoami HTTP/1.1\r\n${own}${key}${line}\r\n${line}\r\nConnection: close\r\n\r\n`,
    );
    expect(status).toBe(400);
  });

  test('a public path is served, and sees no tenant even where a key was sent', async () => {
    await using app = await start();
    for (const secret of [undefined, app.acme.secret]) {
      const response = await app.get('/health?x=1', secret);
      expect(await response.json()).toEqual({ tenant: null });
    }
  });

  test('a suspended tenant is refused on the very next request, with the cache warm', async () => {
    await using app = await start();
    expect((await app.get('/whoami', app.acme.secret)).status).toBe(200);
    app.registry.change(app.acme.tenant.id, { state: 'suspended' });
    const response = await app.get('/whoami', app.acme.secret);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'tenant_inactive', detail: 'suspended' });
  });

  test('a handler that throws reaches the error handler, and leaves no scope on its connection', async () => {
    await using app = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const thrown = await getOn(agent, `${app.listener.url}/throws`, app.acme.secret);
    expect(thrown).toMatchObject({ status: 500, body: { error: 'a fault of the application' } });
    // The same connection: what an AsyncLocalStorage.enterWith would have left behind shows here.
    expect(await getOn(agent, `${app.listener.url}/health`)).toMatchObject({ body: { tenant: null } });
    expect(await getOn(agent, `${app.listener.url}/whoami`, app.globex.secret)).toMatchObject({
      body: { tenant: app.globex.tenant.id },
    });
    expect(await getOn(agent, `${app.listener.url}/whoami`)).toMatchObject({ status: 401 });
    agent.destroy();
    expect(peekScope()).toBeUndefined();
    expect(app.left).toEqual(['acme failed', 'globex served']);
  });

  test('a caller who goes away aborts the work, inside its own scope', async () => {
    await using app = await start();
    const controller = new AbortController();
    const started = once(app.slow.started, 'started');
    const aborted = once(app.slow.started, 'aborted');
    const pending = fetch(`${app.listener.url}/slow`, {
      headers: { authorization: `Bearer ${app.acme.secret}` },
      signal: controller.signal,
    });
    await started;
    expect(app.slow.scope?.signal.aborted).toBe(false);
    controller.abort();
    await expect(pending).rejects.toThrow();
    expect(await aborted).toEqual([app.acme.tenant.id]);
    await expect.poll(() => app.left).toEqual(['acme aborted']);
    expect(peekScope()).toBeUndefined();
  });

  test('200 requests of two tenants at once are never mixed up', async () => {
    await using app = await start();
    const mixed = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { tenant, secret } = index % 2 === 0 ? app.acme : app.globex;
        const body = index % 3 === 0 ? { index } : undefined;
        const answer = (await (await app.get('/whoami', secret, {}, body)).json()) as Record<string, unknown>;
        return answer['tenant'] === tenant.id && answer['explicit'] === tenant.id;
      }),
    );
    expect(mixed.filter((same) => !same)).toEqual([]);
    expect(mixed.length).toBe(200);
  });

  test('a well-formed request id is kept, another is replaced', async () => {
    await using app = await start();
    const kept = await app.get('/whoami', app.acme.secret, { 'x-request-id': 'trace-12345678' });
    const replaced = await app.get('/whoami', app.acme.secret, { 'x-request-id': 'a b<script>' });
    expect(kept.headers.get('x-request-id')).toBe('trace-12345678');
    expect(replaced.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  });
});

test('listeners on an Express request run in its scope, though Node emits its events outside any', async () => {
  const registry = new FakeRegistry();
  const { tenant, secret } = registry.add('acme');
  const app = express();
  app.use(expressBulkhead(registry.node()));
  app.post('/upload', (request, response) => {
    request.resume().on('end', () => response.json({ tenant: getCurrentTenantId() }));
  });
  await using listener = await listen(app);
  const response = await fetch(`${listener.url}/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
    body: 'x'.repeat(500_000),
  });
  expect(await response.json()).toEqual({ tenant: tenant.id });
});

test('every hook of Fastify that comes later runs in the scope, with a large body and a large answer too', async () => {
  const registry = new FakeRegistry();
  const { tenant, secret } = registry.add('acme');
  const app = fastify({ bodyLimit: 10_000_000 });
  await app.register(fastifyBulkhead(registry.node()));
  const seen = new Map<string, string | undefined>();
  const see = (hook: string) => () => {
    seen.set(hook, peekScope()?.tenantId);
    return Promise.resolve();
  };
  app.addHook('onRequest', see('onRequest'));
  app.addHook('preParsing', see('preParsing'));
  app.addHook('preValidation', see('preValidation'));
  app.addHook('preHandler', see('preHandler'));
  app.addHook('preSerialization', see('preSerialization'));
  app.addHook('onSend', see('onSend'));
  app.addHook('onResponse', see('onResponse'));
  app.post('/echo', (request) => ({ echo: request.body }));
  await app.ready();
  await using listener = await listening(app.server);
  const response = await fetch(`${listener.url}/echo`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ large: 'x'.repeat(5_000_000) }),
  });
  expect((await response.text()).length).toBeGreaterThan(5_000_000);
  await expect.poll(() => seen.size).toBe(7);
  expect([...seen]).toEqual([...seen.keys()].map((hook) => [hook, tenant.id]));
});

test('a Fastify handler that runs into its timeout is aborted', async () => {
  const registry = new FakeRegistry();
  const { secret } = registry.add('acme');
  const app = fastify({ handlerTimeout: 20 });
  await app.register(fastifyBulkhead(registry.node()));
  const aborted = Promise.withResolvers<string>();
  app.get('/slow', (request) =>
    once(scopeOf(request).signal, 'abort').then(() => aborted.resolve(getCurrentTenantId())),
  );
  await app.ready();
  await using listener = await listening(app.server);
  const response = await fetch(`${listener.url}/slow`, { headers: { authorization: `Bearer ${secret}` } });
  expect(response.status).toBe(503);
  expect(await aborted.promise).toBe([...registry.tenants.keys()][0]);
});

async function getOn(agent: Agent, url: string, secret?: string): Promise<{ status: number; body: unknown }> {
  const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  const request = httpRequest(url, { agent, headers }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await Array.fromAsync(response)).toString('utf8');
  return { status: response.statusCode ?? 0, body: JSON.parse(text) };
}
