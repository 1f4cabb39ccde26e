import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseUsd, toUsd } from '../../src/core/money.ts';

test('an amount is read and written without losing a nano-dollar', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
      (amount) => parseUsd(toUsd(amount)) === amount,
    ),
  );
});

test.each([
  ['0.0021', 2_100_000n],
  ['49.00', 49_000_000_000n],
  ['-0.000000001', -1n],
])('%s is %s nano-dollars', (text, amount) => {
  expect(parseUsd(text)).toBe(amount);
});

test.each(['', '1,5', '1e3', '.5', '1.0000000001', 'NaN', '1 '])('%j is no amount', (text) => {
  expect(parseUsd(text)).toBeUndefined();
});
