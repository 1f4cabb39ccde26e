import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { openTestServer, operatorToken } from './support/server.ts';
import type { Answer } from './support/described.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;

beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme');
  globex = await app.tenant('globex', { plan: 'pro', isolation: 'schema' });
});
afterAll(() => app[Symbol.asyncDispose]());

const post = (path: string, key: string, token: string, body: unknown): Promise<Answer> =>
  app.ask('POST', path, { token, body, headers: { 'idempotency-key': key } });

const documentsOf = async ({ key }: TestTenant): Promise<readonly { id: string; title: string }[]> =>
  ((await app.ask('GET', '/v1/documents?limit=200', { token: key })).body as { items: [] }).items;

describe('a document with an idempotency key', () => {
  test('is stored once, and its repetition answered as the first', async () => {
    const body = { title: 'once', content: 'x', metadata: { a: 1, b: 2 } };
    const first = await post('/v1/documents', '"one"', acme.key, body);
    const second = await post('/v1/documents', 'one', acme.key, {
      metadata: { b: 2, a: 1 },
      content: 'x',
      title: 'once',
    });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect([first, second].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect((await documentsOf(acme)).filter(({ title }) => title === 'once')).toHaveLength(1);
  });

  test('sent ten times at once is stored once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        post('/v1/documents', 'burst', acme.key, { title: 'burst', content: '' }),
      ),
    );
    const made = answers.find(({ status }) => status === 201);
    expect(made).toBeDefined();
    for (const { status, body } of answers)
      expect(status === 201 ? body : (body as { code: string }).code).toEqual(
        status === 201 ? made?.body : 'request_in_progress',
      );
    expect((await documentsOf(acme)).filter(({ title }) => title === 'burst')).toHaveLength(1);
  });

  test('and another body is refused, and nothing stored', async () => {
    await post('/v1/documents', 'reused', acme.key, { title: 'first', content: '' });
    const other = await post('/v1/documents', 'reused', acme.key, { title: 'second', content: '' });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    expect((await documentsOf(acme)).map(({ title }) => title)).not.toContain('second');
  });

  test('of another tenant, or of another key of the same tenant, is another request', async () => {
    const body = { title: 'shared name', content: '' };
    const second = await app.operator('POST', `/v1/tenants/${acme.slug}/keys`, { name: 'second' });
    const callers = [acme.key, globex.key, (second.body as { key: string }).key];
    const answers = await Promise.all(callers.map((token) => post('/v1/documents', 'same', token, body)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ body: made }) => (made as { id: string }).id)).size).toBe(3);
    expect(await documentsOf(globex)).toHaveLength(1);
  });

  test('that was refused may be sent again, corrected', async () => {
    await post('/v1/documents', '"x0"', acme.key, { title: 'a', content: '', externalId: 'taken' });
    const refused = await post('/v1/documents', 'fix', acme.key, {
      title: 'b',
      content: '',
      externalId: 'taken',
    });
    expect(refused.status).toBe(409);
    const fixed = await post('/v1/documents', 'fix', acme.key, {
      title: 'b',
      content: '',
      externalId: 'free',
    });
    expect(fixed.status).toBe(201);
  });

  test('whose attempt was cut off after it was stored is found, not stored again', async () => {
    const { idempotency } = app.node.registry;
    const complete = idempotency.complete.bind(idempotency);
    idempotency.complete = () => Promise.reject(new Error('the process died here'));
    const body = { title: 'cut off', content: '' };
    expect((await post('/v1/documents', 'cut', acme.key, body)).status).toBe(500);
    idempotency.complete = complete;
    expect((await post('/v1/documents', 'cut', acme.key, body)).status).toBe(201);
    expect((await documentsOf(acme)).filter(({ title }) => title === 'cut off')).toHaveLength(1);
  });

  test('that is deleted by then is not found, and not stored again', async () => {
    const body = { title: 'gone', content: '' };
    const { id } = (await post('/v1/documents', 'gone', acme.key, body)).body as { id: string };
    await app.ask('DELETE', `/v1/documents/${id}`, { token: acme.key });
    expect((await post('/v1/documents', 'gone', acme.key, body)).status).toBe(404);
    expect((await documentsOf(acme)).map(({ title }) => title)).not.toContain('gone');
  });
});

describe('the control plane', () => {
  test('creates a tenant once, and repeats the answer', async () => {
    const body = { slug: 'initech', name: 'Initech' };
    const first = await post('/v1/tenants', 't-1', operatorToken, body);
    const second = await post('/v1/tenants', 't-1', operatorToken, body);
    expect(first.status).toBe(201);
    expect(second.body).toEqual(first.body);
    const without = await app.operator('POST', '/v1/tenants', body);
    expect(without.body).toMatchObject({ code: 'slug_taken' });
  });

  test('issues one API key, and shows it again for the same request', async () => {
    const client = createClient({ url: app.url, token: operatorToken });
    const issue = (): Promise<{ id: string; key: string }> =>
      client.keys.issue(acme.slug, { name: 'ci' }, { idempotencyKey: 'my "key" \\ 1' });
    const first = await issue();
    expect(await issue()).toEqual(first);
    expect((await client.keys.list(acme.slug)).items.filter(({ name }) => name === 'ci')).toHaveLength(1);
  });

  test('refuses a malformed key', async () => {
    for (const key of ['', '""', 'a b', '"a', '"ä"', 'x'.repeat(256), '"a", "b"'])
      expect(await post('/v1/tenants', key, operatorToken, { slug: 'fine', name: 'x' })).toMatchObject({
        status: 400,
        body: { field: 'idempotency-key' },
      });
  });
});
