import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openTestServer, type TestServer, type TestTenant } from './support/server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;
beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme');
  globex = await app.tenant('globex');
});
afterAll(() => app[Symbol.asyncDispose]());

interface Found {
  readonly results: readonly { readonly externalId: string; readonly chunk: number; readonly text: string }[];
  readonly container: string;
  readonly isolation: string;
}

const put = (tenant: TestTenant, id: string, body: unknown) =>
  app.ask('PUT', `/v1/documents/${id}`, { token: tenant.key, body });
const search = async (tenant: TestTenant, query: string, more: object = {}): Promise<Found> => {
  const answer = await app.ask('POST', '/v1/search', { token: tenant.key, body: { query, ...more } });
  expect(answer.status, answer.text).toBe(200);
  return answer.body as Found;
};
const idsOf = ({ results }: Found): readonly string[] => [
  ...new Set(results.map(({ externalId }) => externalId)),
];

test('a document that is put is found by its tenant, and by nobody else', async () => {
  const first = await put(acme, 'policy-1', {
    title: 'Travel policy',
    content:
      '# Trains\n\nEmployees travel by train where it takes less than five hours.\n\n# Hotels\n\nUp to 140 euros.',
    metadata: { area: 'people' },
  });
  expect(first.body).toMatchObject({ externalId: 'policy-1', outcome: 'indexed', removed: 0 });
  const found = await search(acme, 'How many hours may a train journey take?');
  expect(found.results[0]?.externalId).toBe('policy-1');
  expect(found.results[0]?.text).toContain('five hours');
  expect(found).toMatchObject({
    isolation: 'shared',
    container: expect.stringContaining(':vectors/shared/'),
  });
  expect(idsOf(await search(globex, 'How many hours may a train journey take?'))).toEqual([]);
  expect(idsOf(await search(acme, 'train', { filter: { area: 'it' } }))).toEqual([]);
  const { document } = first.body as { document: string };
  const row = await app.ask('GET', `/v1/documents/${document}`, { token: acme.key });
  expect(row.body).toMatchObject({ externalId: 'policy-1', title: 'Travel policy' });
});

test('put again unchanged it costs nothing; changed, the old text is not found any more', async () => {
  const body = { title: 'Menu', content: 'On Mondays the canteen serves lentil soup.' };
  await put(acme, 'menu', body);
  expect((await put(acme, 'menu', body)).body).toMatchObject({ outcome: 'unchanged', embedded: 0 });
  await put(acme, 'menu', { ...body, content: 'On Mondays the canteen serves pumpkin risotto.' });
  expect(idsOf(await search(acme, 'lentil soup', { mode: 'text' }))).toEqual([]);
  expect(idsOf(await search(acme, 'pumpkin risotto'))).toContain('menu');
});

test('changing and deleting its row reaches what is found', async () => {
  const made = await put(acme, 'rules', {
    title: 'Rules',
    content: 'Bicycles are kept in the northern yard.',
  });
  const { document } = made.body as { document: string };
  await app.ask('PATCH', `/v1/documents/${document}`, {
    token: acme.key,
    body: { content: 'Scooters are kept in the southern yard.' },
  });
  expect(idsOf(await search(acme, 'bicycles', { mode: 'text' }))).toEqual([]);
  expect(idsOf(await search(acme, 'scooters', { mode: 'text' }))).toEqual(['rules']);
  expect((await app.ask('DELETE', `/v1/documents/${document}`, { token: acme.key })).status).toBe(204);
  expect(idsOf(await search(acme, 'scooters', { mode: 'text' }))).toEqual([]);
  expect((await app.ask('DELETE', `/v1/documents/${document}`, { token: acme.key })).status).toBe(404);
});

test('a file is read by what it is; one that cannot be is refused and leaves nothing', async () => {
  const html =
    '<html><head><title>Garage</title></head><body><p>Electric cars charge on level two.</p></body></html>';
  const sent = await app.ask('PUT', '/v1/documents/garage/file', {
    token: acme.key,
    body: html,
    headers: { 'content-type': 'text/html' },
  });
  expect(sent.status, sent.text).toBe(200);
  expect((await search(acme, 'Where do electric cars charge?')).results[0]).toMatchObject({
    externalId: 'garage',
  });
  const broken = await app.ask('PUT', '/v1/documents/broken/file', {
    token: acme.key,
    body: '%PDF-1.7 nothing of a PDF',
    headers: { 'content-type': 'application/pdf' },
  });
  expect(broken.status).toBe(422);
  expect(idsOf(await search(acme, 'nothing of a PDF', { mode: 'text' }))).not.toContain('broken');
});

test('an answer cites the tenant’s passages, also as events', async () => {
  const whole = await app.ask('POST', '/v1/ask', {
    token: acme.key,
    body: { query: 'Where do electric cars charge?' },
  });
  expect(whole.body).toMatchObject({ answeredBy: 'passages', answer: expect.stringContaining('level two') });
  const response = await fetch(`${app.url}/v1/ask/stream`, {
    method: 'POST',
    headers: { authorization: `Bearer ${acme.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'Where do electric cars charge?' }),
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const events = (await response.text()).split('\n\n').filter((event) => event !== '');
  expect(events.map((event) => event.split('\n')[0])).toEqual([
    'event: sources',
    'event: text',
    'event: end',
  ]);
});

test('bad input is named', async () => {
  const cases: readonly [string, string, unknown][] = [
    ['POST', '/v1/search', {}],
    ['POST', '/v1/search', { query: '', mode: 'text' }],
    ['POST', '/v1/search', { query: 'x', mode: 'magic' }],
    ['POST', '/v1/search', { query: 'x', limit: 1_000 }],
    ['POST', '/v1/search', { query: 'x', filter: { a: { near: 1 } } }],
    ['POST', '/v1/ask', { query: 'x', passages: 0 }],
    ['PUT', '/v1/documents/x', { title: 't' }],
    ['PUT', '/v1/documents/x', { title: 't', content: 'c', metadata: { tenant_id: globex.id } }],
  ];
  for (const [method, path, body] of cases) {
    const answer = await app.ask(method, path, { token: acme.key, body });
    expect(answer.status, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`).toBe(400);
  }
});
