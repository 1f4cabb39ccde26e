import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { withoutRequest, openTestServer, type TestServer, type TestTenant } from './support/server.ts';

let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;

beforeAll(async () => {
  app = await openTestServer({ BULKHEAD_OBJECT_LIMIT_BYTES: '500000' });
  acme = await app.tenant('acme');
  globex = await app.tenant('globex');
});
afterAll(() => app[Symbol.asyncDispose]());

const text = { 'content-type': 'text/plain' };

async function put(tenant: TestTenant, name: string, body: string): Promise<string> {
  const answer = await app.ask('PUT', `/v1/objects?name=${encodeURIComponent(name)}`, {
    token: tenant.key,
    body,
    headers: text,
  });
  expect(answer.status, answer.text).toBe(200);
  return (answer.body as { id: string }).id;
}

async function sign(tenant: TestTenant, wish: Readonly<Record<string, unknown>>): Promise<string> {
  const answer = await app.ask('POST', '/v1/objects/urls', { token: tenant.key, body: wish });
  expect(answer.status, answer.text).toBe(201);
  return (answer.body as { path: string }).path;
}

describe('objects over HTTP', () => {
  test('are stored, listed, described, read and deleted by their tenant', async () => {
    const id = await put(acme, 'reports/übersicht.txt', 'hello');
    expect((await app.ask('GET', `/v1/objects/${id}/about`, { token: acme.key })).body).toMatchObject({
      id,
      name: 'reports/übersicht.txt',
      contentType: 'text/plain',
      sizeBytes: 5,
    });
    const read = await app.ask('GET', `/v1/objects/${id}`, { token: acme.key });
    expect([read.status, read.text]).toEqual([200, 'hello']);
    const listed = await app.ask('GET', '/v1/objects?prefix=reports/', { token: acme.key });
    expect(listed.body).toMatchObject({ items: [{ id }], nextCursor: null });
    expect((await app.ask('DELETE', `/v1/objects/${id}`, { token: acme.key })).status).toBe(204);
    expect((await app.ask('GET', `/v1/objects/${id}`, { token: acme.key })).status).toBe(404);
  });

  test('are sent so that no browser shows them as a page of ours', async () => {
    const answer = await app.ask('PUT', '/v1/objects?name=page.html', {
      token: acme.key,
      body: '<script>alert(1)</script>',
      headers: { 'content-type': 'text/html' },
    });
    const { id } = answer.body as { id: string };
    const { headers } = await app.ask('GET', `/v1/objects/${id}`, { token: acme.key });
    expect(headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''page.html");
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('private, no-store');
  });

  test('of another tenant answer like ones that never were', async () => {
    const theirs = await put(globex, 'secret', 'of globex');
    const nobodys = randomBytes(32).toString('hex');
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', '/about'],
      ['DELETE', ''],
    ] as const) {
      const answers = await Promise.all(
        [theirs, nobodys, 'x'].map((id) => app.ask(method, `/v1/objects/${id}${rest}`, { token: acme.key })),
      );
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
      expect(withoutRequest(answers[0]?.body)).toEqual(withoutRequest(answers[1]?.body));
    }
    // The same name is another object: writing it does not touch theirs.
    await put(acme, 'secret', 'of acme');
    expect((await app.ask('GET', `/v1/objects/${theirs}`, { token: globex.key })).text).toBe('of globex');
  });

  test.each([
    '..%2f..%2fmaster-key',
    '....%2f%2fx',
    '%252e%252e%252fx',
    'a%00b',
    'a%5cb',
    '%ef%bc%8e%ef%bc%8e%ef%bc%8fx',
    '',
  ])('refuse the name %s', async (name) => {
    const answer = await app.ask('PUT', `/v1/objects?name=${name}`, {
      token: acme.key,
      body: 'x',
      headers: text,
    });
    expect(answer.status).toBe(400);
  });

  test('refuse steps in the path itself', async () => {
    for (const path of [
      '/v1/objects/..%2f..%2fx',
      '/v1/objects/%2e%2e',
      '/v1/objects/a%2fb',
      '/v1/objects/..;/x',
    ])
      expect((await app.ask('GET', path, { token: acme.key })).status).toBe(404);
  });

  test('refuse what is too large, said beforehand or found out on the way', async () => {
    const large = 'x'.repeat(500_001);
    const announced = await app.ask('PUT', '/v1/objects?name=large', {
      token: acme.key,
      body: large,
      headers: text,
    });
    expect([announced.status, (announced.body as { code: string }).code]).toEqual([413, 'body_too_large']);
    const streamed = await fetch(`${app.url}/v1/objects?name=large`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${acme.key}` },
      body: new Blob([large]).stream(),
      duplex: 'half',
    });
    expect(streamed.status).toBe(413);
    expect((await app.ask('GET', '/v1/objects?prefix=large', { token: acme.key })).body).toMatchObject({
      items: [],
    });
  });

  test('go through the typed client as bytes', async () => {
    const client = createClient({ url: app.url, token: acme.key });
    const bytes = randomBytes(200_000);
    const stored = await client.objects.put('bytes', bytes, { contentType: 'application/pdf' });
    const received = await client.objects.get(stored.id);
    expect(received).toMatchObject({ contentType: 'application/pdf', sizeBytes: 200_000 });
    expect(Buffer.from(await new Response(received.content).arrayBuffer()).equals(bytes)).toBe(true);
    expect((await client.objects.list({ prefix: 'byt' })).items.length).toBe(1);
    expect((await client.objects.about(stored.id)).sha256).toBe(stored.sha256);
    const { path } = await client.objects.signUrl({ method: 'GET', name: 'bytes' });
    expect((await fetch(`${app.url}${path}`)).status).toBe(200);
    await client.objects.delete(stored.id);
    await expect(client.objects.get(stored.id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a signed URL', () => {
  test('reads one object, and shows no name', async () => {
    await put(acme, 'signed/contract.txt', 'the contract');
    const path = await sign(acme, { method: 'GET', name: 'signed/contract.txt' });
    expect(path).not.toContain('contract');
    const answer = await app.ask('GET', path);
    expect([answer.status, answer.text]).toEqual([200, 'the contract']);
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
  });

  test('writes one object, of the type and size it was made for', async () => {
    const path = await sign(acme, { method: 'PUT', name: 'upload', contentType: 'text/plain', maxBytes: 10 });
    expect((await app.ask('PUT', path, { body: '0123456789', headers: text })).status).toBe(200);
    expect((await app.ask('PUT', path, { body: '0123456789a', headers: text })).status).toBe(413);
    const html = { 'content-type': 'text/html' };
    expect((await app.ask('PUT', path, { body: 'x', headers: html })).status).toBe(403);
    const listed = await app.ask('GET', '/v1/objects?prefix=upload', { token: acme.key });
    expect(listed.body).toMatchObject({ items: [{ sizeBytes: 10, contentType: 'text/plain' }] });
  });

  test('is refused, alike, with any part of it exchanged', async () => {
    const theirs = await put(globex, 'signed/secret', 'of globex');
    await put(acme, 'signed/a', 'a');
    const path = await sign(acme, { method: 'GET', name: 'signed/a' });
    const write = await sign(acme, { method: 'PUT', name: 'signed/a', maxBytes: 5 });
    const own = new URL(path, app.url).pathname.split('/').at(-1) ?? '';
    const altered: readonly (readonly [string, string])[] = [
      ['PUT', path],
      ['GET', write],
      ['GET', path.replace(own, theirs)],
      ['GET', path.replace(acme.id, globex.id)],
      ['GET', path.replace(acme.id, globex.id).replace(own, theirs)],
      ['GET', path.replace(acme.id, '6c1d2c1a-6a0e-4f43-9d4e-0d2a5b1f0000')],
      ['GET', path.replace(acme.id, acme.slug)],
      ['GET', path.replace(/expires=\d+/, 'expires=99999999999')],
      ['GET', path.replace(/expires=\d+/, 'expires=Infinity')],
      ['GET', path.replace(/signature=.*/, '')],
      ['GET', path.replace(/signature=.*/, 'signature=AAAA')],
      ['GET', `${path}&signature=AAAA`],
      ['GET', `${path}&name=x`],
      ['GET', `${path}&more=x`],
      ['PUT', write.replace('max=5', 'max=5000')],
      ['PUT', write.replace('&max=5', '')],
      ['PUT', write.replace(/name=[^&]*/, 'name=signed%2Fb')],
    ];
    const answers = await Promise.all(
      altered.map(([method, at]) =>
        app.ask(method, at, method === 'PUT' ? { body: 'x', headers: text } : {}),
      ),
    );
    for (const [index, answer] of answers.entries()) {
      expect(answer.status, altered[index]?.join(' ')).toBe(403);
      expect(withoutRequest(answer.body)).toEqual(withoutRequest(answers[0]?.body));
    }
    expect((await app.ask('GET', path)).status).toBe(200);
  });

  test('ends when it expires', async () => {
    await put(acme, 'signed/short', 'x');
    const path = await sign(acme, { method: 'GET', name: 'signed/short', expiresInS: 1 });
    await new Promise((wake) => setTimeout(wake, 1_100));
    expect((await app.ask('GET', path)).status).toBe(403);
  });

  test('does nothing while its tenant is suspended, and goes on when it is resumed', async () => {
    const initech = await app.tenant('initech');
    await put(initech, 'a', 'x');
    const [read, write] = [
      await sign(initech, { method: 'GET', name: 'a' }),
      await sign(initech, { method: 'PUT', name: 'b' }),
    ];
    await app.operator('POST', '/v1/tenants/initech/suspend');
    for (const answer of [
      await app.ask('GET', read),
      await app.ask('PUT', write, { body: 'x', headers: text }),
    ])
      expect([answer.status, (answer.body as { code: string }).code]).toEqual([403, 'tenant_inactive']);
    await app.operator('POST', '/v1/tenants/initech/resume');
    expect((await app.ask('GET', read)).status).toBe(200);
  });

  test('is not made for a week and a second, nor for a name that is refused', async () => {
    for (const wish of [
      { method: 'GET', name: 'a', expiresInS: 604_801 },
      { method: 'GET', name: '../a' },
      { method: 'DELETE', name: 'a' },
    ])
      expect((await app.ask('POST', '/v1/objects/urls', { token: acme.key, body: wish })).status).toBe(400);
  });
});
