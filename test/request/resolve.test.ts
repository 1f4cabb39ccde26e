import { beforeEach, describe, expect, test } from 'vitest';
import { newTenantId } from '../../src/core/ids.ts';
import type { ResolvedTenant } from '../../src/registry/registry.ts';
import { createRequestPath } from '../../src/request/path.ts';
import type { Entry, RequestPath } from '../../src/request/path.ts';
import type { Verdict } from '../../src/core/verdict.ts';
import { resolve } from '../../src/request/resolve.ts';
import { FakeRegistry, newCall } from './fake-registry.ts';

let registry: FakeRegistry;
let path: RequestPath;
let acme: { tenant: ResolvedTenant; secret: string };
let globex: { tenant: ResolvedTenant; secret: string };

beforeEach(() => {
  registry = new FakeRegistry();
  acme = registry.add('acme');
  globex = registry.add('globex');
  path = createRequestPath(registry.node({ hints: ['subdomain', 'path', 'header', 'query'] }));
});

const bearer = (secret: string): { authorization: string } => ({ authorization: `Bearer ${secret}` });

function fillKeys(text: string): string {
  return text
    .replaceAll('SECRET', acme.secret)
    .replaceAll('OTHER', globex.secret)
    .replaceAll('HALF', acme.secret.slice(0, 30));
}

function codeOf(verdict: Verdict<Entry>): string {
  return verdict.kind === 'allowed' ? 'allowed' : verdict.code;
}

describe('every hint names the tenant of the key: let in', () => {
  test.each([
    ['no hint', {}, '/v1/me'],
    ['header with the id', { 'x-tenant-id': 'ID' }, '/v1/me'],
    ['header with the slug', { 'x-tenant-id': 'acme' }, '/v1/me'],
    ['subdomain', { host: 'acme.example.com' }, '/v1/me'],
    ['subdomain with port and capitals', { host: 'ACME.Example.COM:8443' }, '/v1/me'],
    ['subdomain with the final dot of DNS', { host: 'acme.example.com.' }, '/v1/me'],
    ['path with the slug', {}, '/api/tenants/acme/v1/me'],
    ['path with the id', {}, '/api/tenants/ID/v1/me?x=1'],
    ['path as routers read it', {}, '/API/Tenants/acme'],
    ['path with an encoded letter', {}, '/api/tenants/%61cme/v1/me'],
    ['query of a webhook', {}, '/webhooks/stripe?tenant=acme'],
    ['all of them', { host: 'acme.example.com', 'x-tenant-id': 'ID' }, '/api/tenants/acme/v1/me'],
  ])('%s', async (_name, headers, url) => {
    const fill = (text: string): string => text.replace('ID', acme.tenant.id);
    const filled = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)]));
    const verdict = await path.enter(newCall({ ...bearer(acme.secret), ...filled }, fill(url)));
    expect(codeOf(verdict)).toBe('allowed');
    expect(verdict.kind === 'allowed' && verdict.value.scope.tenantId).toBe(acme.tenant.id);
    expect(registry.events).toEqual([]);
  });
});

describe('these places name no tenant', () => {
  test.each([
    ['the bare domain', { host: 'example.com' }, '/v1/me'],
    ['a reserved name', { host: 'www.example.com' }, '/v1/me'],
    ['another reserved name', { host: 'API.example.com' }, '/v1/me'],
    ['another domain', { host: 'globex.example.org' }, '/v1/me'],
    ['a domain that only ends alike', { host: 'globex-example.com' }, '/v1/me'],
    ['an address', { host: '127.0.0.1:7070' }, '/v1/me'],
    ['an IPv6 address', { host: '[::1]:7070' }, '/v1/me'],
    ['a query outside webhooks', {}, '/v1/documents?tenant=globex'],
    ['a path that only begins alike', {}, '/api/tenantsx/globex'],
    ['webhooks that only begin alike', {}, '/webhooks-x?tenant=globex'],
  ])('%s', async (_name, headers, url) => {
    const verdict = await path.enter(newCall({ ...bearer(acme.secret), ...headers }, url));
    expect(codeOf(verdict)).toBe('allowed');
  });
});

describe('a hint for another tenant, real or not, is refused in the same words', () => {
  const places: readonly [string, (name: string) => [Record<string, string>, string]][] = [
    ['header', (name) => [{ 'x-tenant-id': name }, '/v1/me']],
    ['subdomain', (name) => [{ host: `${name}.example.com` }, '/v1/me']],
    ['path', (name) => [{}, `/api/tenants/${name}/v1/me`]],
    ['query', (name) => [{}, `/webhooks?tenant=${name}`]],
    ['path against a header that agrees', (name) => [{ 'x-tenant-id': 'acme' }, `/api/tenants/${name}`]],
    ['header against a path that agrees', (name) => [{ 'x-tenant-id': name }, '/api/tenants/acme']],
  ];
  const wellFormed = ['globex', 'nobody-at-all', 'GLOBEX', 'acm', 'acmee', 'acme.acme'];
  const malformed = ['acme%20', 'аcme', '..', 'x'.repeat(300)];
  test.each(places)('%s', async (place, build) => {
    // A name that no host can have is refused for its form, before anybody asks whom it means.
    const names = place === 'subdomain' ? wellFormed : [...wellFormed, ...malformed];
    for (const name of [...names, globex.tenant.id, newTenantId()]) {
      const [headers, url] = build(name);
      const verdict = await path.enter(newCall({ ...bearer(acme.secret), ...headers }, url));
      expect(verdict, name).toEqual({ kind: 'refused', code: 'claims_conflict', detail: {} });
    }
    expect(registry.loads).toBe(0);
  });

  test.each(malformed.filter((name) => name !== '..'))('a host that cannot be: %s', async (name) => {
    const call = newCall({ ...bearer(acme.secret), host: `${name}.example.com` });
    expect(codeOf(await path.enter(call))).toBe('request_invalid');
  });
});

describe('who is not proven is nobody', () => {
  test.each<[string, Record<string, string>, string]>([
    ['nothing at all', {}, 'unauthenticated'],
    ['a hint alone', { 'x-tenant-id': 'acme' }, 'unauthenticated'],
    ['all hints and no key', { 'x-tenant-id': 'acme', host: 'acme.example.com' }, 'unauthenticated'],
    ['an unknown key', { authorization: 'Bearer bh_0123456789abcdef_x' }, 'unauthenticated'],
    ['an operator token', { authorization: `Bearer bho_${'x'.repeat(43)}` }, 'unauthenticated'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'unauthenticated'],
    ['an empty header', { authorization: '' }, 'unauthenticated'],
    ['a scheme alone', { authorization: 'Bearer' }, 'unauthenticated'],
    ['two keys in one header', { authorization: 'Bearer SECRET, Bearer SECRET' }, 'unauthenticated'],
    ['half a key', { authorization: 'Bearer HALF' }, 'unauthenticated'],
    ['a key with a NUL', { 'x-api-key': 'SECRET\0' }, 'unauthenticated'],
    ['two different keys', { authorization: 'Bearer SECRET', 'x-api-key': 'OTHER' }, 'request_invalid'],
    ['a key and another scheme', { authorization: 'Basic YTpi', 'x-api-key': 'SECRET' }, 'request_invalid'],
    ['a header that came twice', { authorization: 'Bearer SECRET', repeated: 'host' }, 'request_invalid'],
    [
      'a host that is none',
      { authorization: 'Bearer SECRET', host: 'acme.example.com@evil' },
      'request_invalid',
    ],
  ])('%s', async (_name, headers, expected) => {
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, fillKeys(value)]),
    );
    expect(codeOf(await path.enter(newCall(filled)))).toBe(expected);
  });

  test('the same key in both headers is one credential', async () => {
    const both = { ...bearer(acme.secret), 'x-api-key': acme.secret };
    expect(codeOf(await path.enter(newCall(both)))).toBe('allowed');
  });

  test('the scheme has no case', async () => {
    expect(codeOf(await path.enter(newCall({ authorization: `bEARER ${acme.secret}` })))).toBe('allowed');
  });

  test('a key that outlived its tenant proves nothing', async () => {
    registry.tenants.delete(acme.tenant.id);
    expect(codeOf(await path.enter(newCall(bearer(acme.secret))))).toBe('unauthenticated');
  });
});

test('a place that is switched off is not read', async () => {
  const deaf = createRequestPath(registry.node({ hints: [] }));
  const call = newCall(
    { ...bearer(acme.secret), host: 'globex.example.com', 'x-tenant-id': 'globex' },
    '/api/tenants/globex?tenant=globex',
  );
  expect(codeOf(await deaf.enter(call))).toBe('allowed');
});

test('attempts on other tenants are written down, and the third is critical', async () => {
  for (const name of ['globex', 'nobody', 'globex', 'x"><script>'])
    await path.enter(newCall({ ...bearer(acme.secret), 'x-tenant-id': name }));
  expect(registry.events.map(({ action, severity, tenant }) => ({ action, severity, tenant }))).toEqual(
    ['high', 'high', 'critical', 'critical'].map((severity) => ({
      action: 'access.cross_tenant_attempt',
      severity,
      tenant: acme.tenant.id,
    })),
  );
  expect(registry.events.map(({ detail }) => detail['named'])).toEqual([
    'globex',
    'nobody',
    'globex',
    'malformed',
  ]);
});

test('a storm of attempts does not become a storm of entries; the evidence of it is kept', async () => {
  for (let attempt = 0; attempt < 100; attempt += 1)
    await path.enter(newCall({ ...bearer(acme.secret), 'x-tenant-id': `victim-${attempt % 50}` }));
  expect(registry.events).toHaveLength(20);
  expect(registry.repeated).toHaveLength(80);
  expect(new Set(registry.repeated.map(({ name }) => name)).size).toBe(1);
  expect(registry.repeated.at(-1)).toMatchObject({
    severity: 'critical',
    tenant: acme.tenant.id,
    detail: { attempts: 100, lately: expect.arrayContaining(['victim-49', 'victim-42']) as unknown },
  });
});

describe('a principal of several tenants', () => {
  const named = (hint: string | undefined) =>
    resolve(newCall({ ...bearer('jwt'), 'x-tenant-id': hint }), {
      strategies: [
        {
          kind: 'api_key',
          recognises: () => true,
          verify: () => ({ kind: 'allowed', value: principal() }),
        },
      ],
      directory: registry.node().registry.directory,
      hints: { hints: ['header'], baseDomain: undefined, webhookPath: '/webhooks' },
      crossed: () => {},
    });
  const principal = () => ({
    kind: 'api_key' as const,
    actor: { kind: 'user' as const, id: 'u' },
    tenants: [acme.tenant.id, globex.tenant.id],
    key: undefined,
    verifyAgain: () => ({ kind: 'allowed' as const, value: principal() }),
  });

  test('has to name one', async () => {
    expect(await named(undefined)).toMatchObject({ kind: 'refused', code: 'tenant_ambiguous' });
  });
  test('is the one it names', async () => {
    expect(await named('globex')).toMatchObject({ value: { tenant: { slug: 'globex' } } });
  });
  test('cannot name a third', async () => {
    expect(await named('initech')).toMatchObject({ kind: 'refused', code: 'claims_conflict' });
  });
});

describe('the warm path', () => {
  test('returns a value, not a promise, and asks nobody', () => {
    const verdict = path.enter(newCall(bearer(acme.secret)));
    expect(verdict).not.toBeInstanceOf(Promise);
    expect(registry.loads).toBe(0);
  });

  test('answers the same when it is cold', async () => {
    registry.warm = false;
    expect(codeOf(await path.enter(newCall(bearer(acme.secret))))).toBe('allowed');
    expect(codeOf(await path.enter(newCall({ ...bearer(acme.secret), 'x-tenant-id': 'globex' })))).toBe(
      'claims_conflict',
    );
    expect(registry.loads).toBeGreaterThan(0);
  });

  test('lets nobody in when the registry cannot be asked', async () => {
    registry.warm = false;
    registry.stale = true;
    await expect(path.enter(newCall(bearer(acme.secret)))).rejects.toThrow('does not answer');
  });
});
