import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

let app: TestServer;
let acme: TestTenant;
let foreignId: string;
const missingId = '0190a0a0-0000-7000-8000-00000000dead';

beforeAll(async () => {
  app = await openTestServer({ BULKHEAD_LOG_LEVEL: 'silent' });
  acme = await app.tenant('acme');
  const globex = await app.tenant('globex');
  const created = await app.ask('POST', '/v1/documents', {
    token: globex.key,
    body: { title: 'theirs', content: 'x'.repeat(200_000) },
  });
  foreignId = (created.body as { id: string }).id;
});
afterAll(() => app[Symbol.asyncDispose]());

const rounds = 300;

/**
 * Two kinds of request, turn about, so that whatever else the machine does falls on both alike.
 * @returns the share of rounds in which the first took longer
 */
async function shareSlower(first: () => Promise<unknown>, second: () => Promise<unknown>): Promise<number> {
  let slower = 0;
  for (let round = 0; round < rounds; round += 1) {
    const forwards = round % 2 === 0;
    const one = await timed(forwards ? first : second);
    const other = await timed(forwards ? second : first);
    slower += one > other === forwards ? 1 : 0;
  }
  return slower / rounds;
}

async function timed(ask: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await ask();
  return performance.now() - startedMs;
}

/** Five standard deviations of a fair coin over the rounds: by chance, once in two million runs. */
const tolerance = (5 * 0.5) / Math.sqrt(rounds);

async function get(path: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${app.url}${path}`, {
    headers: { authorization: `Bearer ${acme.key}`, ...headers },
  });
  await response.arrayBuffer();
  return response.status;
}

test('a document of somebody else takes as long to be not found as one that never was', async () => {
  expect([await get(`/v1/documents/${foreignId}`), await get(`/v1/documents/${missingId}`)]).toEqual([
    404, 404,
  ]);
  const share = await shareSlower(
    () => get(`/v1/documents/${foreignId}`),
    () => get(`/v1/documents/${missingId}`),
  );
  expect(Math.abs(share - 0.5)).toBeLessThan(tolerance);
});

test('a tenant that exists takes as long to be refused as one that does not', async () => {
  expect([
    await get('/v1/me', { 'x-tenant-id': 'globex' }),
    await get('/v1/me', { 'x-tenant-id': 'nobody' }),
  ]).toEqual([403, 403]);
  const share = await shareSlower(
    () => get('/v1/me', { 'x-tenant-id': 'globex' }),
    () => get('/v1/me', { 'x-tenant-id': 'nobody' }),
  );
  expect(Math.abs(share - 0.5)).toBeLessThan(tolerance);
});

test('the measure can tell: a document that is there takes longer than one that is not', async () => {
  const created = await app.ask('POST', '/v1/documents', {
    token: acme.key,
    body: { title: 'mine', content: 'x'.repeat(900_000) },
  });
  const { id } = created.body as { id: string };
  const share = await shareSlower(
    () => get(`/v1/documents/${id}`),
    () => get(`/v1/documents/${missingId}`),
  );
  expect(share - 0.5).toBeGreaterThan(tolerance);
});
