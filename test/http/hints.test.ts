import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTenantId } from '../../src/core/ids.ts';
import type { Config } from '../../src/config.ts';
import { createServer } from '../../src/server/index.ts';
import { openTestServer, withoutRequest } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;

beforeAll(async () => {
  app = await openTestServer({
    BULKHEAD_BASE_DOMAIN: 'example.com',
    BULKHEAD_TENANT_HINTS: 'header,subdomain,path,query',
  });
  acme = await app.tenant('acme');
  globex = await app.tenant('globex');
});
afterAll(() => app[Symbol.asyncDispose]());

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
}

/** Not fetch, which sets `Host` itself. */
async function get(path: string, headers: Readonly<Record<string, string>>, url = app.url): Promise<Reply> {
  const request = httpRequest(new URL(path, url), { headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await Array.fromAsync(response)).toString('utf8');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: JSON.parse(text) as Reply['body'],
  };
}

/** Every place that can name a tenant, and how a request looks that names this one there. */
const places: Readonly<
  Record<string, (slug: string) => { path?: string; headers?: Record<string, string> }>
> = {
  header: (slug) => ({ headers: { 'x-tenant-id': slug } }),
  subdomain: (slug) => ({ headers: { host: `${slug}.example.com` } }),
  path: (slug) => ({ path: `/api/tenants/${slug}/v1/me` }),
};

function compose(
  parts: Readonly<Record<string, string>>,
  key: string,
): readonly [string, Record<string, string>] {
  const built = Object.entries(parts).map(([place, slug]) => places[place]?.(slug) ?? {});
  return [
    built.find(({ path }) => path !== undefined)?.path ?? '/v1/me',
    Object.assign({ authorization: `Bearer ${key}` }, ...built.map(({ headers = {} }) => headers)) as Record<
      string,
      string
    >,
  ];
}

/** Each place silent, or naming the caller's tenant, another, or nobody's: 64 combinations less those with no hint. */
const combinations = ['', 'acme', 'globex', 'nobody'].flatMap((header) =>
  ['', 'acme', 'globex', 'nobody'].flatMap((subdomain) =>
    ['', 'acme', 'globex', 'nobody'].map((path) =>
      Object.fromEntries(Object.entries({ header, subdomain, path }).filter(([, slug]) => slug !== '')),
    ),
  ),
);

test('over every combination of hints, the key’s tenant is served where all agree, and all else is one answer', async () => {
  expect(combinations.length).toBe(64);
  const refusals = new Set<string>();
  for (const parts of combinations) {
    const { status, body } = await get(...compose(parts, acme.key));
    const agree = Object.values(parts).every((slug) => slug === 'acme');
    expect(status, JSON.stringify(parts)).toBe(agree ? 200 : 403);
    if (agree) expect(body['tenant']).toMatchObject({ id: acme.id });
    else refusals.add(JSON.stringify(withoutRequest(body)));
  }
  expect([...refusals].map((text) => JSON.parse(text) as unknown)).toEqual([
    expect.objectContaining({ code: 'claims_conflict', status: 403 }),
  ]);
});

test('no combination of hints identifies anybody without a key', async () => {
  for (const parts of combinations) {
    const [path, { authorization: _, ...headers }] = compose(parts, acme.key);
    expect((await get(path, headers)).status, JSON.stringify(parts)).toBe(401);
  }
});

test.each([
  [{ 'x-forwarded-host': 'globex.example.com' }],
  [{ forwarded: 'host=globex.example.com' }],
  [{ 'x-original-url': '/api/tenants/globex/v1/me' }],
  [{ 'x-rewrite-url': '/api/tenants/globex/v1/me' }],
  [{ 'x-tenant': 'globex' }],
  [{ 'tenant-id': 'globex' }],
  [{ 'x-http-method-override': 'DELETE' }],
  [{ cookie: 'tenant=globex' }],
])('%j is nobody’s word', async (headers) => {
  const { status, body } = await get('/v1/me', { authorization: `Bearer ${acme.key}`, ...headers });
  expect([status, body['tenant']]).toMatchObject([200, { id: acme.id }]);
});

test.each(['www', 'api', 'app'])('the reserved name %s names no tenant', async (name) => {
  const { status } = await get('/v1/me', {
    authorization: `Bearer ${acme.key}`,
    host: `${name}.example.com`,
  });
  expect(status).toBe(200);
});

test('attempts are in the audit trail of the tenant whose key it was, and grow severe', async () => {
  const fresh = await app.tenant('initech');
  for (let attempt = 0; attempt < 4; attempt += 1)
    await get('/v1/me', { authorization: `Bearer ${fresh.key}`, 'x-tenant-id': 'globex' });
  const { audit } = app.node.registry;
  await audit.flush();
  const read = async (id: string) => {
    const tenant = parseTenantId(id);
    const events = tenant === undefined ? [] : await audit.list({ tenant, limit: 100 });
    return events.filter(({ action }) => action === 'access.cross_tenant_attempt');
  };
  const events = await read(fresh.id);
  expect(events.map(({ severity }) => severity).toSorted()).toEqual(['critical', 'critical', 'high', 'high']);
  expect(events.every(({ actor, requestId }) => actor.id === fresh.keyId && requestId !== undefined)).toBe(
    true,
  );
  expect((await read(globex.id)).length).toBe(0);
});

describe('a node that is set up otherwise', () => {
  async function withConfig(config: Partial<Config>, use: (url: string) => Promise<void>): Promise<void> {
    const node = { ...app.node, config: { ...app.node.config, ...config }, close: () => Promise.resolve() };
    const server = createServer(node, { logTo: { write: () => {} } });
    await use(await server.listen());
    await server.close();
  }

  test('does not read the places that are switched off', async () => {
    await withConfig({ hints: ['header'] }, async (url) => {
      const authorization = `Bearer ${acme.key}`;
      expect((await get('/v1/me', { authorization, host: 'globex.example.com' }, url)).status).toBe(200);
      expect((await get('/api/tenants/acme/v1/me', { authorization }, url)).status).toBe(404);
      expect((await get('/v1/me', { authorization, 'x-tenant-id': 'globex' }, url)).status).toBe(403);
    });
  });

  test('tells the tenant in a header where that is switched on', async () => {
    await withConfig({ tenantHeaderInResponse: true }, async (url) => {
      const { headers } = await get('/v1/me', { authorization: `Bearer ${acme.key}` }, url);
      expect(headers['x-tenant-id']).toBe(acme.id);
    });
  });
});

describe('what takes effect at once', () => {
  test('a suspension, on connections and caches that are warm', async () => {
    const authorization = `Bearer ${globex.key}`;
    expect((await get('/v1/me', { authorization })).status).toBe(200);
    expect((await app.operator('POST', '/v1/tenants/globex/suspend')).status).toBe(200);
    expect(await get('/v1/me', { authorization })).toMatchObject({
      status: 403,
      body: { code: 'tenant_inactive', detail: 'suspended' },
    });
    expect((await app.operator('POST', '/v1/tenants/globex/resume')).status).toBe(200);
    await expect
      .poll(async () => (await get('/v1/me', { authorization })).status, { timeout: 2_000 })
      .toBe(200);
  });

  test('the suspension of a parent, for its children', async () => {
    await app.tenant('hospital');
    const ward = await app.tenant('ward', { parent: 'hospital' });
    const authorization = `Bearer ${ward.key}`;
    expect((await get('/v1/me', { authorization })).status).toBe(200);
    await app.operator('POST', '/v1/tenants/hospital/suspend');
    expect(await get('/v1/me', { authorization })).toMatchObject({
      status: 403,
      body: { detail: 'parent_suspended' },
    });
  });

  test('the revocation of a key', async () => {
    const tenant = await app.tenant('umbrella');
    const authorization = `Bearer ${tenant.key}`;
    expect((await get('/v1/me', { authorization })).status).toBe(200);
    expect((await app.operator('DELETE', `/v1/tenants/umbrella/keys/${tenant.keyId}`)).status).toBe(200);
    expect((await get('/v1/me', { authorization })).status).toBe(401);
  });
});
