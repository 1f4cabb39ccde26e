import { expect, test } from 'vitest';
import type { CacheKey } from '../../src/compartments/cache/cache.ts';
import { toEnvelopeText } from '../../src/compartments/cache/envelope.ts';
import { newCacheBed, newFakeClock, newScope, plan } from './support.ts';
import { describeOnEachCacheStore } from './each-cache-store.ts';

const clock = newFakeClock();

describeOnEachCacheStore(
  'a tenant’s cache',
  (store) => {
    test('the same key of two tenants is two values, and one’s is a miss for the other', async () => {
      const bed = newCacheBed(store());
      const [a, b] = [await bed.tenant(), await bed.tenant()];
      const key: CacheKey = ['docs', 'report'];
      await a.handle.set(key, { of: 'a' });
      expect(await b.handle.get(key)).toBeUndefined();
      await b.handle.set(key, { of: 'b' });
      expect(await a.handle.get(key)).toEqual({ of: 'a' });
      expect(await b.handle.get(key)).toEqual({ of: 'b' });
    });

    test('what is read is a copy: changing it changes nothing for the next reader', async () => {
      const { handle } = await newCacheBed(store()).tenant();
      await handle.set(['a'], { list: [1] });
      const first = await handle.get<{ list: number[] }>(['a']);
      first?.list.push(2);
      expect(await handle.get(['a'])).toEqual({ list: [1] });
      const shared = await Promise.all([1, 2].map(() => handle.getOrSet(['b'], async () => ({ list: [1] }))));
      expect(shared[0]).not.toBe(shared[1]);
    });

    test('null is a value, undefined is none', async () => {
      const { handle } = await newCacheBed(store()).tenant();
      await handle.set(['null'], null);
      expect(await handle.get(['null'])).toBeNull();
      await expect(handle.set(['undefined'], undefined)).rejects.toMatchObject({ code: 'value_invalid' });
      expect(await handle.getOrSet(['nothing'], async () => undefined)).toBeUndefined();
      expect(await handle.get(['nothing'])).toBeUndefined();
    });

    test.each([
      { title: 'an hour where nothing is said', key: ['answers', '1'], options: undefined, ttlMs: 3_600_000 },
      { title: 'five minutes for documents', key: ['docs', '1'], options: undefined, ttlMs: 300_000 },
      { title: 'what is said', key: ['docs', '2'], options: { ttlMs: 1_000 }, ttlMs: 1_000 },
    ])('a value is forgotten after $title', async ({ key, options, ttlMs }) => {
      const { handle } = await newCacheBed(store(), { clock }).tenant();
      await handle.set(key as unknown as CacheKey, 1, options);
      clock.advance(ttlMs - 1);
      expect(await handle.get(key as unknown as CacheKey)).toBe(1);
      clock.advance(1);
      expect(await handle.get(key as unknown as CacheKey)).toBeUndefined();
    });

    test.each([
      { ttlMs: 0 },
      { ttlMs: -1 },
      { ttlMs: Number.NaN },
      { ttlMs: Number.POSITIVE_INFINITY },
      { ttlMs: 8 * 86_400_000 },
    ])('a time to live of $ttlMs is refused: nothing is kept for ever', async (options) => {
      const { handle } = await newCacheBed(store()).tenant();
      await expect(handle.set(['a'], 1, options)).rejects.toMatchObject({ code: 'value_invalid' });
    });

    test('every key in the store has a time to live of its own, and the gate has none', async () => {
      const bed = newCacheBed(store());
      const { handle, placement } = await bed.tenant();
      await handle.set(['docs', '1'], 1);
      await handle.getOrSet(['x'], async () => 2);
      await handle.invalidate(['y']);
      const space = `tenant:${placement.tenant}:`;
      const names: string[] = [];
      for await (const keys of store().keys(space)) names.push(...keys);
      expect(names.toSorted()).toEqual(['docs:1', 'x', 'y']);
      for (const stored of await store().read(space, names)) expect(stored?.ttlMs).toBeLessThan(3_700_000);
    });

    test.each([
      {
        title: 'a circle',
        value: (() => {
          const circle: Record<string, unknown> = {};
          circle['self'] = circle;
          return circle;
        })(),
      },
      { title: 'a big integer', value: 1n },
      { title: 'more than a mebibyte', value: 'x'.repeat(1_048_577) },
    ])('$title is refused', async ({ value }) => {
      const { handle } = await newCacheBed(store()).tenant();
      await expect(handle.set(['a'], value)).rejects.toMatchObject({ code: 'value_invalid' });
    });

    test('one key, a pattern and a whole tenant are invalidated, and the neighbour keeps all', async () => {
      const bed = newCacheBed(store());
      const [a, b] = [await bed.tenant(), await bed.tenant()];
      const keys: readonly CacheKey[] = [
        ['docs', '1'],
        ['docs', '2'],
        ['docs', 'a*b'],
        ['docs2', '1'],
        ['answers', '1'],
      ];
      for (const { handle } of [a, b]) for (const key of keys) await handle.set(key, key.join());
      const left = async ({ handle }: typeof a): Promise<readonly string[]> =>
        (await Promise.all(keys.map((key) => handle.get<string>(key)))).flatMap((value) => value ?? []);
      await a.handle.invalidate(['docs', '1']);
      expect(await left(a)).toEqual(['docs,2', 'docs,a*b', 'docs2,1', 'answers,1']);
      expect(await a.handle.invalidateMatching('docs:*')).toBeGreaterThanOrEqual(2);
      expect(await left(a)).toEqual(['docs2,1', 'answers,1']);
      await a.handle.invalidateAll();
      expect(await left(a)).toEqual([]);
      expect(await left(b)).toHaveLength(keys.length);
      await a.handle.set(['docs', '1'], 'again');
      expect(await a.handle.get(['docs', '1'])).toBe('again');
    });

    test('a hundred callers load a value once, and each tenant its own', async () => {
      const bed = newCacheBed(store());
      const [a, b] = [await bed.tenant(), await bed.tenant()];
      let loads = 0;
      const load = (of: string) => async () => {
        loads += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return of;
      };
      const values = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          index % 2 === 0 ? a.handle.getOrSet(['k'], load('a')) : b.handle.getOrSet(['k'], load('b')),
        ),
      );
      expect(loads).toBe(2);
      expect(values).toEqual(values.map((_, index) => (index % 2 === 0 ? 'a' : 'b')));
    });

    test('the failure of one caller’s load is not the others’', async () => {
      const { handle } = await newCacheBed(store()).tenant();
      const failing = handle.getOrSet(['k'], () => Promise.reject(new Error('went away')));
      const waiting = handle.getOrSet(['k'], async () => 'mine');
      await expect(failing).rejects.toThrow('went away');
      expect(await waiting).toBe('mine');
    });

    test.each([
      {
        title: 'its key',
        by: (handle: { invalidate(key: CacheKey): Promise<void> }) => handle.invalidate(['docs', '1']),
      },
      {
        title: 'a pattern',
        by: (handle: { invalidateMatching(pattern: string): Promise<number> }) =>
          handle.invalidateMatching('docs:*'),
      },
      { title: 'everything', by: (handle: { invalidateAll(): Promise<void> }) => handle.invalidateAll() },
    ])(
      'what was being loaded when $title was invalidated, on another node too, is not kept',
      async ({ by }) => {
        const here = newCacheBed(store());
        const there = newCacheBed(store());
        const { handle, scope } = await here.tenant();
        const other = there.cache.openNow(scope);
        const read = Promise.withResolvers<string>();
        const began = Promise.withResolvers<void>();
        const loading = handle.getOrSet(['docs', '1'], () => {
          began.resolve();
          return read.promise;
        });
        await began.promise;
        await by(other);
        read.resolve('old');
        expect(await loading).toBe('old');
        expect(await other.get(['docs', '1'])).toBeUndefined();
        expect(await handle.getOrSet(['docs', '1'], async () => 'new')).toBe('new');
      },
    );

    test('a foreign value is removed, reported and not served; then there is nothing', async () => {
      const bed = newCacheBed(store());
      const [a, b] = [await bed.tenant(), await bed.tenant()];
      await a.handle.set(['k'], 'own');
      const space = `tenant:${a.placement.tenant}:`;
      const gate = (await store().look({ space, key: 'k' })).gate ?? '';
      const epoch = gate.split(' ')[1] ?? '';
      const value = toEnvelopeText({
        kind: 'entry',
        tenant: b.placement.tenant,
        epoch,
        expiresAtMs: Date.now() + 60_000,
        text: '"b"',
      });
      for (const planted of [value, 'no envelope', '']) {
        await store().put({ space, key: 'k', gate, value: planted, ttlMs: 60_000 });
        await expect(a.handle.get(['k'])).rejects.toMatchObject({ code: 'foreign_row' });
        expect(await a.handle.get(['k'])).toBeUndefined();
      }
      expect(bed.alarms.map(({ tenantId }) => tenantId)).toEqual(Array(3).fill(a.placement.tenant));
      expect(bed.cache.stats().foreign).toBe(3);
    });

    test('a node that has not heard of a suspension is refused by the store', async () => {
      const [node, lagging] = [newCacheBed(store()), newCacheBed(store())];
      const { scope, placement } = await node.tenant();
      const late = lagging.cache.openNow(scope);
      await late.set(['k'], 1);
      await node.cache.seal(placement, 'sealed');
      await expect(late.get(['k'])).rejects.toMatchObject({ code: 'tenant_inactive' });
      await expect(late.set(['k'], 2)).rejects.toMatchObject({ code: 'tenant_inactive' });
      await expect(late.invalidateMatching('*')).rejects.toMatchObject({ code: 'tenant_inactive' });
      await node.cache.seal(placement, 'open');
      expect(await late.get(['k'])).toBe(1);
    });

    test('a store that lost everything serves its tenants again, and nobody who is not placed there', async () => {
      const bed = newCacheBed(store());
      const [a, gone] = [await bed.tenant(), await bed.tenant()];
      for (const { handle, placement } of [a, gone]) {
        await handle.set(['k'], 1);
        await bed.cache.erase(placement);
      }
      bed.placed.delete(gone.placement.tenant);
      expect(await a.handle.get(['k'])).toBeUndefined();
      await a.handle.set(['k'], 2);
      expect(await a.handle.get(['k'])).toBe(2);
      await expect(gone.handle.get(['k'])).rejects.toMatchObject({ code: 'tenant_inactive' });
      await expect(gone.handle.set(['k'], 1)).rejects.toMatchObject({ code: 'tenant_inactive' });
    });

    test('while a tenant moves it is read, writers wait and find it where it went, and nothing is lost', async () => {
      const bed = newCacheBed(store());
      const { handle, placement } = await bed.tenant();
      await handle.set(['k'], 'before');
      const to = { ...placement, isolation: 'schema', container: 'main:schema' } as const;
      await bed.cache.provision(to, plan);
      await bed.cache.seal(to, 'sealed');
      const relocation = bed.cache.move(placement, to);
      await relocation.pause();
      expect(await handle.get(['k'])).toBe('before');
      const writing = handle.set(['k'], 'after');
      await relocation.settle();
      await relocation.admit('reads');
      bed.placed.set(placement.tenant, to);
      await relocation.retire();
      expect(await handle.get(['k'])).toBe('before');
      await relocation.admit('writes');
      await writing;
      expect(await handle.get(['k'])).toBe('after');
      expect((await relocation.confirm()).left).toBe(0n);
      const left: string[] = [];
      for await (const keys of store().keys(`tenant:${placement.tenant}:`)) left.push(...keys);
      expect(left).toEqual([]);
    });

    test('a scope whose caller has gone reads nothing more', async () => {
      const bed = newCacheBed(store());
      const { handle, placement } = await bed.tenant();
      await handle.set(['k'], 1);
      const leaving = new AbortController();
      const own = bed.cache.openNow(newScope(placement, leaving.signal));
      leaving.abort();
      await expect(own.get(['k'])).rejects.toMatchObject({ code: 'aborted' });
      expect(await handle.get(['k'])).toBe(1);
    });
  },
  clock,
);
