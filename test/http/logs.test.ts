import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tenantScope } from '../../src/core/scope.ts';
import { createLogger } from '../../src/server/index.ts';
import { scopeOf } from '../../src/request/middleware.ts';
import { openTestServer, operatorToken } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

/** Text that must be in no log line, metric, error or page; each part of the tests plants its own. */
const canary = (where: string): string => `canary-${where}-7f3a91`;

let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;

beforeAll(async () => {
  app = await openTestServer({ BULKHEAD_LOG_LEVEL: 'trace' }, ({ app: fastify }) => {
    // Faults that a real handler could have; they stand in for every library that puts data into its messages.
    fastify.get('/test/throws', () => {
      throw new Error(`duplicate key value: ${canary('message')}`, {
        cause: new Error(`Key (email)=(${canary('cause')}@example.com) already exists`),
      });
    });
    fastify.get('/test/throws-text', () => {
      // oxlint-disable-next-line typescript/only-throw-error -- a library that throws text is what is tested
      throw canary('text');
    });
  });
  acme = await app.tenant('acme');
  globex = await app.tenant('globex');
});
afterAll(() => app[Symbol.asyncDispose]());

/** One of everything that carries data, right and wrong. */
async function work(): Promise<readonly string[]> {
  const secret = { token: acme.key };
  const answers = [
    await app.ask('POST', '/v1/documents', {
      ...secret,
      body: {
        title: canary('title'),
        content: canary('content'),
        externalId: canary('external'),
        metadata: { a: canary('metadata') },
      },
    }),
    await app.ask('POST', '/v1/documents', {
      ...secret,
      body: { title: 'x', content: 'x', externalId: canary('external') },
    }),
    await app.ask('POST', '/v1/documents', { ...secret, body: { [canary('field')]: canary('value') } }),
    await app.ask('POST', '/v1/documents', { ...secret, body: `{"title":"${canary('broken')}` }),
    await app.ask('GET', `/v1/documents?titleStartsWith=${canary('query')}`, secret),
    await app.ask('GET', `/v1/documents/${canary('path')}`, secret),
    await app.ask('GET', `/${canary('route')}`, secret),
    await app.ask('GET', '/v1/me', { token: `bh_${canary('token')}` }),
    await app.ask('GET', '/v1/me', { ...secret, headers: { 'x-tenant-id': `${canary('hint')}!` } }),
    await app.ask('GET', '/v1/me', {
      headers: { cookie: `session=${canary('cookie')}`, 'user-agent': canary('agent') },
    }),
    await app.operator('POST', '/v1/tenants', { slug: 'initech', name: canary('tenant name') }),
    await app.operator('POST', '/v1/servers', {
      name: 'x',
      url: `postgres://u:${canary('password')}@127.0.0.1:1/d`,
    }),
    await app.ask('GET', '/test/throws', secret),
    await app.ask('GET', '/test/throws-text', secret),
  ];
  return answers.filter(({ status }) => status >= 400).map(({ text }) => text);
}

test('no sink shows a caller’s data, a secret, or the words of an exception', async () => {
  const errors = await work();
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  const audit = await readAudit();
  expect(errors.length).toBeGreaterThanOrEqual(9);
  expect(app.log.length).toBeGreaterThanOrEqual(14);
  const sinks = { log: app.log.join('\n'), metrics, audit, errors: errors.join('\n') };
  for (const [name, text] of Object.entries(sinks)) {
    // A field that is refused is named to the caller who sent it, and to nobody else.
    const seen = name === 'errors' ? text.replaceAll(canary('field'), '') : text;
    expect(seen.match(/canary-[a-z ]*/g) ?? [], name).toEqual([]);
    for (const secret of [acme.key, globex.key, operatorToken, acme.key.slice(20)])
      expect(text).not.toContain(secret);
    expect(text.match(/[\w.]+@[\w.]+\.\w+/g) ?? [], name).toEqual([]);
  }
});

async function readAudit(): Promise<string> {
  await app.node.registry.audit.flush();
  const id = (await app.node.registry.directory.byId(acme.id as never))?.id;
  if (id === undefined) throw new Error('the tenant is gone');
  const events = await app.node.registry.audit.list({ tenant: id, limit: 1_000 });
  expect(events.map(({ action }) => action)).toContain('access.cross_tenant_attempt');
  return JSON.stringify(events);
}

test('the canaries would be found: one that is allowed to leak is', async () => {
  const answer = await app.ask('GET', '/v1/documents', { token: acme.key });
  expect(answer.text).toContain(canary('title'));
});

test('every line about a tenant’s request names tenant, request and actor', async () => {
  const before = app.log.length;
  await app.ask('GET', '/v1/me', { token: acme.key, headers: { 'x-request-id': 'request-0001' } });
  await app.ask('GET', '/v1/documents/x', { token: globex.key, headers: { 'x-request-id': 'request-0002' } });
  await expect.poll(() => app.log.length).toBe(before + 2);
  const lines = app.log.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { tenant_id: acme.id, request_id: 'request-0001', actor: acme.keyId, route: '/v1/me', status: 200 },
    { tenant_id: globex.id, request_id: 'request-0002', actor: globex.keyId, status: 404 },
  ]);
});

test('a failure of ours is one line with the id that the caller was told', async () => {
  const answer = await app.ask('GET', '/test/throws');
  expect(answer.status).toBe(500);
  const { requestId, detail } = answer.body as { requestId: string; detail?: string };
  expect(detail).toBeUndefined();
  const lines = app.log.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 'error',
      request_id: requestId,
      err: expect.objectContaining({
        type: 'Error',
        at: expect.arrayContaining([expect.stringContaining('logs.test.ts')]),
      }),
    }),
  );
});

function capture() {
  const lines: string[] = [];
  return { lines, log: createLogger('info', { write: (line: string) => lines.push(line) }) };
}

describe('the logger', () => {
  test('names the tenant on a line that somebody else writes inside a scope', async () => {
    const { lines, log } = capture();
    const scope = await app.node.scope('acme');
    tenantScope(scope, () => log.info('from deep inside'));
    log.info('from outside');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ tenant_id: acme.id, request_id: scope.requestId });
    expect(JSON.parse(lines[1] ?? '')).not.toHaveProperty('tenant_id');
  });

  test('writes no value whose name says that it is secret or somebody’s', () => {
    const { lines, log } = capture();
    log.info({
      authorization: 'canary-1',
      request: { headers: { Authorization: 'canary-2', 'x-api-key': 'canary-3' } },
      keys: [{ id: 'kept', key: 'canary-4', secret: 'canary-5' }],
      document: { title: 'canary-6', content: 'canary-7', metadata: { a: 'canary-8' } },
      user: { email: 'canary-9' },
      err: new Error('canary-10'),
    });
    log.error(new Error('canary-11'));
    log.error(new Error('canary-12'), 'in words of our own');
    expect(lines.join('')).not.toContain('canary');
    expect(lines.join('')).toContain('kept');
  });
});

test('the scope of a request can be had as a value', () => {
  expect(() => scopeOf({})).toThrow('outside a tenant scope');
});
