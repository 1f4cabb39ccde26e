import { expect, test } from 'vitest';
import { newCacheBed, newFakeClock } from './support.ts';
import { describeOnEachCacheStore } from './each-cache-store.ts';

const clock = newFakeClock();

describeOnEachCacheStore(
  'sessions',
  (store) => {
    test('a session is the user’s and the tenant’s; replayed on another tenant it is one that never was', async () => {
      const bed = newCacheBed(store());
      const [a, b] = [await bed.tenant(), await bed.tenant()];
      const issued = await bed.cache.sessions(a.scope).create({ user: 'u:1', data: { role: 'nurse' } });
      expect(await bed.cache.sessions(a.scope).verify(issued.token)).toMatchObject({
        user: 'u:1',
        data: { role: 'nurse' },
      });
      // The same user id in both, with a session each.
      await bed.cache.sessions(b.scope).create({ user: 'u:1' });
      expect(await bed.cache.sessions(b.scope).verify(issued.token)).toBeUndefined();
      expect(await bed.cache.sessions(b.scope).revoke(issued.token)).toBe(false);
      expect(await bed.cache.sessions(b.scope).revokeUser('u:1')).toBe(1);
      expect(await bed.cache.sessions(a.scope).verify(issued.token)).toBeDefined();
    });

    test('the user in the token cannot be exchanged for another', async () => {
      const bed = newCacheBed(store());
      const { scope } = await bed.tenant();
      const sessions = bed.cache.sessions(scope);
      const { token } = await sessions.create({ user: 'alice' });
      await sessions.create({ user: 'bob' });
      const forged = token.replace(/^bhs_[^.]+/, `bhs_${Buffer.from('bob').toString('base64url')}`);
      expect(await sessions.verify(forged)).toBeUndefined();
      for (const nonsense of ['', 'bhs_', 'bhs_.', token.slice(0, -1), `${token}x`, token.toUpperCase()])
        expect(await sessions.verify(nonsense)).toBeUndefined();
    });

    test('only a digest of it is in the store, under the documented name', async () => {
      const bed = newCacheBed(store());
      const { scope, placement } = await bed.tenant();
      const { token } = await bed.cache.sessions(scope).create({ user: 'u1' });
      const space = `tenant:${placement.tenant}:`;
      const names: string[] = [];
      for await (const keys of store().keys(space)) names.push(...keys);
      expect(names).toEqual([expect.stringMatching(/^user:u1:session:[0-9a-f]{64}$/)]);
      const values = await store().read(space, names);
      const secret = token.split('.')[1] ?? '';
      expect(secret).toHaveLength(43);
      expect(JSON.stringify([names, values])).not.toContain(secret);
    });

    test('ends with its time, which is never more than a week', async () => {
      const bed = newCacheBed(store(), { clock });
      const sessions = bed.cache.sessions((await bed.tenant()).scope);
      const { token, expiresAt } = await sessions.create({ user: 'u', ttlMs: 60_000 });
      expect(expiresAt.getTime()).toBe(clock.nowMs() + 60_000);
      clock.advance(59_999);
      expect(await sessions.verify(token)).toBeDefined();
      clock.advance(1);
      expect(await sessions.verify(token)).toBeUndefined();
      for (const ttlMs of [0, Number.NaN, 8 * 86_400_000])
        await expect(sessions.create({ user: 'u', ttlMs })).rejects.toMatchObject({ code: 'value_invalid' });
    });

    test('one is revoked, or all of a user, and no other user’s', async () => {
      const bed = newCacheBed(store());
      const sessions = bed.cache.sessions((await bed.tenant()).scope);
      const [first, second] = [await sessions.create({ user: 'u*' }), await sessions.create({ user: 'u*' })];
      const other = await sessions.create({ user: 'u2' });
      expect(await sessions.revoke(first.token)).toBe(true);
      expect(await sessions.revoke(first.token)).toBe(false);
      expect(await sessions.verify(second.token)).toBeDefined();
      expect(await sessions.revokeUser('u*')).toBe(1);
      expect(await sessions.verify(second.token)).toBeUndefined();
      expect(await sessions.verify(other.token)).toBeDefined();
    });

    test('no key, pattern or clearing of the cache reaches one, and no value passes for one', async () => {
      const bed = newCacheBed(store());
      const { scope, handle } = await bed.tenant();
      const sessions = bed.cache.sessions(scope);
      const { token } = await sessions.create({ user: 'u1' });
      await handle.invalidateMatching('user:*');
      await handle.invalidateAll();
      expect(await sessions.verify(token)).toBeDefined();
      await expect(handle.set(['user', 'u1', 'session', 'x'], { user: 'u1' })).rejects.toMatchObject({
        code: 'value_invalid',
      });
      await expect(handle.get(['user', 'u1', 'session', 'x'])).rejects.toMatchObject({
        code: 'value_invalid',
      });
    });

    test('a sealed tenant’s users are out, and an erased tenant’s sessions are gone', async () => {
      const bed = newCacheBed(store());
      const { scope, placement } = await bed.tenant();
      const sessions = bed.cache.sessions(scope);
      const { token } = await sessions.create({ user: 'u' });
      await bed.cache.seal(placement, 'sealed');
      await expect(sessions.verify(token)).rejects.toMatchObject({ code: 'tenant_inactive' });
      await bed.cache.seal(placement, 'open');
      expect(await sessions.verify(token)).toBeDefined();
      expect(await bed.cache.erase(placement)).toMatchObject({ removed: 1n, left: 0n });
      expect(await sessions.verify(token)).toBeUndefined();
    });

    test('a move logs nobody out, and an export lets nobody in', async () => {
      const bed = newCacheBed(store());
      const { scope, placement } = await bed.tenant();
      const sessions = bed.cache.sessions(scope);
      const { token } = await sessions.create({ user: 'u' });
      for await (const record of bed.cache.export(placement)) expect(record).toBeUndefined();
      const to = { ...placement, isolation: 'database', container: 'main:database' } as const;
      const relocation = bed.cache.move(placement, to);
      await relocation.pause();
      await relocation.settle();
      await relocation.admit('reads');
      bed.placed.set(placement.tenant, to);
      await relocation.retire();
      await relocation.admit('writes');
      expect(await sessions.verify(token)).toMatchObject({ user: 'u' });
    });
  },
  clock,
);
