import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCloudEvent } from '../../src/billing/ingest/cloud-event.ts';
import type { Sender } from '../../src/billing/ingest/ingest.ts';
import { monthAt } from '../../src/billing/month.ts';
import { newTenantId, type TenantId } from '../../src/core/ids.ts';
import { describeRegistry, operator } from '../registry/support.ts';
import { openBillingBed, type BillingBed } from './support/bed.ts';

const month = monthAt(Date.now());
const day = 86_400_000;

function eventOf(fields: object = {}, data: object = {}) {
  return {
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: '/my/app',
    type: 'bulkhead.usage',
    time: new Date().toISOString(),
    data: { meter: 'reports.made', amount: 1, ...data },
    ...fields,
  };
}

describeRegistry('ingesting a user’s own meters', (dialect) => {
  let bed: BillingBed;
  let acme: TenantId;
  let globex: TenantId;
  let asAcme: Sender;
  const asOperator: Sender = { kind: 'operator', actor: operator };

  beforeAll(async () => {
    bed = await openBillingBed(dialect);
    acme = await bed.tenant();
    globex = await bed.tenant();
    asAcme = { kind: 'tenant', tenant: acme, actor: { kind: 'key', id: 'k' } };
    await bed.billing.meters.put({
      meter: 'reports.made',
      unit: 'report',
      kind: 'counted',
      reporter: 'tenant',
      description: '',
    });
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  const amountOf = async (tenant: TenantId, meter: string): Promise<bigint> =>
    (await bed.billing.lines(month, tenant)).find((line) => line.meter === meter)?.amount ?? 0n;

  test('a batch is counted once over replays, in halves and as a whole, one at a time and all at once', async () => {
    const before = await amountOf(acme, 'reports.made');
    const batch = Array.from({ length: 200 }, () => eventOf({}, { amount: 3 }));
    await Promise.all([
      bed.billing.ingest(asAcme, batch.slice(0, 90)),
      bed.billing.ingest(asAcme, batch),
      bed.billing.ingest(asAcme, batch[7]),
      bed.billing.ingest(asAcme, batch),
    ]);
    expect((await amountOf(acme, 'reports.made')) - before).toBe(600n);
    expect(await amountOf(globex, 'reports.made')).toBe(0n);
  });

  test('the same id of two tenants are two events, so that nobody can take another’s', async () => {
    const event = eventOf({ id: 'guessed' });
    await bed.billing.ingest(asAcme, event);
    const before = await amountOf(globex, 'reports.made');
    await bed.billing.ingest({ ...asAcme, tenant: globex } as Sender, event);
    expect((await amountOf(globex, 'reports.made')) - before).toBe(1n);
  });

  test('a body that names another tenant changes neither bill', async () => {
    const [own, other] = [await amountOf(acme, 'reports.made'), await amountOf(globex, 'reports.made')];
    const receipt = await bed.billing.ingest(asAcme, [
      eventOf({ subject: globex }),
      eventOf({ subject: 'nobody-here' }),
      eventOf({ tenant: globex, tenantid: globex }, { tenant: globex, tenant_id: globex }),
      eventOf({ subject: acme }),
    ]);
    expect(receipt.accepted).toBe(2);
    expect(receipt.quarantined.map(({ index, reason }) => [index, reason])).toEqual([
      [0, 'tenant_conflict'],
      [1, 'tenant_conflict'],
    ]);
    expect(await amountOf(acme, 'reports.made')).toBe(own + 2n);
    expect(await amountOf(globex, 'reports.made')).toBe(other);
  });

  test('what cannot be counted is listed with its reason, and the rest of the batch is counted', async () => {
    const before = await amountOf(acme, 'reports.made');
    const bad = [
      ['malformed', 'text'],
      ['malformed', { ...eventOf(), specversion: '0.3' }],
      ['malformed', eventOf({ source: '' })],
      ['type_unknown', eventOf({ type: 'com.example.other' })],
      ['time_missing', eventOf({ time: null })],
      ['too_old', eventOf({ time: new Date(Date.now() - 3_650 * day).toISOString() })],
      ['from_the_future', eventOf({ time: new Date(Date.now() + day).toISOString() })],
      ['amount_invalid', eventOf({}, { amount: -1 })],
      ['amount_invalid', eventOf({}, { amount: 0.5 })],
      ['amount_invalid', eventOf({}, { amount: 'NaN' })],
      ['amount_invalid', eventOf({}, { amount: '99999999999999999999' })],
      ['meter_unknown', eventOf({}, { meter: 'no.such.meter' })],
      ['meter_not_yours', eventOf({}, { meter: 'llm.input_tokens' })],
      ['meter_not_yours', eventOf({}, { meter: 'requests' })],
      ['malformed', eventOf({ data: { meter: 'x'.repeat(20_000) } })],
    ] as const;
    const sent = [...bad.map(([, event]) => event), eventOf()];
    const receipt = await bed.billing.ingest(asAcme, sent);
    await bed.billing.ingest(asAcme, sent);
    expect(receipt.accepted).toBe(1);
    expect(receipt.quarantined.map(({ reason }) => reason)).toEqual(bad.map(([reason]) => reason));
    expect((await amountOf(acme, 'reports.made')) - before).toBe(1n);
    const listed = await bed.billing.quarantine.list(100);
    for (const { id, reason } of receipt.quarantined)
      expect(listed).toContainEqual(expect.objectContaining({ id, reason, tenant: acme, times: 2 }));
  });

  test('a batch of more than ten thousand is refused as a whole', async () => {
    const batch = Array.from({ length: 10_001 }, () => 0);
    await expect(bed.billing.ingest(asAcme, batch)).rejects.toMatchObject({ code: 'request_invalid' });
  });

  test('an operator sends for the tenant that the subject names, and releases what was kept apart', async () => {
    const meter = 'pages.read';
    const events = [eventOf({ subject: globex }, { meter }), eventOf({ subject: newTenantId() }, { meter })];
    const { quarantined } = await bed.billing.ingest(asOperator, events);
    expect(quarantined.map(({ reason }) => reason)).toEqual(['meter_unknown', 'tenant_unknown']);
    const [first, second] = quarantined.map(({ id }) => id);
    await expect(bed.billing.release(first ?? '', operator)).rejects.toMatchObject({ code: 'value_invalid' });
    await bed.billing.meters.put({
      meter,
      unit: 'page',
      kind: 'counted',
      reporter: 'operator',
      description: '',
    });
    await bed.billing.release(first ?? '', operator);
    await expect(bed.billing.release(first ?? '', operator)).rejects.toMatchObject({ code: 'not_found' });
    // Sent again after the release, it is still the same event.
    await bed.billing.ingest(asOperator, events[0]);
    expect(await amountOf(globex, meter)).toBe(1n);
    await bed.billing.quarantine.remove(second ?? '', 'discarded', operator);
    expect((await bed.billing.quarantine.list(100)).map(({ id }) => id)).not.toContain(second);
  });

  test('a meter keeps its unit', async () => {
    const put = (unit: string) =>
      bed.billing.meters.put({ meter: 'requests', unit, kind: 'counted', reporter: 'node', description: '' });
    await expect(put('cow')).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('an event', () => {
  test('needs what the schema of CloudEvents needs, and is read as the schema’s examples are', async () => {
    const file = join(import.meta.dirname, 'fixtures/cloudevents.schema.json');
    const schema = JSON.parse(await readFile(file, 'utf8')) as {
      required: readonly string[];
      properties: Readonly<Record<string, { examples: readonly unknown[] }>>;
    };
    expect(schema.required.toSorted()).toEqual(['id', 'source', 'specversion', 'type']);
    for (const name of schema.required) {
      expect(readCloudEvent(eventOf({ [name]: undefined }))).toMatchObject({ kind: 'refused' });
      expect(readCloudEvent(eventOf({ [name]: '' }))).toMatchObject({ kind: 'refused' });
    }
    for (const name of ['id', 'source', 'subject', 'time', 'datacontenttype', 'dataschema'])
      for (const example of schema.properties[name]?.examples ?? [])
        expect(readCloudEvent(eventOf({ [name]: example })), `${name} ${String(example)}`).toMatchObject({
          kind: 'read',
        });
  });
});
