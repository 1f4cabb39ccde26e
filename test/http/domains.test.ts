import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDomain } from '../../src/registry/domains.ts';
import { openTestServer, type TestServer, type TestTenant } from './support/server.ts';

interface View {
  readonly domain: string;
  readonly state: string;
  readonly record: { readonly name: string; readonly value: string };
}

/** What stands in DNS. */
const dns = new Map<string, readonly (readonly string[])[]>();
let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;

beforeAll(async () => {
  app = await openTestServer({ BULKHEAD_BASE_DOMAIN: 'example.com' }, undefined, {
    resolveTxt: (name) => {
      const records = dns.get(name);
      return records === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(records);
    },
  });
  acme = await app.tenant('acme');
  globex = await app.tenant('globex');
});
afterAll(() => app[Symbol.asyncDispose]());

/** Not fetch, which sets `Host` itself. @returns the tenant that answers, or the code of the refusal */
async function asked(host: string, key: string): Promise<unknown> {
  const headers = { host, authorization: `Bearer ${key}` };
  const request = httpRequest(new URL('/v1/me', app.url), { headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = JSON.parse(Buffer.concat(await Array.fromAsync(response)).toString()) as {
    tenant?: { slug: string };
    code?: string;
  };
  return body.tenant?.slug ?? body.code;
}

const claim = async (tenant: TestTenant, domain: string): Promise<View> => {
  const { status, body } = await app.operator('POST', `/v1/tenants/${tenant.slug}/domains`, { domain });
  expect(status).toBe(201);
  return body as View;
};
const verify = (tenant: TestTenant, domain: string) =>
  app.operator('POST', `/v1/tenants/${tenant.slug}/domains/${domain}/verify`);

describe('a domain of a tenant’s own', () => {
  test('names nobody before its owner has shown the challenge in DNS', async () => {
    const { record, state } = await claim(acme, 'App.Acme-Health.org.');
    expect(state).toBe('claimed');
    expect(record.name).toBe('_bulkhead-challenge.app.acme-health.org');
    expect(await asked('app.acme-health.org', globex.key)).toBe('globex');
    expect(await verify(acme, 'app.acme-health.org')).toMatchObject({
      status: 409,
      body: { code: 'domain_unproven' },
    });
    dns.set(record.name, [['v=spf1 -all'], [record.value.slice(0, -1)], [`${record.value}x`]]);
    expect((await verify(acme, 'app.acme-health.org')).status).toBe(409);
    expect(await asked('app.acme-health.org', globex.key)).toBe('globex');
  });

  test('names the tenant from then on: its key is taken, another one is a conflict', async () => {
    const { record } = await claim(acme, 'app.acme-health.org');
    // DNS cuts long texts into pieces.
    dns.set(record.name, [['other'], [record.value.slice(0, 9), record.value.slice(9)]]);
    expect((await verify(acme, 'app.acme-health.org')).body).toMatchObject({ state: 'verified' });
    expect(await asked('app.acme-health.org', acme.key)).toBe('acme');
    expect(await asked('APP.acme-health.org:8443', acme.key)).toBe('acme');
    expect(await asked('app.acme-health.org', globex.key)).toBe('claims_conflict');
    expect(await asked('other.acme-health.org', globex.key)).toBe('globex');
    expect(await asked('acme.example.com', globex.key)).toBe('claims_conflict');
  });

  test('belongs to one tenant, however many claim it', async () => {
    const { record } = await claim(globex, 'app.acme-health.org');
    expect(record.value).not.toBe((await claim(acme, 'app.acme-health.org')).record.value);
    dns.set(record.name, [[record.value]]);
    expect(await verify(globex, 'app.acme-health.org')).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    expect(await asked('app.acme-health.org', acme.key)).toBe('acme');
  });

  test('that is taken away names nobody, on another node too', async () => {
    expect((await app.operator('DELETE', `/v1/tenants/acme/domains/app.acme-health.org`)).status).toBe(204);
    expect(await asked('app.acme-health.org', globex.key)).toBe('globex');
    expect((await app.operator('GET', '/v1/tenants/acme/domains')).body).toEqual({ items: [] });
    // Now its new owner may show that it is theirs.
    expect((await verify(globex, 'app.acme-health.org')).status).toBe(200);
    expect(await asked('app.acme-health.org', acme.key)).toBe('claims_conflict');
  });

  test('cannot be one of ours, an address, or no name at all', async () => {
    for (const domain of [
      'example.com',
      'acme.example.com',
      '10.0.0.1',
      'localhost',
      'a_b.org',
      '-a.org',
      'a..org',
      'https://a.org',
      'a.org/x',
      '',
    ])
      expect(await app.operator('POST', '/v1/tenants/acme/domains', { domain }), domain).toMatchObject({
        status: 400,
        body: { field: 'domain' },
      });
    expect((await verify(acme, 'never-claimed.org')).status).toBe(404);
  });
});

test('names are compared as DNS compares them', () => {
  expect(['A.Org', 'a.org.', 'xn--bcher-kva.example'].map(parseDomain)).toEqual([
    'a.org',
    'a.org',
    'xn--bcher-kva.example',
  ]);
});
