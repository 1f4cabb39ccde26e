import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid7, type TenantId } from '../../src/core/ids.ts';
import { deriveEventId, type UsageEvent } from '../../src/billing/ledger/event.ts';
import { UsageStore } from '../../src/billing/ledger/store.ts';
import { monthAt } from '../../src/billing/month.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';
import { describeRegistry, operator } from '../registry/support.ts';
import { openBillingBed, type BillingBed } from './support/bed.ts';

const day = 86_400_000;

function eventOf(tenant: TenantId, fields: Partial<UsageEvent> = {}): UsageEvent {
  const atMs = fields.atMs ?? Date.now();
  return {
    id: newUuid7(atMs),
    tenant,
    actor: { kind: 'key', id: 'k' },
    atMs,
    meter: 'vector.queries',
    amount: 1n,
    model: '',
    rate: 'standard',
    costNanoUsd: 10_000n,
    priceVersion: 1,
    requestId: undefined,
    callId: undefined,
    corrects: undefined,
    ...fields,
  };
}

describeRegistry('the usage ledger', (dialect) => {
  let bed: BillingBed;
  let control: AdminDatabase;
  let usage: UsageStore;
  let acme: TenantId;
  let globex: TenantId;

  beforeAll(async () => {
    bed = await openBillingBed(dialect);
    control = bed.admin;
    usage = new UsageStore(control);
    await usage.maintain(400);
    acme = await bed.tenant();
    globex = await bed.tenant();
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  async function sums(tenant: TenantId, meter: string) {
    const { rows } = await control.query<Record<string, string>>(
      `select (select coalesce(sum(amount), 0) from bulkhead.usage_event where tenant_id = $1 and meter = $2)::text as events,
         (select coalesce(sum(amount), 0) from bulkhead.usage_hour where tenant_id = $1 and meter = $2)::text as hours,
         (select coalesce(sum(amount), 0) from bulkhead.usage_month where tenant_id = $1 and meter = $2)::text as months,
         (select coalesce(sum(cost_nano_usd), 0) from bulkhead.usage_event where tenant_id = $1 and meter = $2)::text as cost,
         (select coalesce(sum(cost_nano_usd), 0) from bulkhead.usage_month where tenant_id = $1 and meter = $2)::text as "monthCost"`,
      [tenant, meter],
    );
    return rows[0];
  }

  test('counts every event once, over replays, duplicates in one batch and concurrent writers', async () => {
    const events = Array.from({ length: 5_000 }, (_, index) =>
      eventOf(index % 3 === 0 ? globex : acme, { meter: 'test.once', amount: BigInt(index) }),
    );
    const results = await Promise.all([
      usage.insert([...events, ...events.slice(0, 700)]),
      usage.insert(events.toReversed()),
      usage.insert(events.slice(1_000, 4_000)),
    ]);
    expect(results.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(5_000);
    expect((await usage.insert(events)).inserted).toBe(0);
    const expected = (of: TenantId): string =>
      events
        .filter(({ tenant }) => tenant === of)
        .reduce((sum, { amount }) => sum + amount, 0n)
        .toString();
    for (const tenant of [acme, globex]) {
      const found = await sums(tenant, 'test.once');
      expect(found).toMatchObject({
        events: expected(tenant),
        hours: expected(tenant),
        months: expected(tenant),
      });
      expect(found?.['cost']).toBe(found?.['monthCost']);
    }
  });

  test('counts a late event in the hour and month it happened in', async () => {
    const atMs = Date.now() - 30 * day;
    await usage.insert([eventOf(acme, { atMs, meter: 'test.late', amount: 7n })]);
    const { rows } = await control.query<{ hour: Date; amount: string }>(
      `select hour, amount::text from bulkhead.usage_hour where meter = 'test.late'`,
    );
    expect(rows).toEqual([{ hour: new Date(atMs - (atMs % 3_600_000)), amount: '7' }]);
    const lines = await bed.billing.lines(monthAt(atMs), acme);
    expect(lines.filter(({ meter }) => meter === 'test.late')).toMatchObject([{ amount: 7n, events: 1 }]);
  });

  test('puts aside and lists what is too old, from the future, of nobody, or too large, and loses none of it', async () => {
    const good = eventOf(acme, { meter: 'test.mixed' });
    const bad = [
      eventOf(acme, { atMs: Date.now() - 3_650 * day, meter: 'test.mixed' }),
      eventOf(acme, { atMs: Date.now() + day, meter: 'test.mixed' }),
      eventOf(newUuid7() as unknown as TenantId, { meter: 'test.mixed' }),
      eventOf(acme, { amount: 2n ** 70n, meter: 'test.mixed' }),
    ];
    expect(await usage.insert([...bad, good])).toEqual({ inserted: 1, aside: 4 });
    expect(await usage.insert([...bad, good])).toEqual({ inserted: 0, aside: 4 });
    const { rows } = await control.query<{ reason: string }>(
      `select id::text, reason, times, event->>'meter' as meter from bulkhead.usage_quarantine where id = any ($1::uuid[])`,
      [bad.map(({ id }) => id)],
    );
    const reasons = ['too_old', 'from_the_future', 'tenant_unknown', 'refused_by_store'];
    expect(rows.toSorted((a, b) => reasons.indexOf(a.reason) - reasons.indexOf(b.reason))).toEqual(
      bad.map(({ id }, index) => ({ id, reason: reasons[index], times: 2, meter: 'test.mixed' })),
    );
    expect(await sums(acme, 'test.mixed')).toMatchObject({ events: '1', hours: '1', months: '1' });
  });

  test('cancels an event by a negative one, once, in the month of the first', async () => {
    const { billing } = bed;
    const { callId } = await billing.logLlmUsage(globex, { model: 'gpt-4o', inputTokens: 1_000 });
    const month = monthAt(Date.now());
    const [line] = await billing.events({ tenant: globex, month, meter: 'llm.input_tokens', limit: 10 });
    expect(line).toMatchObject({ amount: 1_000n, callId, costNanoUsd: 2_500_000n });
    const target = { tenant: globex, event: line?.id ?? '' };
    const ids = await Promise.all([billing.cancel(target, operator), billing.cancel(target, operator)]);
    expect(ids[0]).toBe(ids[1]);
    await billing.cancel(target, operator);
    const lines = await billing.lines(month, globex);
    expect(lines.filter(({ meter }) => meter === 'llm.input_tokens')).toMatchObject([
      { amount: 0n, costNanoUsd: 0n, events: 2, unpricedEvents: 0 },
    ]);
    await expect(billing.cancel({ tenant: acme, event: target.event }, operator)).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(billing.cancel({ tenant: globex, event: ids[0] }, operator)).rejects.toMatchObject({
      code: 'value_invalid',
    });
  });

  test('months are of a year and of the tenant’s time zone, and are counted anew when the zone changes', async () => {
    const { billing } = bed;
    const tenant = await bed.tenant();
    // 05:00 UTC on the first of this month: in Los Angeles the month before still.
    const now = new Date();
    const atMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1, 5);
    const before = atMs - 3 * day;
    await usage.insert([
      eventOf(tenant, { atMs, amount: 3n, costNanoUsd: 3n }),
      eventOf(tenant, { atMs: before, amount: 4n, costNanoUsd: 4n }),
    ]);
    const [thisMonth, last] = [monthAt(atMs), monthAt(before)];
    const costOf = async (month: string): Promise<string> => {
      const [year = 0, number = 0] = month.split('-').map(Number);
      return (await billing.getMonthlyCost(tenant, year, number)).cost;
    };
    expect([await costOf(thisMonth), await costOf(last)]).toEqual(['0.000000003', '0.000000004']);
    await billing.setTimeZone(tenant, 'America/Los_Angeles');
    expect([await costOf(thisMonth), await costOf(last)]).toEqual(['0.00', '0.000000007']);
    await usage.insert([eventOf(tenant, { atMs: atMs + 1, amount: 1n, costNanoUsd: 1n })]);
    expect(await costOf(last)).toBe('0.000000008');
    // The same month of the year before is another month.
    const [year = 0, number = 0] = last.split('-').map(Number);
    expect((await billing.getMonthlyCost(tenant, year - 1, number)).cost).toBe('0.00');
    await expect(billing.setTimeZone(tenant, 'Mars/Olympus')).rejects.toMatchObject({
      code: 'value_invalid',
    });
    await expect(billing.setTimeZone(tenant, "UTC'; drop table x")).rejects.toMatchObject({
      code: 'value_invalid',
    });
  });

  test('retention drops whole partitions, keeps the sums, and touches none that can still be written to', async () => {
    await control.script(`
      create table bulkhead.usage_event_2020_01 (like bulkhead.usage_event including defaults);
      alter table bulkhead.usage_event attach partition bulkhead.usage_event_2020_01
        for values from (bulkhead.usage_bound('2020-01-01Z')) to (bulkhead.usage_bound('2020-02-01Z'))`);
    const partitions = async (): Promise<readonly string[]> => {
      const { rows } = await control.query<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'bulkhead.usage_event'::regclass order by 1`,
      );
      return rows.map(({ name }) => name.replace('bulkhead.', ''));
    };
    const before = await sums(acme, 'test.late');
    expect(await partitions()).toContain('usage_event_2020_01');
    await usage.maintain(70);
    const left = await partitions();
    expect(left).not.toContain('usage_event_2020_01');
    expect(left.length).toBeGreaterThanOrEqual(3);
    expect(await sums(acme, 'test.late')).toEqual(before);
  });

  test('an unknown price is flagged and never 0', async () => {
    const { billing } = bed;
    const usedTokens = { model: 'nobody-knows-this-model', inputTokens: 10, outputTokens: 5 };
    const recorded = await billing.logLlmUsage(acme, usedTokens);
    expect(recorded).toMatchObject({ costNanoUsd: undefined, costUsd: undefined });
    expect(recorded.unpriced).toEqual(['llm.input_tokens', 'llm.output_tokens']);
    const now = new Date();
    const cost = await billing.getMonthlyCost(acme, now.getUTCFullYear(), now.getUTCMonth() + 1);
    expect(cost.unpricedEvents).toBe(2);
    const { rows } = await control.query(
      `select input_tokens::text as input, output_tokens::text as output, cost from bulkhead.tenant_usage where model = $1`,
      [usedTokens.model],
    );
    expect(rows).toEqual([{ input: '10', output: '5', cost: null }]);
  });

  test.each([-1, Number.NaN, 0.5, Number.POSITIVE_INFINITY, 2 ** 60])(
    'an amount of %s is refused',
    async (amount) => {
      const recording = bed.billing.record(acme, { meter: 'vector.queries', amount });
      await expect(recording).rejects.toMatchObject({ code: 'value_invalid' });
    },
  );
});

test('an id that is made of the same parts is the same, and other parts never make it', () => {
  const id = deriveEventId(1_700_000_000_000, ['a', 'bc']);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(deriveEventId(1_700_000_000_000, ['a', 'bc'])).toBe(id);
  expect(deriveEventId(1_700_000_000_000, ['ab', 'c'])).not.toBe(id);
  expect(deriveEventId(1_700_000_000_001, ['a', 'bc'])).not.toBe(id);
});
