import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostileDocuments, hostileToOperator } from './hostile.cases.ts';
import type { HostileCase } from './hostile.cases.ts';
import { openTestServer, operatorToken } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let acme: TestTenant;

beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme');
  await app.ask('POST', '/v1/documents', { token: acme.key, body: { title: 'kept', content: 'kept' } });
});
afterAll(() => app[Symbol.asyncDispose]());

/** Everything that a refused request could have changed. */
async function state(): Promise<unknown> {
  const answers = await Promise.all([
    app.operator('GET', '/v1/tenants'),
    app.operator('GET', '/v1/tenants/acme/keys'),
    app.operator('GET', '/v1/tenants/acme/settings'),
    app.operator('GET', '/v1/servers'),
    app.ask('GET', '/v1/documents', { token: acme.key }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  // When a key was last used is the one thing that may change by being refused.
  return answers.map(({ text }) => text.replaceAll(/"lastUsedAt":[^,}]+/g, ''));
}

async function expectRefused(hostile: HostileCase, token: string): Promise<void> {
  const { method = 'POST', path, body, headers = {} } = hostile;
  const before = await state();
  const answer = await app.ask(method, path, {
    token,
    body,
    headers: typeof body === 'string' ? { 'content-type': 'application/json', ...headers } : headers,
  });
  expect(answer.status, answer.text).toBe(hostile.status);
  expect(answer.body).toMatchObject({
    code: hostile.code,
    ...(hostile.field === undefined ? {} : { field: hostile.field }),
  });
  expect(await state()).toEqual(before);
}

test('there are enough of them', () => {
  expect(hostileToOperator.length + hostileDocuments.length).toBeGreaterThanOrEqual(60);
});

describe('refused by the control plane, and nothing changed', () => {
  test.each(hostileToOperator.map((hostile) => [hostile.name, hostile] as const))('%s', (_name, hostile) =>
    expectRefused(hostile, operatorToken),
  );
});

describe('refused by the tenant plane, and nothing changed', () => {
  test.each(hostileDocuments.map((hostile) => [hostile.name, hostile] as const))('%s', (_name, hostile) =>
    expectRefused(hostile, acme.key),
  );
});

describe('a query that is refused', () => {
  test.each([
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1e9', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['cursor=', 'cursor'],
    ['sort=content', 'sort'],
    ['sort=title;drop', 'sort'],
    ['where[title]=x', '(a name that is not plain text)'],
    ['tenant=globex', 'tenant'],
    ['__proto__=x', '__proto__'],
    ['titleStartsWith=%00', 'titleStartsWith'],
  ])('%s', async (query, field) => {
    const answer = await app.ask('GET', `/v1/documents?${query}`, { token: acme.key });
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body).toMatchObject({ code: 'request_invalid', field });
  });

  test.each(['x', 'eyJhIjoxfQ', 'null', '../../x', 'A'.repeat(2_000)])(
    'a cursor of our making: %s',
    async (cursor) => {
      const answer = await app.ask('GET', `/v1/documents?cursor=${encodeURIComponent(cursor)}`, {
        token: acme.key,
      });
      expect([answer.status, answer.body]).toMatchObject([400, { code: 'value_invalid' }]);
    },
  );
});

test('LIKE’s own signs are letters like any other in a search', async () => {
  for (const [title, found] of [
    ['%', 0],
    ['_ept', 0],
    ['kep', 1],
    ['k', 1],
  ] as const) {
    const answer = await app.ask('GET', `/v1/documents?titleStartsWith=${encodeURIComponent(title)}`, {
      token: acme.key,
    });
    expect((answer.body as { items: unknown[] }).items.length, title).toBe(found);
  }
});

describe('hostile text that is only text is kept as it came', () => {
  test.each([
    `'; drop table documents; --`,
    `" or ""="`,
    '$1 $2 :name ${process.env}',
    '<script>alert(1)</script>',
    '{{constructor.constructor("return 1")()}}',
    '../../etc/passwd',
    '\u202egnp.exe',
    'аcme (Cyrillic), ａｃｍｅ (full width), ac\u200dme (joined)',
    '👩‍👩‍👧‍👦 e\u0301',
    'tenant_id',
    'x'.repeat(500),
  ])('%s', async (title) => {
    const created = await app.ask('POST', '/v1/documents', {
      token: acme.key,
      body: { title, content: title, metadata: { [`about ${title.slice(0, 50)}`]: title } },
    });
    expect(created.status, created.text).toBe(201);
    const { id } = created.body as { id: string };
    const read = await app.ask('GET', `/v1/documents/${id}`, { token: acme.key });
    expect(read.body).toMatchObject({
      title,
      content: title,
      metadata: { [`about ${title.slice(0, 50)}`]: title },
    });
    expect((await app.ask('DELETE', `/v1/documents/${id}`, { token: acme.key })).status).toBe(204);
  });
});

test('a tenant may name itself in its metadata', async () => {
  const metadata = { tenant_id: acme.id };
  const created = await app.ask('POST', '/v1/documents', {
    token: acme.key,
    body: { title: 'x', content: 'x', metadata },
  });
  expect(created.body).toMatchObject({ metadata });
});

test('ids that cannot be ids are not found, in the words for ids that are not there', async () => {
  const never = await app.ask('GET', '/v1/documents/0190a0a0-0000-7000-8000-00000000dead', {
    token: acme.key,
  });
  for (const id of [
    '1',
    'null',
    '0190A0A0-0000-7000-8000-00000000DEAD',
    "'",
    '*',
    'undefined',
    '__proto__',
    'x'.repeat(127),
  ]) {
    const answer = await app.ask('GET', `/v1/documents/${encodeURIComponent(id)}`, { token: acme.key });
    expect(answer.status).toBe(404);
    expect({ ...(answer.body as object), requestId: 0, instance: 0 }).toEqual({
      ...(never.body as object),
      requestId: 0,
      instance: 0,
    });
  }
});
