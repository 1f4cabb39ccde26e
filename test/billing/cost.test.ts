import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate, allocateFixed, divide } from '../../src/billing/cost/allocate.ts';
import { reconcile } from '../../src/billing/cost/reconcile.ts';
import { parseUnitPrice, toCost, toUnitUsd } from '../../src/billing/prices/unit-price.ts';
import type { UsageLine } from '../../src/billing/usage-reads.ts';
import { newTenantId } from '../../src/core/ids.ts';
import { parseUsd, toUsd } from '../../src/core/money.ts';

const usd = (text: string): bigint => parseUsd(text) ?? -1n;

describe('dividing money', () => {
  test('115 dollars by 30 to 70 are 34.50 and 80.50', () => {
    const { shares, idleNanoUsd } = allocate(
      usd('115'),
      new Map([
        ['a', 30n],
        ['b', 70n],
      ]),
    );
    expect([...shares.values()].map(toUsd)).toEqual(['34.50', '80.50']);
    expect(idleNanoUsd).toBe(0n);
  });

  test('parts always sum to the whole, and none is a nano-dollar further off than rounding', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
        fc.array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1, maxLength: 40 }),
        (total, weights) => {
          const sum = weights.reduce((all, weight) => all + weight, 0n);
          fc.pre(sum > 0n);
          const parts = divide(total, weights);
          expect(parts.reduce((all, part) => all + part, 0n)).toBe(total);
          for (const [index, part] of parts.entries()) {
            const off = part * sum - total * (weights[index] ?? 0n);
            expect(off < 0n ? -off : off).toBeLessThan(sum);
          }
        },
      ),
    );
  });

  test('a third each of a cent leaves no nano-dollar over', () => {
    expect(divide(10_000_000n, [1n, 1n, 1n])).toEqual([3_333_334n, 3_333_333n, 3_333_333n]);
  });

  test('what nobody used is a line of its own, and what no weight can divide is idle', () => {
    const even = new Map([
      ['a', 1n],
      ['b', 1n],
    ]);
    const { shares, idleNanoUsd } = allocate(usd('100'), even, 2_500);
    expect([idleNanoUsd, ...shares.values()].map(toUsd)).toEqual(['25.00', '37.50', '37.50']);
    expect(allocate(usd('100'), new Map([['a', 0n]])).idleNanoUsd).toBe(usd('100'));
    expect(allocateFixed(usd('100'), new Map([['a', usd('30')]])).idleNanoUsd).toBe(usd('70'));
  });

  test.each([
    ['a negative weight', () => allocate(1n, new Map([['a', -1n]]))],
    ['more than there is', () => allocateFixed(1n, new Map([['a', 2n]]))],
    ['more than 100 % idle', () => allocate(1n, new Map([['a', 1n]]), 10_001)],
    ['no weight', () => divide(1n, [0n, 0n])],
  ])('%s is refused', (_, run) => {
    expect(run).toThrow(expect.objectContaining({ code: 'value_invalid' }));
  });
});

describe('a price for one unit', () => {
  test.each([
    ['3e-7', '0.0000003'],
    ['2.8e-09', '0.0000000028'],
    ['0.00001', '0.00001'],
    ['3.3333333333333335e-05', '0.000033333333333333335'],
    ['0.0002833333333333333', '0.0002833333333333333'],
    ['12', '12'],
  ])('%s is kept exactly', (raw, text) => {
    const price = parseUnitPrice(raw);
    expect(price === undefined ? undefined : toUnitUsd(price)).toBe(text);
  });

  test.each(['-1', '', 'NaN', '1e-22', '1e-1x', '1,5', '0x1', '1e400'])('%j is refused', (raw) => {
    expect(parseUnitPrice(raw)).toBeUndefined();
  });

  test('is rounded once, half away from zero', () => {
    const half = parseUnitPrice('0.0000000005') ?? 0n;
    expect([1n, 2n, 3n, -1n, -3n].map((amount) => toCost(amount, half))).toEqual([1n, 1n, 2n, -1n, -2n]);
    expect(toCost(1_000_000_007n, parseUnitPrice('2.5e-6') ?? 0n)).toBe(2_500_000_017_500n);
  });
});

describe('reconciling with a provider', () => {
  const tenant = newTenantId();
  const line = (fields: Partial<UsageLine>): UsageLine => ({
    tenant,
    month: '2026-11',
    meter: 'llm.input_tokens',
    model: 'm',
    rate: 'standard',
    events: 1,
    amount: 1_000n,
    costNanoUsd: 1_000_000n,
    unpricedEvents: 0,
    unpricedAmount: 0n,
    ...fields,
  });

  test('the difference is told apart into amount and price, and the parts sum to it', () => {
    const found = reconcile(
      [line({})],
      [{ meter: 'llm.input_tokens', model: 'm', amount: 1_040n, costNanoUsd: 1_050_000n }],
    );
    expect(found.lines[0]?.because).toEqual([
      '0.00004 USD: the invoice has 1040 units and the ledger 1000',
      '0.00001 USD: the price is another than in the price list',
    ]);
    expect(found).toMatchObject({
      differenceNanoUsd: 50_000n,
      differencePercent: 4.7619,
      isWithinTolerance: true,
    });
  });

  test('five percent is within, and a nano-dollar more is not', () => {
    const invoice = [{ meter: 'llm.input_tokens', model: 'm', amount: undefined, costNanoUsd: 1_000_000n }];
    expect(reconcile([line({ costNanoUsd: 950_000n })], invoice).isWithinTolerance).toBe(true);
    expect(reconcile([line({ costNanoUsd: 949_999n })], invoice).isWithinTolerance).toBe(false);
    expect(reconcile([line({ costNanoUsd: 1_050_001n })], invoice).isWithinTolerance).toBe(false);
  });

  test('what only one side has, and what has no price, is named', () => {
    const { lines } = reconcile(
      [
        line({ model: 'ours' }),
        line({ model: 'free', costNanoUsd: 0n, unpricedEvents: 3 }),
        line({ meter: 'requests', model: '', costNanoUsd: 0n }),
      ],
      [
        { meter: 'llm.input_tokens', model: 'theirs', amount: 1n, costNanoUsd: 5n },
        { meter: 'llm.input_tokens', model: 'free', amount: 1n, costNanoUsd: 5n },
      ],
    );
    expect(lines.map(({ model, because }) => [model, because[0]])).toEqual([
      ['free', '3 events in the ledger have no known price'],
      ['ours', 'the invoice has no such line'],
      ['theirs', 'the ledger has no such usage'],
    ]);
  });
});
