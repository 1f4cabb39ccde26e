import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer, operatorToken } from './support/server.ts';
import type { TestServer } from './support/server.ts';

let app: TestServer;
const token = operatorToken;

beforeAll(async () => {
  app = await openTestServer();
  await app.tenant('acme', { plan: 'pro', isolation: 'schema' });
});
afterAll(() => app[Symbol.asyncDispose]());

test('versions, a dry run, a run and its end', async () => {
  const versions = await app.ask('GET', '/v1/fleet/versions', { token });
  expect(versions).toMatchObject({
    status: 200,
    body: { head: 'bulkhead/1 memory/1 vectors/1', unreachable: [] },
  });
  // The tenant's rows, memory and vectors, and the rows of the shared ones: all of them were made at the newest version.
  const planned = await app.ask('POST', '/v1/fleet/migrations', { token, body: { dryRun: true } });
  expect(planned).toMatchObject({ status: 201, body: { run: null, plan: { containers: [], upToDate: 4 } } });
  const begun = await app.ask('POST', '/v1/fleet/migrations', { token, body: {} });
  expect(begun).toMatchObject({ status: 201, body: { plan: null } });
  const { id } = (begun.body as { run: { id: string } }).run;
  await expect
    .poll(async () => (await app.ask('GET', `/v1/fleet/migrations/${id}`, { token })).body)
    .toMatchObject({ id, state: 'done', containers: [] });
  const late = await app.ask('POST', `/v1/fleet/migrations/${id}/cancel`, { token });
  expect(late.status).toBe(409);
});

test('a version that there is not, and a tenant without a container of its own, are refused', async () => {
  const bodies = [{ to: 'app/9' }, { tenants: ['nobody-here'] }, { abortAfter: 'many' }];
  for (const body of bodies) {
    const { status } = await app.ask('POST', '/v1/fleet/migrations', { token, body });
    expect(status, JSON.stringify(body)).toBe(400);
  }
});
