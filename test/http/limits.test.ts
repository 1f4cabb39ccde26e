import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTenantId } from '../../src/core/ids.ts';
import { openTestServer, type TestServer, type TestTenant } from './support/server.ts';

let app: TestServer;
let other: TestTenant;
beforeAll(async () => {
  app = await openTestServer({ BULKHEAD_LIMITS: 'memory' });
  other = await app.tenant('quiet-neighbour', { plan: 'enterprise' });
});
afterAll(() => app[Symbol.asyncDispose]());

let made = 0;
async function limited(settings: Readonly<Record<string, unknown>>): Promise<TestTenant> {
  made += 1;
  const tenant = await app.tenant(`limited-${made}`, { plan: 'enterprise' });
  const { status } = await app.operator('PUT', `/v1/tenants/${tenant.slug}/settings`, settings);
  expect(status).toBe(200);
  // Every node follows a change within a second; this one reads it now.
  const id = parseTenantId(tenant.id);
  if (id === undefined) throw new Error('not an id');
  await app.node.registry.directory.fresh(id);
  return tenant;
}

const ask = (tenant: TestTenant, path = '/v1/me') => app.ask('GET', path, { token: tenant.key });

describe('a tenant over its limit', () => {
  test('is answered 429 with the limit that bit, when to come back and how it stands, and nobody else notices', async () => {
    const tenant = await limited({ 'limits.hour': 3 });
    const answers = [await ask(tenant), await ask(tenant), await ask(tenant)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.map(({ headers }) => /"hour";r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1])).toEqual([
      '2',
      '1',
      '0',
    ]);
    const refused = await ask(tenant);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'rate_limited', retry: 'later', limit: 'hour' });
    const retryAfterS = Number(refused.headers.get('retry-after'));
    expect(retryAfterS).toBeGreaterThan(0);
    expect(retryAfterS).toBeLessThanOrEqual(3_600);
    expect(refused.headers.get('ratelimit-policy')).toContain('"hour";q=3;w=3600');
    expect(refused.headers.get('ratelimit')).toContain('"hour";r=0;t=');
    expect(refused.headers.get('x-ratelimit-limit')).toBe('5000');
    expect(refused.headers.get('x-ratelimit-limit-minute')).toBe('5000');
    expect(refused.headers.get('x-ratelimit-limit-day')).toBe('1000000');
    // What was refused took nothing of the limits it was within.
    expect(refused.headers.get('x-ratelimit-remaining-day')).toBe('999997');
    const neighbour = await ask(other);
    expect(neighbour.status).toBe(200);
    expect(Number(neighbour.headers.get('x-ratelimit-remaining-minute'))).toBeGreaterThan(4_900);
  });

  test('of a hundred requests at once gets through as often as the limit says', async () => {
    const tenant = await limited({ 'limits.hour': 20 });
    const statuses = await Promise.all(Array.from({ length: 100 }, async () => (await ask(tenant)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(80);
  });

  test('is refused its burst before its minute', async () => {
    const tenant = await limited({ 'limits.minute': 60, 'limits.burst': 2 });
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await ask(tenant)).status));
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(4);
    expect((await ask(tenant)).status === 429 || statuses.includes(429)).toBe(true);
  });

  test('by the limit of a class of routes is served on the others', async () => {
    const tenant = await limited({ 'limits.route.documents.hour': 1 });
    expect((await ask(tenant, '/v1/documents?limit=1')).status).toBe(200);
    const refused = await ask(tenant, `/api/tenants/${tenant.slug}/v1/documents`);
    expect(refused).toMatchObject({ status: 429, body: { limit: 'route.documents.hour' } });
    expect((await ask(tenant)).status).toBe(200);
  });

  test('by the limit of each key goes on with another key', async () => {
    const tenant = await limited({ 'limits.key.hour': 1 });
    expect((await ask(tenant)).status).toBe(200);
    expect(await ask(tenant)).toMatchObject({ status: 429, body: { limit: 'key.hour' } });
    const second = await app.operator('POST', `/v1/tenants/${tenant.slug}/keys`, { name: 'second' });
    const { key } = second.body as { key: string };
    expect((await app.ask('GET', '/v1/me', { token: key })).status).toBe(200);
  });
});

test('a caller is told how much of each limit is left', async () => {
  const tenant = await limited({ 'limits.hour': 9, 'limits.key.day': 5 });
  await ask(tenant);
  const { body } = await ask(tenant, '/v1/me/limits');
  const { limits, counted } = body as {
    counted: string;
    limits: { name: string; limit: number; remaining: number }[];
  };
  expect(counted).toBe('shared');
  expect(limits.map(({ name }) => name)).toEqual(['minute', 'hour', 'day', 'burst', 'key.day']);
  expect(limits.find(({ name }) => name === 'hour')).toMatchObject({ limit: 9, remaining: 7 });
  expect(limits.find(({ name }) => name === 'key.day')).toMatchObject({ limit: 5, remaining: 3 });
});

test('a setting that makes no sense lifts no limit', async () => {
  const tenant = await limited({
    'limits.minute': -1,
    'limits.day': 'many',
    'limits.burst': 0,
    'limits.time_zone': 'Mars',
  });
  const { headers } = await ask(tenant);
  expect(headers.get('x-ratelimit-limit-minute')).toBe('5000');
  expect(headers.get('x-ratelimit-limit-day')).toBe('1000000');
});

test('a refused credential takes nothing of anybody’s limit', async () => {
  const tenant = await limited({ 'limits.hour': 2 });
  for (let index = 0; index < 5; index += 1)
    await app.ask('GET', '/v1/me', {
      token: `${tenant.key.slice(0, -1)}${tenant.key.endsWith('A') ? 'B' : 'A'}`,
    });
  expect((await ask(tenant)).status).toBe(200);
});
