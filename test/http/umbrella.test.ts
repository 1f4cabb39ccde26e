import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, type BulkheadClient } from '../../src/client/index.ts';
import { openTestServer, operatorToken, withoutRequest } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let network: TestTenant;
let clinic: TestTenant;
let school: TestTenant;
let document: string;
beforeAll(async () => {
  app = await openTestServer();
  network = await app.tenant('network');
  clinic = await app.tenant('clinic', { parent: 'network', plan: 'pro', isolation: 'schema' });
  school = await app.tenant('school', { parent: 'network' });
  const made = await app.ask('POST', '/v1/documents', {
    token: clinic.key,
    body: { title: 'of the clinic', content: 'x' },
  });
  document = (made.body as { id: string }).id;
});
afterAll(() => app[Symbol.asyncDispose]());

const ask = (token: string, method: string, path: string, body?: unknown) =>
  app.ask(method, path, { token, ...(body === undefined ? {} : { body }) });

describe('a tenant that was granted a look at one below', () => {
  test('finds it in its list, reads it by id and slug, and nothing once the grant is revoked', async () => {
    const granted = await app.operator('POST', '/v1/tenants/network/umbrella-grants', { child: 'clinic' });
    expect(granted).toMatchObject({ status: 201, body: { reader: network.id, child: clinic.id } });
    const { id, expiresAt } = granted.body as { id: string; expiresAt: string };
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(29 * 24 * 3_600_000);

    const listed = await ask(network.key, 'GET', '/v1/children');
    expect(listed.body).toMatchObject({
      items: [{ id: clinic.id, slug: 'clinic', state: 'active', depth: 1, grant: id }],
      nextCursor: null,
    });
    for (const named of [clinic.id, clinic.slug]) {
      const page = await ask(network.key, 'GET', `/v1/children/${named}/documents`);
      expect(page.body).toMatchObject({ items: [{ id: document, title: 'of the clinic' }] });
      const one = await ask(network.key, 'GET', `/v1/children/${named}/documents/${document}`);
      expect(one.body).toMatchObject({ title: 'of the clinic' });
    }
    // It looks through the umbrella alone: its own documents are its own, and the child's id is still no hint for it.
    expect((await ask(network.key, 'GET', `/v1/documents/${document}`)).status).toBe(404);
    const hinted = await app.ask('GET', '/v1/documents', {
      token: network.key,
      headers: { 'x-tenant-id': 'clinic' },
    });
    expect(hinted).toMatchObject({ status: 403, body: { code: 'claims_conflict' } });

    expect((await app.operator('DELETE', `/v1/tenants/network/umbrella-grants/${id}`)).status).toBe(200);
    expect(await ask(network.key, 'GET', `/v1/children/clinic/documents`)).toMatchObject({ status: 404 });
    expect((await ask(network.key, 'GET', '/v1/children')).body).toMatchObject({ items: [] });
  });

  test('has no route to write by', async () => {
    const grant = await app.operator('POST', '/v1/tenants/network/umbrella-grants', {});
    for (const [method, path] of [
      ['POST', '/v1/children/clinic/documents'],
      ['PATCH', `/v1/children/clinic/documents/${document}`],
      ['DELETE', `/v1/children/clinic/documents/${document}`],
    ] as const) {
      const response = await fetch(`${app.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${network.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ title: 'taken over', content: 'x' }),
      });
      expect([404, 405]).toContain(response.status);
    }
    const { id } = grant.body as { id: string };
    await app.operator('DELETE', `/v1/tenants/network/umbrella-grants/${id}`);
  });

  test('is told when the one below is suspended', async () => {
    const grant = await app.operator('POST', '/v1/tenants/network/umbrella-grants', { child: 'school' });
    await app.operator('POST', '/v1/tenants/school/suspend');
    expect(await ask(network.key, 'GET', '/v1/children/school/documents')).toMatchObject({
      status: 403,
      body: { code: 'tenant_inactive' },
    });
    await app.operator('POST', '/v1/tenants/school/resume');
    const { id } = grant.body as { id: string };
    await app.operator('DELETE', `/v1/tenants/network/umbrella-grants/${id}`);
  });
});

test('one that is not granted, one beside, one above and one that never was answer alike', async () => {
  const answers = await Promise.all([
    ask(network.key, 'GET', `/v1/children/${clinic.id}/documents`),
    ask(clinic.key, 'GET', `/v1/children/${school.id}/documents`),
    ask(clinic.key, 'GET', '/v1/children/network/documents'),
    ask(clinic.key, 'GET', '/v1/children/clinic/documents'),
    ask(network.key, 'GET', '/v1/children/nobody-here/documents'),
    ask(network.key, 'GET', '/v1/children/6c1d2c1a-6a0e-4f43-9d4e-0d2a5b1f0000/documents'),
  ]);
  for (const answer of answers) {
    expect(answer.status).toBe(404);
    expect({ ...(withoutRequest(answer.body) as object), instance: '' }).toEqual({
      ...(withoutRequest(answers[0]?.body) as object),
      instance: '',
    });
  }
});

describe('the one that is read', () => {
  test('grants it itself, to one above and no other, and ends it', async () => {
    const asClinic: BulkheadClient = createClient({ url: app.url, token: clinic.key });
    const asNetwork: BulkheadClient = createClient({ url: app.url, token: network.key });
    const grant = await asClinic.grants.create({ reader: 'network' });
    expect(grant).toMatchObject({ reader: network.id, child: clinic.id, grantedBy: `key:${clinic.keyId}` });
    expect((await asNetwork.children.documents('clinic')).items).toHaveLength(1);
    expect(await asNetwork.children.document('clinic', document)).toMatchObject({ id: document });
    for (const reader of ['school', 'nobody-here', clinic.id])
      await expect(asClinic.grants.create({ reader })).rejects.toMatchObject({ code: 'hierarchy_refused' });
    await expect(asNetwork.grants.create()).rejects.toMatchObject({ code: 'hierarchy_refused' });
    // Neither the reader nor a neighbour ends what is not theirs to end.
    for (const other of [asNetwork, createClient({ url: app.url, token: school.key })])
      await expect(other.grants.revoke(grant.id)).rejects.toMatchObject({ status: 404 });
    expect((await asClinic.grants.list()).items.map(({ id }) => id)).toContain(grant.id);
    await asClinic.grants.revoke(grant.id);
    await expect(asNetwork.children.documents('clinic')).rejects.toMatchObject({ status: 404 });
  });

  test('sees a grant over all below the reader, and leaves its end to the operator', async () => {
    const asOperator = createClient({ url: app.url, token: operatorToken });
    const asClinic = createClient({ url: app.url, token: clinic.key });
    const grant = await asOperator.umbrella.grant('network');
    expect(grant.child).toBeNull();
    expect((await asClinic.grants.list()).items.map(({ id }) => id)).toContain(grant.id);
    await expect(asClinic.grants.revoke(grant.id)).rejects.toMatchObject({ status: 404 });
    const names = [];
    for await (const { slug } of createClient({ url: app.url, token: network.key }).children.each({
      limit: 1,
    }))
      names.push(slug);
    expect(names.toSorted()).toEqual(['clinic', 'school']);
    await asOperator.umbrella.revoke('network', grant.id);
  });
});

test('a grant ends in the future, and not too far in it', async () => {
  for (const expiresAt of ['2020-01-01T00:00:00Z', '2999-01-01T00:00:00Z', 'tomorrow'])
    expect(
      await app.operator('POST', '/v1/tenants/network/umbrella-grants', { child: 'clinic', expiresAt }),
    ).toMatchObject({ status: 400, body: { field: 'expiresAt' } });
  expect(
    await app.operator('POST', '/v1/tenants/clinic/umbrella-grants', { child: 'network' }),
  ).toMatchObject({ status: 400, body: { code: 'hierarchy_refused' } });
});
