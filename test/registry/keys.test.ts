import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newKeyId } from '../../src/core/ids.ts';
import type { Verdict } from '../../src/core/verdict.ts';
import type { ApiKey, Registry } from '../../src/registry/registry.ts';
import { newApiKey } from '../../src/registry/key-format.ts';
import {
  describeRegistry,
  insertActive,
  makeRegistry,
  MovableClock,
  newTenant,
  operator,
  until,
  WatchedDatabase,
  type TestRegistry,
} from './support.ts';

function lifeMs(issued: ApiKey): number {
  return (issued.expiresAt?.getTime() ?? 0) - issued.createdAt.getTime();
}

describeRegistry('API keys', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  let watched: WatchedDatabase;
  let clock: MovableClock;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
  });
  afterAll(() => made[Symbol.asyncDispose]());
  beforeEach(async () => {
    clock = new MovableClock();
    watched = new WatchedDatabase(made.database.connect());
    registry = await made.node({ admin: watched, clock });
    return () => registry.close();
  });

  async function issue(expiresAt?: Date) {
    const { id: tenant } = await insertActive(made.registry);
    const { key, secret } = await registry.keys.issue({ tenant, name: 'ci', expiresAt }, operator);
    return { tenant, key, secret };
  }

  /** Verified from memory: a value, not a promise. */
  async function warm(secret: string): Promise<Verdict<ApiKey>> {
    await watched.heard();
    await registry.keys.verify(secret);
    let verdict: Verdict<ApiKey> | undefined;
    await until(() => {
      const answer = registry.keys.verify(secret);
      if (!(answer instanceof Promise)) verdict = answer;
      return verdict !== undefined;
    });
    if (verdict === undefined) throw new Error('never warm');
    return verdict;
  }

  test('a key is recognisable, and only its digest is stored', async () => {
    const { key, secret } = await issue();
    expect(secret).toMatch(/^bh_[0-9a-hjkmnp-tv-z]{16}_[A-Za-z0-9_-]{43}$/);
    expect(secret.slice(3, 19)).toBe(key.id);
    const { rows } = await made.database.admin.query(
      `select encode(digest, 'hex') as digest, to_jsonb(k)::text as whole from bulkhead.api_key k where id = $1`,
      [key.id],
    );
    expect(rows[0]?.['digest']).toBe(createHash('sha256').update(secret).digest('hex'));
    expect(rows[0]?.['whole']).not.toContain(secret.slice(20));
    const trail = await made.database.admin.query(`select detail::text as detail from bulkhead.audit_event`);
    expect(JSON.stringify(trail.rows)).not.toContain(secret.slice(20));
  });

  test('a known key is verified without a query and without a promise', async () => {
    const { key, secret, tenant } = await issue();
    expect(await warm(secret)).toMatchObject({ kind: 'allowed', value: { id: key.id, tenant } });
    watched.seen.length = 0;
    for (let time = 0; time < 100; time += 1)
      expect(registry.keys.verify(secret)).toMatchObject({ kind: 'allowed', value: { id: key.id } });
    expect(watched.count).toBe(0);
  });

  test('malformed, unknown, wrong, expired and revoked keys get the same answer, cold and warm', async () => {
    const revoked = await issue();
    await registry.keys.revoke({ tenant: revoked.tenant, id: revoked.key.id }, operator);
    const expired = await issue(new Date(clock.nowMs() - 1));
    const good = await issue();
    const wrong = `${good.secret.slice(0, 20)}${newApiKey().secret.slice(20)}`;
    const bad = {
      empty: '',
      malformed: 'bh_x',
      injected: `bh_' or 1=1 --_${'a'.repeat(43)}`,
      'one character more': `${good.secret}A`,
      'another case': good.secret.toUpperCase(),
      unknown: newApiKey().secret,
      wrong,
      expired: expired.secret,
      revoked: revoked.secret,
    };
    const answers = new Set<string>();
    for (const secret of Object.values(bad))
      for (let time = 0; time < 2; time += 1) answers.add(JSON.stringify(await registry.keys.verify(secret)));
    expect([...answers]).toEqual([
      JSON.stringify({
        kind: 'refused',
        code: 'unauthenticated',
        detail: { reason: 'the API key is not valid' },
      }),
    ]);
    expect(await registry.keys.verify(good.secret)).toMatchObject({ kind: 'allowed' });
  });

  test('expiry is looked at on every use, in memory or not', async () => {
    const { secret } = await issue(new Date(clock.nowMs() + 60_000));
    expect(await warm(secret)).toMatchObject({ kind: 'allowed' });
    clock.jump(61_000);
    expect(await registry.keys.verify(secret)).toMatchObject({ kind: 'refused' });
    expect(await warm(secret)).toMatchObject({ kind: 'refused' });
  });

  test('a rotated key is accepted for the overlap and not a moment longer; its successor goes on', async () => {
    const { tenant, key, secret } = await issue();
    const next = await registry.keys.rotate({ tenant, id: key.id, overlapMs: 60_000 }, operator);
    expect(await warm(secret)).toMatchObject({ kind: 'allowed', value: { replacedBy: next.key.id } });
    expect(await warm(next.secret)).toMatchObject({ kind: 'allowed' });
    clock.jump(50_000);
    expect(await warm(secret)).toMatchObject({ kind: 'allowed' });
    clock.jump(11_000);
    expect(await warm(secret)).toMatchObject({ kind: 'refused' });
    expect(await warm(next.secret)).toMatchObject({ kind: 'allowed' });
  });

  test('rotation never prolongs a key, and gives its successor as long a life', async () => {
    const { tenant, key } = await issue(new Date(clock.nowMs() + 10_000));
    const next = await registry.keys.rotate({ tenant, id: key.id, overlapMs: 3_600_000 }, operator);
    const [old] = await registry.keys.list(tenant);
    expect(old?.expiresAt).toEqual(key.expiresAt);
    expect(Math.abs(lifeMs(next.key) - lifeMs(key))).toBeLessThan(1_000);
  });

  test('a key of another tenant, and one that ended, can be neither rotated nor revoked into being', async () => {
    const mine = await issue();
    const theirs = await issue();
    const gone = await issue(new Date(clock.nowMs() - 1));
    const foreign = { tenant: mine.tenant, id: theirs.key.id };
    await expect(registry.keys.rotate({ ...foreign, overlapMs: 0 }, operator)).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(registry.keys.revoke(foreign, operator)).rejects.toMatchObject({ code: 'not_found' });
    await expect(
      registry.keys.revoke({ tenant: mine.tenant, id: newKeyId() }, operator),
    ).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(
      registry.keys.rotate({ tenant: gone.tenant, id: gone.key.id, overlapMs: 0 }, operator),
    ).rejects.toMatchObject({ code: 'not_found' });
    expect(await registry.keys.verify(theirs.secret)).toMatchObject({ kind: 'allowed' });
  });

  test('revoking twice is revoking once', async () => {
    const { tenant, key } = await issue();
    const first = await registry.keys.revoke({ tenant, id: key.id }, operator);
    expect(await registry.keys.revoke({ tenant, id: key.id }, operator)).toEqual(first);
    const actions = (await registry.audit.list({ tenant, limit: 10 })).map(({ action }) => action);
    expect(actions.filter((action) => action === 'key.revoked')).toHaveLength(1);
  });

  test('no key is issued for a tenant that is leaving, is gone, or never was', async () => {
    const { id } = await insertActive(registry);
    await registry.tenants.transition(id, 'offboarded', operator);
    const wanted = { name: 'k', expiresAt: undefined };
    await expect(registry.keys.issue({ ...wanted, tenant: id }, operator)).rejects.toMatchObject({
      code: 'tenant_inactive',
    });
    await expect(registry.keys.issue({ ...wanted, tenant: newTenant().id }, operator)).rejects.toMatchObject({
      code: 'tenant_not_found',
    });
    const { id: active } = await insertActive(registry);
    await expect(
      registry.keys.issue({ ...wanted, tenant: active, name: '' }, operator),
    ).rejects.toMatchObject({
      code: 'value_invalid',
    });
  });

  test('a flood of unknown keys becomes a few queries', async () => {
    const verdicts = await Promise.all(
      Array.from({ length: 5_000 }, async () => registry.keys.verify(newApiKey().secret)),
    );
    expect(verdicts.every(({ kind }) => kind === 'refused')).toBe(true);
    expect(watched.count).toBeLessThanOrEqual(15);
  });

  test('when a key was used is written in batches, at most once a minute, and never while it is verified', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => issue()));
    const node = await made.node({ admin: watched, clock });
    watched.seen.length = 0;
    for (let time = 0; time < 20; time += 1) for (const { secret } of keys) await node.keys.verify(secret);
    const writes = () => watched.seen.filter((text) => text.includes('last_used_at = used.at')).length;
    expect(writes()).toBe(0);
    await node.close();
    expect(writes()).toBe(1);
    const used = await Promise.all(
      keys.map(async ({ tenant }) => (await registry.keys.list(tenant))[0]?.lastUsedAt),
    );
    expect(used.every((at) => at !== undefined && Math.abs(at.getTime() - clock.nowMs()) < 10_000)).toBe(
      true,
    );
    const again = await made.node({ admin: watched, clock });
    for (const { secret } of keys) await again.keys.verify(secret);
    await again.close();
    const later = await Promise.all(
      keys.map(async ({ tenant }) => (await registry.keys.list(tenant))[0]?.lastUsedAt),
    );
    expect(later).toEqual(used);
  });

  test('a use that could not be written is written later', async () => {
    const { tenant, secret } = await issue();
    const node = await made.node({ admin: watched, clock });
    await node.keys.verify(secret);
    watched.fault = (text) => (text.includes('last_used_at = used.at') ? 'fails' : 'none');
    await until(() => watched.seen.some((text) => text.includes('last_used_at = used.at')), 10_000);
    watched.fault = 'none';
    await node.close();
    expect((await registry.keys.list(tenant))[0]?.lastUsedAt).toBeInstanceOf(Date);
  });
});
