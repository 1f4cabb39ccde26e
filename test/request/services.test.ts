import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { newRequestId } from '../../src/core/ids.ts';
import { tenantScope, type Scope } from '../../src/core/scope.ts';
import type { ResolvedTenant } from '../../src/registry/registry.ts';
import { createRequestPath, type RequestPath } from '../../src/request/path.ts';
import { openTenantScope } from '../../src/request/scope.ts';
import { createServices, type Services } from '../../src/request/services.ts';
import { FakeRegistry, newCall } from './fake-registry.ts';

let nowMs: number;
const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
let registry: FakeRegistry;
let caller: Services;
let billing: RequestPath;
let tenant: ResolvedTenant;
let scope: Scope;

function vault(): Parameters<typeof createServices>[0]['vault'] {
  let stored: string | undefined;
  return {
    get: () => Promise.resolve(stored),
    putOnce: (_owner, _purpose, secret) => Promise.resolve((stored ??= secret)),
  };
}

beforeEach(() => {
  nowMs = Date.now();
  registry = new FakeRegistry();
  tenant = registry.add('acme').tenant;
  registry.add('globex');
  caller = createServices({ vault: vault(), clock, name: 'orders' });
  billing = receiver('billing', caller);
  scope = openTenantScope(tenant, {
    actor: { kind: 'user', id: 'u-1' },
    requestId: newRequestId(),
    signal: new AbortController().signal,
  });
});

function receiver(name: string, issuer: Services): RequestPath {
  return createRequestPath({ ...registry.node(), clock }, { service: { name, keys: () => issuer.jwks() } });
}

type Headers = Readonly<Record<string, string>>;

async function enter(headers: Headers, path = billing, requestId = headers['x-request-id']) {
  return await path.enter({ ...newCall(headers), requestId: requestId as Scope['requestId'] });
}

const codeOf = async (headers: Headers, path = billing, requestId?: string): Promise<string> => {
  const verdict = await enter(headers, path, requestId ?? headers['x-request-id']);
  return verdict.kind === 'allowed' ? 'allowed' : verdict.code;
};

describe('a call from one service to another', () => {
  test('carries tenant, actor and request id, which the receiver’s scope has', async () => {
    const headers = await tenantScope(scope, () => caller.headersFor('billing'));
    const verdict = await enter(headers);
    expect(verdict).toMatchObject({
      kind: 'allowed',
      value: {
        scope: { tenantId: tenant.id, actor: { kind: 'user', id: 'u-1' }, requestId: scope.requestId },
        principal: { kind: 'service' },
      },
    });
  });

  test('needs a scope', async () => {
    await expect(caller.headersFor('billing')).rejects.toMatchObject({ code: 'scope_missing' });
  });

  test('is taken once, by the service it is for, with its own request id, in its minute', async () => {
    const headers = await caller.headersFor('billing', scope);
    expect(await codeOf(headers, receiver('search', caller))).toBe('unauthenticated');
    expect(await codeOf(headers, billing, newRequestId())).toBe('unauthenticated');
    nowMs += 66_000;
    expect(await codeOf(headers)).toBe('unauthenticated');
    nowMs -= 120_000;
    expect(await codeOf(headers)).toBe('unauthenticated');
    nowMs += 54_000;
    expect(await codeOf(headers)).toBe('allowed');
    expect(await codeOf(headers)).toBe('unauthenticated');
  });

  test('tells nothing to a path that takes no services', async () => {
    const closed = createRequestPath(registry.node());
    expect(await codeOf(await caller.headersFor('billing', scope), closed)).toBe('unauthenticated');
  });

  test('of a stranger’s installation is refused, and after a minute its key is asked for again', async () => {
    const stranger = createServices({ vault: vault(), clock, name: 'orders' });
    expect(await codeOf(await stranger.headersFor('billing', scope))).toBe('unauthenticated');
    let source = caller;
    const path = createRequestPath(
      { ...registry.node(), clock },
      { service: { name: 'billing', keys: () => source.jwks() } },
    );
    expect(await codeOf(await stranger.headersFor('billing', scope), path)).toBe('unauthenticated');
    source = stranger;
    nowMs += 61_000;
    expect(await codeOf(await stranger.headersFor('billing', scope), path)).toBe('allowed');
  });

  test('for a suspended tenant is refused as any other', async () => {
    registry.change(tenant.id, { state: 'suspended' });
    expect(await codeOf(await caller.headersFor('billing', scope))).toBe('tenant_inactive');
  });

  test('with a hint at another tenant is a conflict', async () => {
    const headers = { ...(await caller.headersFor('billing', scope)), 'x-tenant-id': 'globex' };
    expect(await codeOf(headers)).toBe('claims_conflict');
  });

  test('that was altered anywhere is refused', async () => {
    const { authorization = '', ...rest } = await caller.headersFor('billing', scope);
    const token = authorization.slice('Bearer '.length);
    const [header = '', payload = '', signature = ''] = token.slice(4).split('.');
    const decoded = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
    const foreign = [...registry.tenants.keys()].find((id) => id !== tenant.id);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const forged = [
      `bhs_${header}.${encode({ ...decoded, tenant: foreign })}.${signature}`,
      `bhs_${encode({ alg: 'none', typ: 'bulkhead-service+jwt' })}.${payload}.`,
      `bhs_${encode({ alg: 'HS256', typ: 'bulkhead-service+jwt', kid: 'x' })}.${payload}.${signature}`,
      `bhs_${encode({ alg: 'EdDSA', typ: 'JWT', kid: 'x' })}.${payload}.${signature}`,
      `bhs_${header}.${payload}.${privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64url').slice(0, 86)}`,
      `bhs_${header}.${payload}`,
      `bhs_${header}.${payload}.${signature}.${signature}`,
      `bhs_${header}..${signature}`,
      'bhs_',
      token.slice(4),
    ];
    for (const text of forged)
      expect(await codeOf({ ...rest, authorization: `Bearer ${text}` }), text).toBe('unauthenticated');
    expect(await codeOf({ ...rest, authorization })).toBe('allowed');
  });
});

test('two nodes of an installation sign with one key, and what they publish holds no secret', async () => {
  const shared = vault();
  const [a, b] = ['a', 'b'].map((name) => createServices({ vault: shared, clock, name }));
  const keys = await Promise.all([a?.jwks(), b?.jwks()]);
  expect(keys[0]).toEqual(keys[1]);
  expect(Object.keys(keys[0]?.keys[0] ?? {}).toSorted((x, y) => x.localeCompare(y))).toEqual([
    'alg',
    'crv',
    'kid',
    'kty',
    'use',
    'x',
  ]);
});
