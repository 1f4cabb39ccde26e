import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WallContext } from '../../src/drivers/sql.ts';
import { describeWith } from '../support/services.ts';
import { startTlsProxy, type TlsProxy } from './support/tls-proxy.ts';
import { newWalledDatabase, oneItem, type WalledDatabase } from './support/walled-database.ts';

describeWith('postgres', 'a connection over TLS', (serverUrl) => {
  let walled: WalledDatabase;
  let proxy: TlsProxy;
  let a: WallContext;

  beforeAll(async () => {
    walled = await newWalledDatabase(serverUrl);
    proxy = await startTlsProxy(serverUrl);
    a = await walled.tenant();
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await walled[Symbol.asyncDispose]();
  });

  test('carries statements, several on their way, and rows of any size', async () => {
    const db = walled.open({ url: proxy.through(walled.url), maxConnections: 2, sharedConnections: 2 });
    const before = proxy.encrypted;
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => db.run(a, { text: oneItem, values: [(index % 20) + 1] })),
    );
    expect(answers.map(({ rows }) => rows[0]?.['id'])).toEqual(
      Array.from({ length: 100 }, (_, index) => (index % 20) + 1),
    );
    const big = 'x'.repeat(1_000_000);
    const { rows } = await db.run(a, { text: 'select $1::text as big', values: [big] });
    expect(rows).toEqual([{ big }]);
    expect(proxy.encrypted).toBeGreaterThan(before);
    await db.close();
  });

  test('is asked to stop over TLS too', async () => {
    const db = walled.open({ url: proxy.through(walled.url), maxConnections: 1 });
    await db.run(a, { text: oneItem, values: [1] });
    const before = proxy.encrypted;
    const abort = new AbortController();
    const slow = db.run(
      a,
      { text: 'select pg_sleep(30)::text', values: [] },
      { lane: 'alone', signal: abort.signal },
    );
    setTimeout(() => abort.abort(), 50);
    await expect(slow).rejects.toMatchObject({ code: 'aborted' });
    // The next one waits until the server has really stopped: with one connection allowed there is no other way.
    expect(await db.run(a, { text: oneItem, values: [1] })).toMatchObject({ rowCount: 1 });
    expect(proxy.encrypted).toBeGreaterThanOrEqual(before + 2);
    await db.close();
  });

  test('is refused where the certificate must be good and is not', async () => {
    const url = proxy.through(walled.url).replace('no-verify', 'verify-full');
    const db = walled.open({ url, maxConnections: 1 });
    await expect(db.run(a, { text: oneItem, values: [1] })).rejects.toMatchObject({
      code: 'compartment_unreachable',
    });
    await db.close();
  });
});
