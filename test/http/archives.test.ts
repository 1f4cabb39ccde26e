import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createClient, type BulkheadClient } from '../../src/client/index.ts';
import { openTestServer, operatorToken, type TestServer, type TestTenant } from './support/server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let app: TestServer;
let acme: TestTenant;
let client: BulkheadClient;

beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme');
  client = createClient({ url: app.url, token: operatorToken, timeoutMs: 60_000 });
  await app.ask('POST', '/v1/documents', { token: acme.key, body: { title: 'one', content: 'of acme' } });
});
afterAll(() => app[Symbol.asyncDispose]());

async function ended(operation: string): Promise<string> {
  for (;;) {
    const { state } = await client.operations.get(operation);
    if (state !== 'running') return state;
    await setTimeout(20);
  }
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of stream) all.push(chunk);
  return Buffer.concat(all);
}

test('an export is taken as a file, and sent back it becomes another tenant', async () => {
  const { operation } = await client.archives.export('acme');
  expect(await ended(operation)).toBe('done');
  const shown = await client.archives.exportOf(operation);
  expect(shown).toMatchObject({ records: 1, isKept: true });
  const bytes = await read(await client.archives.receive(operation));
  expect(bytes).toHaveLength(shown.sizeBytes ?? 0);
  const { archive } = await client.archives.send(bytes);
  const made = await client.archives.import({ archive, slug: 'acme-two' });
  expect(await ended(made.operation)).toBe('done');
  expect((await client.tenants.get('acme-two')).state).toBe('active');
  const { key: secret } = await client.keys.issue('acme-two', { name: 'k' });
  const listed = await app.ask('GET', '/v1/documents', { token: secret });
  expect(listed.body).toMatchObject({ items: [{ title: 'one' }] });
});

test('what is no archive is refused with 422, and nothing is made of it', async () => {
  const { archive } = await client.archives.send(Buffer.alloc(2_000, 'x'));
  await expect(client.archives.import({ archive, slug: 'acme-three' })).rejects.toMatchObject({
    code: 'archive_refused',
    status: 422,
  });
  await expect(client.tenants.get('acme-three')).rejects.toMatchObject({ status: 404 });
});

test('a backup is made, listed, verified, drilled, restored, swapped and confirmed over HTTP', async () => {
  const begun = await app.operator('POST', '/v1/tenants/acme/backups');
  expect(begun.status).toBe(201);
  const { backup, operation } = begun.body as { backup: { id: string }; operation: string };
  expect(await ended(operation)).toBe('done');
  expect((await app.operator('POST', `/v1/backups/${backup.id}/verify`)).body).toMatchObject({
    state: 'ready',
  });
  expect((await app.operator('POST', '/v1/tenants/acme/backup-drill')).body).toMatchObject({ records: 1 });
  const listed = await app.operator('GET', '/v1/backups?tenant=acme');
  expect(listed.body).toMatchObject({ items: [{ id: backup.id, drilledAt: expect.any(String) }] });
  await app.ask('POST', '/v1/documents', { token: acme.key, body: { title: 'two', content: 'since' } });
  const restore = await app.operator('POST', `/v1/backups/${backup.id}/restore`);
  expect(restore.status).toBe(201);
  expect(await ended((restore.body as { operation: string }).operation)).toBe('done');
  const staged = await app.operator('GET', '/v1/tenants/acme/restore');
  expect(staged.body).toMatchObject({
    phase: 'staged',
    differences: expect.arrayContaining([
      expect.objectContaining({ set: 'documents', removed: 1, added: 0 }),
    ]),
  });
  expect((await app.operator('POST', '/v1/tenants/acme/restore/swap')).body).toMatchObject({
    phase: 'swapped',
  });
  const after = await app.ask('GET', '/v1/documents', { token: acme.key });
  expect((after.body as { items: unknown[] }).items).toHaveLength(1);
  expect((await app.operator('POST', '/v1/tenants/acme/restore/confirm')).body).toMatchObject({
    phase: 'confirmed',
  });
  expect((await app.operator('DELETE', `/v1/backups/${backup.id}`)).status).toBe(204);
  expect((await app.operator('GET', `/v1/backups/${backup.id}`)).status).toBe(404);
});
