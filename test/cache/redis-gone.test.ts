import { createServer as createTlsServer } from 'node:tls';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KeyValueStore, StoreState } from '../../src/drivers/key-value.ts';
import { openRedisStore } from '../../src/drivers/redis/store.ts';
import { startProxy, type Proxy } from '../drivers/support/proxy.ts';
import { newCertificate } from '../drivers/support/tls-proxy.ts';
import { describeWith } from '../support/services.ts';
import { patientMs } from './each-cache-store.ts';
import { newCacheBed, newScope, type CacheBed, type CacheTenant } from './support.ts';

describeWith('valkey', 'a cache whose Redis fails', (url) => {
  let proxy: Proxy;
  let store: KeyValueStore;
  let bed: CacheBed;
  let tenant: CacheTenant;
  const heard: StoreState[] = [];

  beforeAll(async () => {
    proxy = await startProxy(url);
    store = openRedisStore({
      name: 'main',
      url: proxy.url,
      timeoutMs: 500,
      onState: ({ state }) => {
        heard.push(state);
        if (state === 'up') void bed.cache.storeIsBack();
      },
    });
    bed = newCacheBed(store);
    tenant = await bed.tenant();
  });
  afterAll(async () => {
    await store.close();
    await proxy[Symbol.asyncDispose]();
  });

  const back = async (): Promise<void> => {
    proxy.hold('flow');
    await expect.poll(() => store.state(), { timeout: 20_000, interval: 20 }).toBe('up');
  };

  test('reads are misses, writes are dropped, work goes on; it comes back by itself and says so', async () => {
    const { handle } = tenant;
    await handle.set(['docs', '1'], 'v1');
    heard.length = 0;
    proxy.hold('stop');
    expect(await handle.get(['docs', '1'])).toBeUndefined();
    await handle.set(['docs', '1'], 'v2');
    expect(await handle.getOrSet(['docs', '1'], async () => 'loaded')).toBe('loaded');
    expect(store.state()).toBe('down');
    expect(bed.cache.stats().bypassed).toBeGreaterThanOrEqual(3);
    // An invalidation that was not made is never passed over in silence.
    await expect(handle.invalidate(['docs', '1'])).rejects.toMatchObject({ code: 'compartment_unreachable' });
    await back();
    // What was kept before the outage may be outdated by what could not be written in it.
    expect(await handle.get(['docs', '1'])).toBeUndefined();
    await handle.set(['docs', '1'], 'v3');
    expect(await handle.get(['docs', '1'])).toBe('v3');
    expect(heard).toEqual(['down', 'up']);
  });

  test('while it is known to be away nobody waits for it', async () => {
    proxy.hold('stop');
    await tenant.handle.get(['k']);
    const startedMs = performance.now();
    for (let index = 0; index < 50; index += 1) await tenant.handle.get(['k']);
    // One wait alone would be 500 ms; fifty were 25 s.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await back();
  });

  test('lifecycle steps say that the store does not answer', async () => {
    proxy.hold('stop');
    for (const step of [
      () => bed.cache.seal(tenant.placement, 'sealed'),
      () => bed.cache.erase(tenant.placement),
      () => bed.cache.usage(tenant.placement),
    ])
      await expect(step()).rejects.toMatchObject({ code: 'compartment_unreachable' });
    await back();
  });

  test('a connection that is cut is replaced, and calls after it are answered', async () => {
    await tenant.handle.set(['cut'], 1);
    proxy.cut();
    await expect.poll(() => tenant.handle.get(['cut']), { timeout: 20_000 }).toBe(1);
  });

  test('a session that cannot be confirmed lets nobody in', async () => {
    const sessions = bed.cache.sessions(tenant.scope);
    const { token } = await sessions.create({ user: 'u' });
    proxy.hold('stop');
    await expect(sessions.verify(token)).rejects.toMatchObject({ code: 'compartment_unreachable' });
    await back();
    expect(await sessions.verify(token)).toMatchObject({ user: 'u' });
  });

  test('an error names the store, and neither its address nor its password', async () => {
    proxy.hold('stop');
    const error = await tenant.handle.invalidate(['k']).catch((cause: unknown) => cause);
    await back();
    const { password, port } = new URL(proxy.url);
    expect(password).not.toBe('');
    const text = JSON.stringify(error) + String(error) + String((error as Error).stack);
    expect(text).toContain('main');
    expect(text.includes(password) || text.includes(port)).toBe(false);
  });
});

describeWith('valkey', 'a cache in a storm of cancelled calls', (url) => {
  test('every answer is its caller’s own, whoever gives up meanwhile', async () => {
    const proxy = await startProxy(url);
    const store = openRedisStore({ name: 'main', url: proxy.url, timeoutMs: patientMs });
    const bed = newCacheBed(store);
    const [a, b] = [await bed.tenant(), await bed.tenant()];
    const numbers = Array.from({ length: 300 }, (_, index) => index);
    for (const { handle, placement } of [a, b])
      await Promise.all(
        numbers.map((number) => handle.set(['n', String(number)], `${placement.tenant} ${number}`)),
      );
    let answered = 0;
    let givenUp = 0;
    for (let round = 0; round < 5; round += 1)
      await Promise.all(
        numbers.map(async (number) => {
          const { placement } = number % 2 === 0 ? a : b;
          const leaving = new AbortController();
          const reading = bed.cache.openNow(newScope(placement, leaving.signal)).get(['n', String(number)]);
          if (number % 3 === 0) setImmediate(() => leaving.abort());
          try {
            expect(await reading).toBe(`${placement.tenant} ${number}`);
            answered += 1;
          } catch (cause) {
            expect(cause).toMatchObject({ code: 'aborted' });
            givenUp += 1;
          }
        }),
      );
    expect(answered).toBeGreaterThanOrEqual(900);
    expect(givenUp).toBeGreaterThan(100);
    await store.close();
    await proxy[Symbol.asyncDispose]();
  });
});

describeWith('valkey', 'Redis over TLS', (url) => {
  test('is used where its certificate is known, and not where it is not', async () => {
    const target = new URL(url);
    const certificate = await newCertificate();
    const sockets = new Set<Socket>();
    const server = createTlsServer(certificate, (client) => {
      const upstream = connect(Number(target.port), target.hostname);
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
      }
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const secure = new URL(url.replace('redis:', 'rediss:'));
    secure.hostname = '127.0.0.1';
    secure.port = String((server.address() as AddressInfo).port);
    const trusting = openRedisStore({
      name: 'main',
      url: secure.href,
      timeoutMs: patientMs,
      authority: certificate.cert,
    });
    const { handle } = await newCacheBed(trusting).tenant();
    await handle.set(['k'], 'over TLS');
    expect(await handle.get(['k'])).toBe('over TLS');
    const doubting = openRedisStore({ name: 'main', url: secure.href, timeoutMs: patientMs });
    await expect(newCacheBed(doubting).tenant()).rejects.toMatchObject({ code: 'compartment_unreachable' });
    await Promise.all([trusting.close(), doubting.close()]);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
