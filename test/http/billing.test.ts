import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { monthAt } from '../../src/billing/month.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { openTestServer, operatorToken } from './support/server.ts';
import type { TestServer, TestTenant } from './support/server.ts';

const month = monthAt(Date.now());
let app: TestServer;
let acme: TestTenant;
let globex: TestTenant;

beforeAll(async () => {
  app = await openTestServer();
  acme = await app.tenant('acme', { plan: 'pro' });
  globex = await app.tenant('globex');
  const id = parseTenantId(acme.id);
  if (id === undefined) throw new Error('not an id');
  await app.node.billing.logLlmUsage(id, { model: 'gpt-4o', inputTokens: 1_000, outputTokens: 10 });
  await app.node.billing.trackQueryCost(id, 500, 1_000);
});
afterAll(() => app[Symbol.asyncDispose]());

function eventOf(fields: object = {}, data: object = {}) {
  return {
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: '/app',
    type: 'bulkhead.usage',
    time: new Date().toISOString(),
    data: { meter: 'reports.made', amount: 2, ...data },
    ...fields,
  };
}

describe('usage over HTTP', () => {
  test('a tenant sees its own, to the event, and the operator sees the same', async () => {
    const own = await app.ask('GET', `/v1/me/usage?month=${month}`, { token: acme.key });
    const seen = await app.operator('GET', `/v1/tenants/acme/usage?month=${month}`);
    const linesOf = (body: unknown) =>
      (body as { lines: { meter: string; amount: string }[] }).lines.filter(({ meter }) =>
        /^(?:llm|vector)/.test(meter),
      );
    expect(linesOf(own.body)).toEqual(linesOf(seen.body));
    expect(seen.body).toMatchObject({ timeZone: 'UTC', costUsd: '0.00466', unpricedEvents: 0 });
    const events = await app.ask('GET', `/v1/me/usage/events?meter=llm.input_tokens`, { token: acme.key });
    expect(events.body).toMatchObject({ items: [{ amount: '1000', costUsd: '0.0025' }], nextCursor: null });
    const theirs = await app.ask('GET', '/v1/me/usage/events?meter=llm.input_tokens', { token: globex.key });
    expect(theirs.body).toEqual({ items: [], nextCursor: null });
    expect((await app.operator('GET', '/v1/tenants/nobody-here/usage')).status).toBe(404);
    expect((await app.operator('GET', '/v1/usage?month=2026-13')).status).toBe(400);
  });

  test('events page by page are all of them, once', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    do {
      const path: string = `/v1/tenants/acme/usage/events?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { body } = await app.operator('GET', path);
      const page = body as { items: { id: string }[]; nextCursor: string | null };
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen.length).toBeGreaterThanOrEqual(5);
    expect(new Set(seen).size).toBe(seen.length);
    expect((await app.operator('GET', '/v1/tenants/acme/usage/events?cursor=x')).status).toBe(400);
  });

  test('a key reports its own meters, by the names CloudEvents give their JSON, and pays itself', async () => {
    const put = await app.operator('PUT', '/v1/meters/reports.made', {
      unit: 'report',
      kind: 'counted',
      reporter: 'tenant',
    });
    expect(put.status, put.text).toBe(200);
    const event = eventOf();
    const batch = [event, eventOf({ subject: globex.id }), eventOf({}, { amount: -5 })];
    for (const [type, body] of [
      ['application/cloudevents+json', event],
      ['application/cloudevents-batch+json', batch],
      ['application/json', batch],
    ] as const) {
      const answer = await app.ask('POST', '/v1/me/usage/events', {
        token: acme.key,
        headers: { 'content-type': type },
        body: JSON.stringify(body),
      });
      expect(answer.status, answer.text).toBe(200);
    }
    const { body } = await app.operator('GET', '/v1/tenants/acme/usage');
    const { lines } = body as { lines: { meter: string; amount: string }[] };
    expect(lines.find(({ meter }) => meter === 'reports.made')).toMatchObject({ amount: '2' });
    expect((await app.operator('GET', '/v1/tenants/globex/usage')).text).not.toContain('reports.made');
    const apart = await app.operator('GET', '/v1/usage/quarantine');
    const { items } = apart.body as { items: { id: string; reason: string; times: number }[] };
    expect(new Set(items.map(({ reason, times }) => `${reason} ${times}`))).toEqual(
      new Set(['amount_invalid 2', 'tenant_conflict 2']),
    );
    const [first] = items;
    expect((await app.operator('DELETE', `/v1/usage/quarantine/${first?.id}`)).status).toBe(204);
    expect((await app.operator('DELETE', `/v1/usage/quarantine/${first?.id}`)).status).toBe(404);
  });

  test('half a batch, a huge one and one that is no JSON are refused, and nothing of them is counted', async () => {
    const before = await app.operator('GET', '/v1/tenants/acme/usage');
    const send = (body: string) => app.ask('POST', '/v1/me/usage/events', { token: globex.key, body });
    expect((await send(JSON.stringify([eventOf(), eventOf()]).slice(0, -20))).status).toBe(400);
    expect((await send(JSON.stringify(Array.from({ length: 60_000 }, () => eventOf())))).status).toBe(413);
    const { lines } = before.body as { lines: unknown[] };
    expect((await app.operator('GET', '/v1/tenants/globex/usage')).text).not.toContain('reports.made');
    expect(lines.length).toBeGreaterThan(0);
  });

  test('what this program counts itself nobody else may claim as a meter', async () => {
    const body = { unit: 'request', kind: 'counted', reporter: 'tenant' };
    expect((await app.operator('PUT', '/v1/meters/requests', body)).status).toBe(409);
  });

  test('an event is cancelled once', async () => {
    const found = await app.operator('GET', '/v1/tenants/acme/usage/events?meter=llm.output_tokens');
    const [event] = (found.body as { items: { id: string }[] }).items;
    const path = `/v1/tenants/acme/usage/events/${event?.id}/cancel`;
    const [first, second] = [await app.operator('POST', path), await app.operator('POST', path)];
    expect(first.body).toEqual(second.body);
    const foreign = await app.operator('POST', path.replace('acme', 'globex'));
    expect(foreign.status).toBe(404);
    const after = await app.operator('GET', '/v1/tenants/acme/usage');
    const { lines } = after.body as { lines: { meter: string; amount: string; costUsd: string }[] };
    expect(lines.find(({ meter }) => meter === 'llm.output_tokens')).toMatchObject({
      amount: '0',
      costUsd: '0.00',
    });
  });
});

describe('cost over HTTP', () => {
  test('as JSON, CSV and FOCUS, with the same total', async () => {
    await app.operator('POST', '/v1/costs/fixed', { name: 'all', firstMonth: '2026-01', monthUsd: '115' });
    const path = `/v1/costs?month=${month}&basis=weighted&weights=acme:30,globex:70`;
    const json = await app.operator('GET', path);
    const { tenants, totalUsd } = json.body as {
      tenants: { slug: string; fixedUsd: string }[];
      totalUsd: string;
    };
    expect(tenants.map(({ slug, fixedUsd }) => [slug, fixedUsd])).toEqual([
      ['acme', '34.50'],
      ['globex', '80.50'],
    ]);
    expect(json.body).toMatchObject({ idleUsd: '0.00', lossMakers: ['globex'] });
    const csv = await app.operator('GET', `${path}&format=csv`);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const focus = await app.operator('GET', `${path}&format=focus`);
    const rows = focus.text.trim().split('\r\n').slice(1);
    const billed = rows.reduce((sum, row) => sum + Number(row.split(',')[0]), 0);
    expect(billed).toBeCloseTo(Number(totalUsd), 9);
    expect((await app.operator('GET', '/v1/costs?basis=weighted&weights=acme:x')).status).toBe(400);
    expect((await app.operator('GET', '/v1/costs?basis=weighted&weights=nobody-here:1')).status).toBe(404);
  });

  test('a provider’s invoice is compared, and the difference explained', async () => {
    const answer = await app.operator('POST', '/v1/costs/reconcile', {
      month,
      lines: [{ meter: 'llm.input_tokens', model: 'gpt-4o', amount: '1000', usd: '0.0026' }],
    });
    const { lines } = answer.body as { lines: { meter: string; because: string[] }[] };
    expect(lines.find(({ meter }) => meter === 'llm.input_tokens')?.because).toEqual([
      '0.0001 USD: the price is another than in the price list',
    ]);
  });

  test('prices are imported as a version, seen, and used for what if', async () => {
    const added = await app.operator('POST', '/v1/prices', {
      name: 'dearer',
      validFrom: '2001-01-01T00:00:00Z',
      validUntil: '2001-01-02T00:00:00Z',
      prices: [{ meter: 'llm.input_tokens', model: 'gpt-4o', usdPerUnit: '0.000005000001' }],
    });
    expect(added.status, added.text).toBe(201);
    const { version } = added.body as { version: number };
    expect((await app.operator('GET', `/v1/prices/${version}`)).body).toMatchObject({
      prices: [{ usdPerUnit: '0.000005000001', rate: 'standard' }],
    });
    const rerated = await app.operator('GET', `/v1/prices/${version}/rerate?tenant=acme`);
    expect(rerated.body).toMatchObject({ beforeUsd: '0.0025', afterUsd: '0.005000001' });
    const whatIf = await app.operator('GET', `/v1/tenants/acme/what-if?plan=enterprise&basis=even`);
    expect(whatIf.body).toMatchObject({ marginDifferenceUsd: '450.00' });
    expect((await app.operator('GET', '/v1/prices/abc')).status).toBe(404);
    for (const usdPerUnit of ['-1', 'NaN', '1e-30', ''])
      expect(
        (
          await app.operator('POST', '/v1/prices', {
            name: 'x',
            validFrom: '2002-01-01T00:00:00Z',
            prices: [{ meter: 'llm.tokens', usdPerUnit }],
          })
        ).status,
      ).toBe(400);
    expect((await app.operator('POST', `/v1/prices/${version}/settle`, { month })).body).toEqual({
      settled: 0,
    });
  });

  test('an invoice comes as JSON, as a page and as CSV, for its tenant and the operator alone', async () => {
    const json = await app.ask('GET', '/v1/me/invoice', { token: acme.key });
    expect(json.body).toMatchObject({ number: `${month}-acme`, dueUsd: '49.00', state: 'draft' });
    const page = await app.operator('GET', '/v1/tenants/acme/invoice?format=html');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.text).toContain('Amount due');
    expect((await app.ask('GET', '/v1/me/invoice?format=csv', { token: acme.key })).text).toContain('plan');
    expect((await app.ask('GET', '/v1/me/invoice', { token: globex.key })).text).not.toContain('acme');
  });

  test('months are of the tenant’s time zone', async () => {
    const set = await app.operator('PUT', '/v1/tenants/acme/billing', { timeZone: 'Asia/Kathmandu' });
    expect(set.body).toEqual({ timeZone: 'Asia/Kathmandu' });
    expect((await app.operator('GET', '/v1/tenants/acme/usage')).body).toMatchObject({
      timeZone: 'Asia/Kathmandu',
    });
    expect((await app.operator('PUT', '/v1/tenants/acme/billing', { timeZone: 'CET6' })).status).toBe(400);
  });
});

test('advice is given with reasons, and as a record', async () => {
  const path = '/v1/advice?tenants=100&regimes=hipaa&regulatedTenants=10';
  const { body } = await app.operator('GET', path);
  expect(body).toMatchObject({ option: 'hybrid', scores: { shared: 9, schema: 6, database: 4, hybrid: 7 } });
  const own = await app.operator('GET', `${path}&costs=namespace%3D10:10`);
  expect((own.body as { costs: unknown[] }).costs[0]).toMatchObject({ totalUsd: '10.00', eachUsd: '1.00' });
  const record = await app.operator('GET', `${path}&format=markdown`);
  expect(record.text).toContain('## Consequences');
  for (const wrong of ['regimes=moon', 'costs=x', 'tenants=0'])
    expect((await app.operator('GET', `/v1/advice?tenants=1&${wrong}`)).status).toBe(400);
});

test('the client returns text where it asked for text', async () => {
  const client = createClient({ url: app.url, token: operatorToken });
  const params = { tenant: 'acme' };
  const html = await client.call('getInvoice', { params, query: { format: 'html' }, body: undefined });
  expect(html).toContain('<!doctype html>');
  const json = await client.call('getInvoice', { params, query: {}, body: undefined });
  expect(json).toMatchObject({ currency: 'USD' });
});
