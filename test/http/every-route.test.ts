import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contract } from '../../src/client/contract.ts';
import type { DescribedOperation } from './support/described.ts';
import { openTestServer, operatorToken, withoutRequest } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;
/** Ids of things that belong to globex. */
let foreign: Readonly<Record<string, string>>;

beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme');
  globex = await app.tenant('globex', { plan: 'pro', isolation: 'schema' });
  const document = await app.ask('POST', '/v1/documents', {
    token: globex.key,
    body: { title: 'theirs', content: 'secret of globex' },
  });
  const { id } = document.body as { id: string };
  const object = await app.ask('PUT', '/v1/objects?name=theirs', { token: globex.key, body: 'secret' });
  foreign = {
    document: id,
    object: (object.body as { id: string }).id,
    tenant: globex.slug,
    key: globex.keyId,
    child: globex.slug,
  };
});
afterAll(() => app[Symbol.asyncDispose]());

interface Route {
  readonly method: string;
  readonly template: string;
  readonly operation: DescribedOperation;
}

/** As the description has them, not as the code does: what is described is what callers find. */
function routes(): readonly Route[] {
  return Object.entries(app.api.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      template,
      operation,
    })),
  );
}

function routesFor(scheme: 'apiKey' | 'operatorToken'): readonly Route[] {
  return routes().filter(({ operation }) => operation.security.some((entry) => scheme in entry));
}

const missing: Readonly<Record<string, string>> = {
  document: '0190a0a0-0000-7000-8000-00000000dead',
  tenant: 'nobody-here',
  object: '0'.repeat(64),
  key: '0000000000000000',
  operation: '0190a0a0-0000-7000-8000-00000000dead',
  child: 'nobody-here',
  grant: '0190a0a0-0000-7000-8000-00000000dead',
};

function fill(template: string, ids: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? missing[name] ?? 'x');
}

const bodies: Readonly<Record<string, unknown>> = {
  createDocument: { title: 'mine', content: 'mine' },
  changeDocument: { title: 'taken over' },
};
const bodyOf = ({ operation }: Route): unknown => bodies[operation.operationId.replace(/Of$/, '')];

const ofTenants = Object.values(contract).filter(({ plane }) => plane === 'tenant');

test('the description lists every operation of the contract, and the tenant plane twice', () => {
  const ids = routes().map(({ operation }) => operation.operationId);
  expect(ids).toEqual(expect.arrayContaining(Object.keys(contract)));
  expect(routesFor('operatorToken').length).toBeGreaterThanOrEqual(16);
  expect(routesFor('apiKey').length).toBeGreaterThanOrEqual(12);
});

test('without a credential every route but the public ones answers 401, alike', async () => {
  const answers = await Promise.all(
    [...routesFor('apiKey'), ...routesFor('operatorToken')].map((route) =>
      app.ask(route.method, fill(route.template, foreign), { body: bodyOf(route) }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
  expect(answers.every(({ headers }) => headers.get('www-authenticate') === 'Bearer realm="bulkhead"')).toBe(
    true,
  );
  expect(answers.every(({ text }) => !text.includes('globex'))).toBe(true);
});

test('a tenant’s key opens nothing of the control plane, and the operator token no tenant’s data', async () => {
  for (const route of routesFor('operatorToken'))
    expect(
      await app.ask(route.method, fill(route.template, { ...foreign, tenant: acme.slug }), {
        token: acme.key,
      }),
    ).toMatchObject({ status: 401 });
  for (const route of routesFor('apiKey')) {
    const path = fill(route.template, foreign);
    expect(await app.ask(route.method, path, { token: operatorToken, body: bodyOf(route) })).toMatchObject({
      status: 401,
    });
  }
});

test('every tenant route with a foreign id answers as with an id that never was', async () => {
  const own = { tenant: acme.slug };
  // A document is put by the tenant's own name for it: no name is foreign, and each makes or replaces its own.
  const isByName = (method: string, path: string): boolean =>
    method === 'PUT' && path.includes('/documents/');
  const isById = (method: string, path: string): boolean =>
    /\{(?:document|object|child|grant)\}/.test(path) && !isByName(method, path);
  const byId = routesFor('apiKey').filter(({ method, template }) => isById(method, template));
  // Each stands below the path that names the tenant, too.
  expect(byId.length).toBe(2 * ofTenants.filter(({ method, path }) => isById(method, path)).length);
  for (const route of byId) {
    const body = bodyOf(route);
    const theirs = await app.ask(route.method, fill(route.template, { ...foreign, ...own }), {
      token: acme.key,
      body,
    });
    const nobodys = await app.ask(route.method, fill(route.template, own), { token: acme.key, body });
    expect(theirs.status).toBe(404);
    expect(withoutRequest(theirs.body)).toEqual(withoutRequest(nobodys.body));
    expect(headerNames(theirs.headers)).toEqual(headerNames(nobodys.headers));
  }
});

test('every tenant route with a foreign tenant in its path answers as with one that never was', async () => {
  const named = routesFor('apiKey').filter(({ template }) => template.startsWith('/api/tenants/'));
  expect(named.length).toBe(ofTenants.length);
  for (const route of named) {
    const body = bodyOf(route);
    const answers = await Promise.all(
      [
        'globex',
        globex.id,
        'nobody-here',
        '6c1d2c1a-6a0e-4f43-9d4e-0d2a5b1f0000',
        'www',
        'acme.x',
        'ACME',
      ].map((tenant) =>
        app.ask(route.method, fill(route.template, { ...foreign, tenant }), { token: acme.key, body }),
      ),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      expect(withoutRequest(answer.body)).toEqual(withoutRequest(answers[0]?.body));
    }
  }
});

test('lists show a tenant its own rows alone', async () => {
  const listed = await app.ask('GET', '/v1/documents?limit=200', { token: acme.key });
  expect(listed.text).not.toContain('globex');
  const theirs = await app.ask('GET', '/v1/documents', { token: globex.key });
  expect(theirs.text).toContain('secret of globex');
});

test('after all of that the neighbour’s document is as it was', async () => {
  const answer = await app.ask('GET', `/v1/documents/${foreign['document']}`, { token: globex.key });
  expect(answer.body).toMatchObject({ title: 'theirs', content: 'secret of globex' });
});

describe('data routes', () => {
  test('say who answered, at what cost, and that nobody may keep it', async () => {
    const { headers } = await app.ask('GET', `/v1/documents/${foreign['document']}`, { token: globex.key });
    expect(headers.get('cache-control')).toBe('private, no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('etag')).toBeNull();
    expect(headers.get('last-modified')).toBeNull();
    expect(headers.get('x-tenant-id')).toBeNull();
    expect(headers.get('bulkhead-isolation')).toBe('schema');
    expect(Number(headers.get('bulkhead-overhead-ms'))).toBeLessThan(30);
  });

  test('never answer 304, whatever the caller says it has', async () => {
    const { status } = await app.ask('GET', `/v1/documents/${foreign['document']}`, {
      token: globex.key,
      headers: { 'if-none-match': '*', 'if-modified-since': new Date().toUTCString() },
    });
    expect(status).toBe(200);
  });
});

function headerNames(headers: Headers): readonly string[] {
  return [...headers.keys()].toSorted();
}
