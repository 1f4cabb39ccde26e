import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Isolation } from '../../src/core/placement.ts';
import { runLoad, type LoadTenant } from '../support/load.ts';
import { openTestServer, type TestServer } from './support/server.ts';

let app: TestServer;
let tenants: readonly LoadTenant[];

const isolations: readonly Isolation[] = ['shared', 'shared', 'schema'];

beforeAll(async () => {
  app = await openTestServer({ BULKHEAD_LOG_LEVEL: 'silent' });
  tenants = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const isolation = index === 0 ? 'database' : (isolations[index % isolations.length] ?? 'shared');
      const { key, id } = await app.tenant(`load-${index}`, { plan: 'enterprise', isolation });
      return { key, mark: `of ${id}` };
    }),
  );
});
afterAll(() => app[Symbol.asyncDispose]());

test('thirty tenants at once, listing, creating and reading, are each shown their own and nothing else', async () => {
  const result = await runLoad({ url: app.url, tenants, durationMs: 3_000, waitMs: [10, 60] });
  expect(result.requests).toBeGreaterThan(200);
  expect(result.attacks).toBeGreaterThan(10);
  expect({ leaks: result.leaks, failures: result.failures }).toEqual({ leaks: 0, failures: 0 });
  // And what was stored is where it belongs.
  for (const { key, mark } of tenants) {
    const listed = await app.ask('GET', '/v1/documents?limit=200', { token: key });
    const { items } = listed.body as { items: { content: string }[] };
    expect(new Set(items.map(({ content }) => content))).toEqual(new Set([mark]));
  }
});
