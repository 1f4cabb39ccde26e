import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BulkheadHttpError, createClient, isBulkheadHttpError } from '../../src/client/index.ts';
import type { BulkheadClient } from '../../src/client/index.ts';
import { listen } from '../request/raw-http.ts';
import { openTestServer, operatorToken } from './support/server.ts';
import type { TestServer } from './support/server.ts';

let app: TestServer;
let operator: BulkheadClient;
let acme: BulkheadClient;

beforeAll(async () => {
  app = await openTestServer();
  operator = createClient({ url: app.url, token: operatorToken });
  await operator.tenants.create({ slug: 'acme', name: 'Acme', plan: 'starter', settings: { theme: 'dark' } });
  const { key } = await operator.keys.issue('acme', { name: 'client' });
  acme = createClient({ url: `${app.url}/`, token: key });
});
afterAll(() => app[Symbol.asyncDispose]());

describe('the control plane through the client', () => {
  test('tenants', async () => {
    const globex = await operator.tenants.create({
      slug: 'globex',
      name: 'Globex',
      plan: 'pro',
      isolation: 'schema',
    });
    expect(globex).toMatchObject({ slug: 'globex', state: 'active', isolation: 'schema', plan: 'pro' });
    expect(globex.readyInMs).toBeGreaterThan(0);
    expect(Object.keys(globex.containers)).toContain('rows');
    expect((await operator.tenants.get(globex.id)).slug).toBe('globex');
    expect(await operator.operations.get(globex.operation)).toMatchObject({
      kind: 'provision',
      state: 'done',
      tenant: globex.id,
    });
    expect(
      await operator.tenants.change('globex', { name: 'Globex Corporation', features: ['beta'] }),
    ).toMatchObject({
      name: 'Globex Corporation',
      features: ['beta'],
    });
    const first = await operator.tenants.list({ limit: 1 });
    expect(first.items.length).toBe(1);
    const all = await Array.fromAsync(operator.tenants.each({ limit: 1 }));
    expect(all.map(({ slug }) => slug).toSorted()).toEqual(['acme', 'globex']);
    expect((await operator.tenants.suspend('globex')).state).toBe('suspended');
    expect((await operator.tenants.list({ state: 'suspended' })).items.map(({ slug }) => slug)).toEqual([
      'globex',
    ]);
    expect((await operator.tenants.resume('globex')).state).toBe('active');
  });

  test('a cheaper plan does not keep a dearer one’s container', async () => {
    await expect(operator.tenants.change('globex', { plan: 'free' })).rejects.toMatchObject({
      code: 'isolation_unavailable',
    });
  });

  test('settings', async () => {
    expect((await operator.settings.get('acme')).settings['theme']).toEqual({
      value: 'dark',
      from: 'tenant',
    });
    await operator.settings.change('acme', { theme: null, language: 'de' });
    const { settings } = await operator.settings.get('acme');
    expect(settings['theme']).toBeUndefined();
    expect(settings['language']).toEqual({ value: 'de', from: 'tenant' });
  });

  test('keys: issued once, listed without the secret, rotated with overlap, revoked at once', async () => {
    const issued = await operator.keys.issue('acme', {
      name: 'second',
      expiresAt: '2099-01-01T00:00:00+02:00',
    });
    expect(issued).toMatchObject({ name: 'second', expiresAt: '2098-12-31T22:00:00.000Z' });
    const asOf = (token: string) => createClient({ url: app.url, token }).me();
    expect((await asOf(issued.key)).key).toMatchObject({ id: issued.id, name: 'second' });
    expect(JSON.stringify(await operator.keys.list('acme'))).not.toContain(issued.key.slice(20));
    const successor = await operator.keys.rotate('acme', issued.id, { overlapSeconds: 60 });
    expect((await asOf(issued.key)).tenant.slug).toBe('acme');
    expect((await asOf(successor.key)).tenant.slug).toBe('acme');
    const revoked = await operator.keys.revoke('acme', issued.id);
    expect(revoked.revokedAt).not.toBeNull();
    await expect(asOf(issued.key)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect((await asOf(successor.key)).tenant.slug).toBe('acme');
    await expect(operator.keys.revoke('globex', successor.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('plans and servers', async () => {
    expect((await operator.plans.list()).items.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['free', 'pro', 'enterprise']),
    );
    const added = await operator.servers.add({
      name: 'cell-9',
      url: 'postgres://owner:hunter2@127.0.0.1:1/db',
      region: 'eu',
    });
    expect(added).toEqual({ name: 'cell-9', role: 'dedicated', region: 'eu', maxConnections: 100 });
    expect(JSON.stringify(await operator.servers.list())).not.toMatch(/hunter2|postgres:/);
  });
});

describe('the tenant plane through the client', () => {
  test('documents: created, read, found, changed, deleted', async () => {
    const created = await acme.documents.create({
      title: 'Zebra',
      content: 'stripes',
      externalId: 'z',
      metadata: { legs: 4 },
    });
    for (const title of ['Ant', 'Bee', 'Antelope']) await acme.documents.create({ title, content: title });
    expect(await acme.documents.get(created.id)).toEqual(created);
    expect(await titles({ sort: 'title' })).toEqual(['Ant', 'Antelope', 'Bee', 'Zebra']);
    expect(await titles({ sort: '-title', limit: 2 })).toEqual(['Zebra', 'Bee', 'Antelope', 'Ant']);
    expect(await titles({ titleStartsWith: 'Ant', sort: 'title' })).toEqual(['Ant', 'Antelope']);
    expect((await acme.documents.list({ externalId: 'z' })).items.map(({ id }) => id)).toEqual([created.id]);
    const changed = await acme.documents.change(created.id, { title: 'Okapi', externalId: null });
    expect(changed).toMatchObject({
      title: 'Okapi',
      externalId: null,
      content: 'stripes',
      metadata: { legs: 4 },
    });
    expect(changed.updatedAt >= created.updatedAt).toBe(true);
    await acme.documents.delete(created.id);
    await expect(acme.documents.get(created.id)).rejects.toMatchObject({ code: 'not_found', status: 404 });
    await expect(acme.documents.delete(created.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  async function titles(query: Parameters<typeof acme.documents.each>[0]): Promise<readonly string[]> {
    return (await Array.fromAsync(acme.documents.each(query))).map(({ title }) => title);
  }

  test('an external id is unique within the tenant, and free in the next', async () => {
    const { key } = await operator.keys.issue('globex', { name: 'client' });
    const globex = createClient({ url: app.url, token: key });
    const document = { title: 'x', content: 'x', externalId: 'invoice-1' };
    await acme.documents.create(document);
    await expect(acme.documents.create(document)).rejects.toMatchObject({ code: 'conflict', status: 409 });
    expect((await globex.documents.create(document)).externalId).toBe('invoice-1');
  });

  test('me says who the key is', async () => {
    const me = await acme.me();
    expect(me).toMatchObject({ tenant: { slug: 'acme', name: 'Acme' }, plan: 'pro', isolation: 'shared' });
    expect(me.limits.perMinute).toBeGreaterThan(0);
  });

  test('a suspended tenant is refused with its state, until it is resumed', async () => {
    await operator.tenants.suspend('acme');
    await expect(acme.me()).rejects.toMatchObject({
      code: 'tenant_inactive',
      status: 403,
      detail: 'suspended',
    });
    await operator.tenants.resume('acme');
    await expect
      .poll(() =>
        acme.me().then(
          ({ tenant }) => tenant.slug,
          () => 'not yet',
        ),
      )
      .toBe('acme');
  });
});

describe('what goes wrong', () => {
  test('is an error with code, status, fields and the request’s id', async () => {
    const failed = await operator.tenants.create({ slug: 'a b', name: '' }).catch((error: unknown) => error);
    expect(isBulkheadHttpError(failed, 'request_invalid')).toBe(true);
    expect(failed).toMatchObject({ status: 400, retry: 'after_change', requestId: expect.any(String) });
    expect((failed as BulkheadHttpError).fields.map(({ field }) => field)).toContain('name');
  });

  test('names with steps in them stay names', async () => {
    for (const name of ['..', '.', '', 'a/b', 'a?b', 'a#b', '%2e%2e', 'acme/keys'])
      await expect(operator.tenants.get(name), name).rejects.toMatchObject({ status: 404 });
  });

  test('nobody there: unreachable, and how', async () => {
    const gone = await listen(() => {});
    await gone[Symbol.asyncDispose]();
    const nowhere = createClient({ url: gone.url, token: 'x' });
    await expect(nowhere.me()).rejects.toMatchObject({
      code: 'unreachable',
      status: 0,
      detail: 'ECONNREFUSED',
      retry: 'later',
    });
  });

  test('too slow, or not wanted any more: unreachable', async () => {
    await using stuck = await listen(() => {});
    const client = createClient({ url: stuck.url, token: 'x', timeoutMs: 50 });
    await expect(client.me()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(client.me({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('somebody else’s answer is not taken for Bulkhead’s', async () => {
    await using other = await listen((request, response) => {
      const status = request.url === '/v1/me' ? 502 : 200;
      response.writeHead(status, { 'content-type': 'text/html', 'retry-after': '7' }).end('<h1>proxy</h1>');
    });
    const client = createClient({ url: other.url, token: 'x' });
    await expect(client.me()).rejects.toMatchObject({ code: 'unexpected', status: 502, retryAfterMs: 7_000 });
    await expect(client.plans.list()).rejects.toMatchObject({ code: 'unexpected', status: 200 });
  });

  test('the token goes to the server that was named, and nowhere it redirects to', async () => {
    const seen: unknown[] = [];
    await using thief = await listen((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    });
    await using redirecting = await listen((_request, response) => {
      response.writeHead(307, { location: `${thief.url}/v1/me` }).end();
    });
    await expect(createClient({ url: redirecting.url, token: 'secret' }).me()).rejects.toMatchObject({
      code: 'unreachable',
    });
    expect(seen).toEqual([]);
  });
});
