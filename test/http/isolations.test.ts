import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isolations } from '../../src/core/placement.ts';
import { newTestDatabase } from '../support/node.ts';
import type { TestDatabase } from '../support/node.ts';
import { serviceUrl } from '../support/services.ts';
import { openTestServer } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let cell: TestDatabase | undefined;
const tenants = new Map<string, TestTenant>();
const documents = new Map<string, string>();

beforeAll(async () => {
  app = await openTestServer();
  const cellUrl = serviceUrl('cell');
  // The embedded database makes a cell of its own; a Postgres has to be given one.
  if (cellUrl !== undefined && serviceUrl('postgres') !== undefined) {
    cell = await newTestDatabase(cellUrl);
    const added = await app.operator('POST', '/v1/servers', { name: 'cell-1', url: cell.url });
    expect(added.status, added.text).toBe(201);
  }
  for (const isolation of isolations) {
    const tenant = await app.tenant(`on-${isolation}`, { isolation, plan: 'enterprise' });
    tenants.set(isolation, tenant);
    const created = await app.ask('POST', '/v1/documents', {
      token: tenant.key,
      body: {
        title: isolation,
        content: `only ${tenant.slug} reads this`,
        externalId: 'the-same-everywhere',
      },
    });
    expect(created.status, created.text).toBe(201);
    documents.set(isolation, (created.body as { id: string }).id);
  }
}, 120_000);
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await cell?.[Symbol.asyncDispose]();
});

describe.each(isolations)('a tenant on %s', (isolation) => {
  const key = (): string => tenants.get(isolation)?.key ?? '';

  test('reads and writes its own through the same routes as any other', async () => {
    const path = `/v1/documents/${documents.get(isolation)}`;
    const read = await app.ask('GET', path, { token: key() });
    expect(read.body).toMatchObject({ title: isolation });
    expect(read.headers.get('bulkhead-isolation')).toBe(isolation);
    expect(
      (await app.ask('PATCH', path, { token: key(), body: { metadata: { seen: true } } })).body,
    ).toMatchObject({ metadata: { seen: true } });
    const listed = await app.ask('GET', '/v1/documents', { token: key() });
    expect((listed.body as { items: { title: string }[] }).items.map(({ title }) => title)).toEqual([
      isolation,
    ]);
    expect((await app.ask('GET', '/v1/me', { token: key() })).body).toMatchObject({ isolation });
  });

  test('finds nothing of the others, however it asks', async () => {
    for (const [other, id] of documents) {
      if (other === isolation) continue;
      for (const [method, body] of [['GET'], ['PATCH', { title: 'mine now' }], ['DELETE']] as const)
        expect(await app.ask(method, `/v1/documents/${id}`, { token: key(), body })).toMatchObject({
          status: 404,
        });
    }
  });

  test('is untouched by the attempts of the others', async () => {
    const read = await app.ask('GET', `/v1/documents/${documents.get(isolation)}`, { token: key() });
    expect(read.body).toMatchObject({ title: isolation, content: `only on-${isolation} reads this` });
  });
});

test('the four are in four kinds of container', async () => {
  const { items } = (await app.operator('GET', '/v1/tenants')).body as {
    items: { containers: { rows: string } }[];
  };
  expect(new Set(items.map(({ containers }) => containers.rows)).size).toBe(isolations.length);
});
