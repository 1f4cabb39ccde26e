import { afterAll, beforeAll, expect, test } from 'vitest';
import { monthAt } from '../../src/billing/month.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { openTestServer } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;

beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme');
  globex = await app.tenant('globex');
});
afterAll(() => app[Symbol.asyncDispose]());

async function used(tenant: TestTenant): Promise<Readonly<Record<string, bigint>>> {
  const id = parseTenantId(tenant.id);
  const lines = await app.node.billing.lines(monthAt(Date.now()), id);
  return Object.fromEntries(lines.map(({ meter, amount }) => [meter, amount]));
}

test('the ledger has every request that was answered, and what it used, by whose key it was', async () => {
  let bytes = 0;
  for (let request = 0; request < 20; request += 1) {
    const answer = await app.ask('POST', '/v1/documents', {
      token: acme.key,
      // A billing leak would be to believe any of this.
      headers: { 'x-billing-tenant': globex.id },
      body: { title: 'a', content: 'b', metadata: { bill_to: globex.id } },
    });
    expect(answer.status).toBe(201);
    bytes += Buffer.byteLength(answer.text);
  }
  await Promise.all(
    Array.from({ length: 30 }, () => app.ask('GET', '/v1/documents?limit=20', { token: acme.key })),
  );
  const found = await used(acme);
  expect(found).toMatchObject({ requests: 50n, 'db.rows': 20n + 30n * 20n });
  expect(found['db.queries']).toBeGreaterThanOrEqual(50n);
  expect(found['response.bytes']).toBeGreaterThan(BigInt(bytes));
  expect(await used(globex)).toEqual({});
});

test('a request that is refused at the door costs nobody anything', async () => {
  const before = await used(globex);
  expect((await app.ask('GET', '/v1/documents')).status).toBe(401);
  const foreign = { token: acme.key, headers: { 'x-tenant-id': globex.id } };
  expect((await app.ask('GET', '/v1/documents', foreign)).status).toBe(403);
  expect(await used(globex)).toEqual(before);
});

test('work without a request is metered to the scope it ran in', async () => {
  const before = await used(globex);
  await app.node.run('globex', async (scope) => {
    await using rows = await app.node.rows.open(scope);
    await rows.table('documents').create({ title: 'a', content: 'b' });
  });
  expect(before).toEqual({});
  expect(await used(globex)).toEqual({ 'db.queries': 1n, 'db.rows': 1n });
});

test('a node that cannot record what is used does not serve', async () => {
  const { ledger } = app.node.billing;
  Object.defineProperty(ledger, 'isOpen', { value: false, configurable: true });
  const answer = await app.ask('GET', '/v1/me', { token: acme.key });
  Reflect.deleteProperty(ledger, 'isOpen');
  expect(answer.status).toBe(503);
  expect(answer.body).toMatchObject({ code: 'ledger_unavailable' });
  expect((await app.ask('GET', '/v1/me', { token: acme.key })).status).toBe(200);
});
