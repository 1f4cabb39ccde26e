import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lossMakers } from '../../src/billing/cost/report.ts';
import { toFocusCsv, type FocusRow } from '../../src/billing/focus.ts';
import { toInvoiceCsv, toInvoiceHtml } from '../../src/billing/invoice/render.ts';
import { monthAt, readMonth } from '../../src/billing/month.ts';
import { parseUnitPrice } from '../../src/billing/prices/unit-price.ts';
import { newUuid7, type TenantId } from '../../src/core/ids.ts';
import { parseUsd, toUsd } from '../../src/core/money.ts';
import { describeRegistry, operator } from '../registry/support.ts';
import { openBillingBed, type BillingBed } from './support/bed.ts';

const month = monthAt(Date.now());
const even = { basis: 'even' } as const;

describeRegistry('cost', (dialect) => {
  let bed: BillingBed;
  let small: TenantId;
  let large: TenantId;
  beforeAll(async () => {
    bed = await openBillingBed(dialect);
    small = await bed.tenant('free');
    large = await bed.tenant('pro');
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test('of questions is what was published for them, to the last digit', async () => {
    const questions = [
      [500, 1_000, '0.00206'],
      [300, 800, '0.00164'],
      [1_000, 2_000, '0.00411'],
      [800, 1_500, '0.00309'],
    ] as const;
    for (const [embed, llm, cost] of questions)
      expect((await bed.billing.trackQueryCost(small, embed, llm)).costUsd).toBe(cost);
  });

  test('a call is counted once, however often it is logged', async () => {
    const callId = newUuid7();
    const usage = {
      model: 'openai/gpt-4o',
      inputTokens: 1_000,
      cachedTokens: 500,
      outputTokens: 100,
      callId,
    };
    const costs = [];
    for (let round = 0; round < 3; round += 1)
      costs.push((await bed.billing.logLlmUsage(large, usage)).costUsd);
    // 1000 × 2.5 + 500 × 1.25 + 100 × 10 millionths of a dollar.
    expect(costs).toEqual(['0.004125', '0.004125', '0.004125']);
    await bed.billing.ledger.flush();
    const { rows } = await bed.admin.query(
      `select input_tokens::text as input, output_tokens::text as output, trim_scale(cost)::text as cost
       from bulkhead.tenant_usage where tenant_id = $1`,
      [large],
    );
    expect(rows).toEqual([{ input: '1500', output: '100', cost: '0.004125' }]);
  });

  test('long contexts and tiers of service have prices of their own; one that is not there is flagged', async () => {
    const book = await bed.billing.prices.book();
    const table = book.at('cost', Date.now());
    const rate = (tokens: number, tier?: string) =>
      table?.find({
        meter: 'llm.input_tokens',
        model: 'claude-4-sonnet-20250514',
        contextTokens: tokens,
        tier,
      });
    expect(rate(200_000)).toEqual({ rate: 'standard', usdPerUnit: parseUnitPrice('3e-6') });
    expect(rate(200_001)).toEqual({ rate: 'above_200k', usdPerUnit: parseUnitPrice('6e-6') });
    expect(rate(1, 'priority')).toEqual({ rate: 'priority', usdPerUnit: undefined });
    expect(table?.size).toBeGreaterThan(800);
  });

  test('fixed cost is shared by any basis, with the idle line, and sums exactly', async () => {
    for (const [name, amount] of [
      ['index', '50'],
      ['postgres', '30'],
      ['load balancer and monitoring', '35'],
    ] as const)
      await bed.billing.putFixedCost(
        {
          name,
          firstMonth: readMonth('2026-01'),
          lastMonth: undefined,
          monthNanoUsd: parseUsd(amount) ?? 0n,
        },
        operator,
      );
    const given = new Map([
      [small, 30n],
      [large, 70n],
    ]);
    const weighted = await bed.billing.costs.report(month, { basis: 'weighted', given });
    expect(weighted.tenants.map(({ fixedNanoUsd }) => toUsd(fixedNanoUsd))).toEqual(['34.50', '80.50']);
    for (const basis of ['proportional', 'even', 'usage', 'storage', 'weighted'] as const) {
      const report = await bed.billing.costs.report(month, { basis, given, idlePercent: 12.34 });
      const parts = report.tenants.reduce((sum, { totalNanoUsd }) => sum + totalNanoUsd, 0n);
      expect(parts + report.idleNanoUsd, basis).toBe(report.totalNanoUsd);
      expect(report.fixedNanoUsd, basis).toBe(parseUsd('115'));
    }
    const agreed = new Map([[large, parseUsd('100') ?? 0n]]);
    const fixed = await bed.billing.costs.report(month, { basis: 'fixed', given: agreed });
    expect(toUsd(fixed.idleNanoUsd)).toBe('15.00');
    expect(await bed.billing.fixedCosts(readMonth('2025-12'))).toEqual([]);
  });

  test('of one tenant is summed up under the names that were published', async () => {
    expect(await bed.billing.getTenantCostSummary(small, month, even)).toEqual({
      variable_cost: '0.0109',
      fixed_cost: '57.50',
      total_cost: '57.5109',
      query_count: 4,
    });
  });

  test('margin is price less cost; those below nothing are listed, the worst first', async () => {
    const report = await bed.billing.costs.report(month, even);
    const losers = lossMakers(report);
    expect(losers.map(({ tenant, marginNanoUsd }) => [tenant, toUsd(marginNanoUsd)])).toEqual([
      [small, '-57.5109'],
      [large, '-8.504125'],
    ]);
  });

  test('what if the plan, the price list or the isolation were another', async () => {
    const ask = (change: object) => bed.billing.costs.whatIf(month, even, { tenant: large, ...change });
    const plan = await ask({ plan: 'enterprise' });
    expect(toUsd(plan.marginDifferenceNanoUsd)).toBe('450.00');
    const isolation = await ask({ isolation: 'database' });
    // Two tenants: 15 dollars for a database against 7 for a namespace.
    expect(toUsd(isolation.marginDifferenceNanoUsd)).toBe('-8.00');
    await expect(ask({ priceVersion: 999 })).rejects.toMatchObject({ code: 'not_found' });
    await expect(ask({ plan: 'none' })).rejects.toMatchObject({ code: 'plan_unknown' });
  });

  test('a month under another version is rated anew event by event, and the difference is shown', async () => {
    const prices = [
      {
        meter: 'llm.input_tokens',
        model: 'gpt-4o',
        rate: 'standard',
        usdPerUnit: parseUnitPrice('5e-6') ?? 0n,
      },
      {
        meter: 'llm.output_tokens',
        model: 'gpt-4o',
        rate: 'standard',
        usdPerUnit: parseUnitPrice('1e-5') ?? 0n,
      },
      { meter: 'llm.input_tokens', model: 'new-model', rate: 'standard', usdPerUnit: 10n ** 15n },
    ];
    const validFrom = new Date('2001-01-01T00:00:00Z');
    const validUntil = new Date('2001-02-01T00:00:00Z');
    const imported = { list: 'cost', name: 'other', source: '', validFrom, validUntil, prices } as const;
    const { version } = await bed.billing.prices.add(imported, operator);
    const lines = await bed.billing.rerate({ month, version, tenant: large });
    const shown = lines.map(({ meter, beforeNanoUsd, afterNanoUsd, unpricedEvents }) => [
      meter,
      toUsd(beforeNanoUsd),
      toUsd(afterNanoUsd),
      unpricedEvents,
    ]);
    expect(shown).toEqual([
      ['llm.cached_tokens', '0.00', '0.00', 1],
      ['llm.input_tokens', '0.0025', '0.005', 0],
      ['llm.output_tokens', '0.001', '0.001', 0],
    ]);
    // In the gap after it no price is known, and the version before does not come back.
    const book = await bed.billing.prices.book();
    expect(book.at('cost', Date.parse('2001-01-31T23:59:59Z'))?.version.version).toBe(version);
    expect(book.at('cost', Date.parse('2001-03-01T00:00:00Z'))).toBeUndefined();
    await expect(bed.billing.prices.add(imported, operator)).rejects.toMatchObject({ code: 'conflict' });

    const tenant = await bed.tenant('pro');
    await bed.billing.logLlmUsage(tenant, { model: 'new-model', inputTokens: 7 });
    expect(await bed.billing.lines(month, tenant)).toMatchObject([{ costNanoUsd: 0n, unpricedEvents: 1 }]);
    const query = { month, version, tenant };
    expect([await bed.billing.settleUnpriced(query), await bed.billing.settleUnpriced(query)]).toEqual([
      1, 0,
    ]);
    expect(await bed.billing.lines(month, tenant)).toMatchObject([
      { costNanoUsd: 7_000n, unpricedEvents: 0, unpricedAmount: 0n },
    ]);
    const { rows } = await bed.admin.query(
      `select sum(cost_nano_usd)::text as cost, sum(unpriced_events)::text as unpriced from bulkhead.usage_hour where tenant_id = $1`,
      [tenant],
    );
    expect(rows).toEqual([{ cost: '7000', unpriced: '0' }]);
    // From here on events of today have a price again.
    await bed.billing.prices.add(
      { ...imported, name: 'now', validFrom: new Date('2001-02-01T00:00:00Z'), validUntil: undefined },
      operator,
    );
  });

  test('an invoice has a line for the plan and one for each meter, and each is the sum of its events', async () => {
    const sale = [
      { meter: 'llm.output_tokens', model: '', rate: 'standard', usdPerUnit: parseUnitPrice('2e-5') ?? 0n },
      { meter: 'llm.cached_tokens', model: 'else', rate: 'standard', usdPerUnit: 1n },
    ];
    const before = await bed.billing.costs.invoice(large, month);
    expect(before.lines.map(({ kind }) => kind)).toEqual(['plan', 'included', 'included', 'included']);
    expect([before.dueCents, before.state]).toEqual([4_900n, 'draft']);
    const validFrom = new Date('2000-01-01T00:00:00Z');
    const list = { list: 'sale', name: 'sale', source: '', validFrom, validUntil: undefined } as const;
    await bed.billing.prices.add({ ...list, prices: sale }, operator);
    const invoice = await bed.billing.costs.invoice(large, month);
    expect(invoice.lines.map(({ kind, meter, amountNanoUsd }) => [kind, meter, amountNanoUsd])).toEqual([
      ['plan', '', 49_000_000_000n],
      // On the list, and not for this model: never 0, and the invoice is no final one.
      ['unpriced', 'llm.cached_tokens', undefined],
      ['included', 'llm.input_tokens', 0n],
      ['sold', 'llm.output_tokens', 2_000_000n],
    ]);
    expect([toUsd(invoice.totalNanoUsd), invoice.dueCents]).toEqual(['49.002', 4_900n]);
    for (const { meter, model, quantity, events } of invoice.lines.slice(1)) {
      const found = await bed.billing.events({ tenant: large, month, meter, model, limit: 100 });
      expect(found.length).toBe(events);
      expect(found.reduce((sum, { amount }) => sum + amount, 0n)).toBe(quantity);
    }
    const html = toInvoiceHtml({
      ...invoice,
      tenant: { ...invoice.tenant, name: '<script>alert(1)</script>' },
    });
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/(?:src|href)=/);
    expect(html).toContain('49.00');
    const formula = { ...invoice, number: '=cmd()', lines: invoice.lines.slice(0, 1) };
    expect(toInvoiceCsv(formula).split('\r\n')[1]).toMatch(/^'=cmd\(\),/);
  });

  test('the FOCUS export has every mandatory column, only allowed values, and sums to the cost', async () => {
    const file = join(import.meta.dirname, 'fixtures/focus-columns.json');
    const spec = JSON.parse(await readFile(file, 'utf8')) as { columns: readonly FocusColumn[] };
    const rule = { basis: 'proportional', idlePercent: 10 } as const;
    const rows = await bed.billing.costs.focus(month, rule, 'Example Ltd');
    const report = await bed.billing.costs.report(month, rule);
    expect(rows.length).toBeGreaterThan(6);
    const total = rows.reduce((sum, { BilledCost = '' }) => sum + (parseUsd(BilledCost) ?? 0n), 0n);
    expect(total).toBe(report.totalNanoUsd);
    const header = toFocusCsv(rows).split('\r\n')[0]?.split(',') ?? [];
    const mandatory = spec.columns.filter(({ feature_level }) => feature_level === 'Mandatory');
    expect(mandatory.length).toBeGreaterThan(20);
    expect(mandatory.map(({ id }) => id).filter((id) => !header.includes(id))).toEqual([]);
    const known = new Map(spec.columns.map((column) => [column.id, column]));
    expect(header.filter((name) => !known.has(name))).toEqual([]);
    expect(
      rows.flatMap((row) =>
        header.flatMap((name) => problemOf(known.get(name), row[name as keyof FocusRow])),
      ),
    ).toEqual([]);
  });
});

interface FocusColumn {
  readonly id: string;
  readonly feature_level: string;
  readonly allows_nulls: string;
  readonly data_type: string;
  readonly allowed_values?: readonly string[];
}

function problemOf(column: FocusColumn | undefined, value: string | undefined): readonly string[] {
  if (column === undefined) return ['unknown'];
  const { id, allows_nulls, data_type, allowed_values } = column;
  if (value === undefined) return allows_nulls === 'True' ? [] : [`${id} is empty`];
  if (allowed_values !== undefined && !allowed_values.includes(value)) return [`${id}: ${value}`];
  const patterns: Readonly<Record<string, RegExp>> = {
    Decimal: /^-?\d+(?:\.\d+)?$/,
    'Date/Time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
    JSON: /^\{.*\}$/,
  };
  const pattern = id === 'BillingCurrency' ? /^[A-Z]{3}$/ : patterns[data_type];
  return pattern?.test(value) === false ? [`${id}: ${value}`] : [];
}
