import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toSpace } from '../../src/compartments/cache/container.ts';
import { toKey, toPattern, toSessionKey, type CacheKey } from '../../src/compartments/cache/key.ts';
import { isBulkheadError } from '../../src/core/errors.ts';
import { newTenantId } from '../../src/core/ids.ts';
import { isolations } from '../../src/core/placement.ts';

const hostile = fc.constantFrom(
  ':',
  '%',
  '%3A',
  '#',
  '*',
  '{',
  '}',
  '\n',
  '\r',
  '\0',
  ' ',
  'ü',
  '🦊',
  '/',
  '!gate',
);
const part = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
  fc
    .array(fc.oneof(hostile, fc.constantFrom('a', 'b')), { minLength: 1, maxLength: 6 })
    .map((all) => all.join('')),
  fc.string({ minLength: 150, maxLength: 400 }),
);
const key = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts as unknown as CacheKey);

function textOf(parts: CacheKey): string | undefined {
  try {
    return toKey(parts);
  } catch (cause) {
    if (isBulkheadError(cause, 'value_invalid')) return undefined;
    throw cause;
  }
}

test('two keys never have one text, whatever their parts are made of', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const [first, second] = [textOf(a), textOf(b)];
      if (first === undefined || second === undefined) return;
      expect(first === second).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
    { numRuns: 3_000 },
  );
});

test('parts that are cut elsewhere make another key', () => {
  fc.assert(
    fc.property(part, part, (a, b) => {
      const whole = textOf([a, b]);
      const joined = textOf([`${a}:${b}`]);
      if (whole !== undefined && joined !== undefined) expect(whole).not.toBe(joined);
    }),
    { numRuns: 1_000 },
  );
});

test('no text of a key has a sign that means something to a store, or to the wire', () => {
  fc.assert(
    fc.property(key, (parts) => {
      const text = textOf(parts);
      if (text !== undefined) expect(text).toMatch(/^[A-Za-z0-9._~@%#:-]+$/);
    }),
    { numRuns: 1_000 },
  );
});

test('keys read as they are documented', () => {
  const tenant = newTenantId();
  expect(`${toSpace(tenant, 'shared')}${toKey(['doc', '42'])}`).toBe(`tenant:${tenant}:doc:42`);
  expect(`${toSpace(tenant, 'shared')}${toSessionKey('u1', 'ab')}`).toBe(
    `tenant:${tenant}:user:u1:session:ab`,
  );
});

test('every tenant has its whole id in its keys, and no space is within another', () => {
  const [a, b] = [newTenantId(), newTenantId()];
  const spaces = [a, b].flatMap((tenant) => isolations.map((isolation) => toSpace(tenant, isolation)));
  for (const space of spaces) {
    expect(space.includes(a) || space.includes(b)).toBe(true);
    for (const other of spaces) expect(space !== other && space.startsWith(other)).toBe(false);
  }
});

test.each([
  { title: 'an empty key', parts: [] },
  { title: 'an empty part', parts: ['a', ''] },
  { title: 'half a surrogate pair', parts: ['\ud800'] },
  { title: 'too many parts', parts: Array.from({ length: 17 }, () => 'a') },
  { title: 'a part without end', parts: ['x'.repeat(5_000)] },
  { title: 'the name of a session', parts: ['user', 'u1', 'session', 'ab'] },
  { title: 'something that is no text', parts: [7] },
])('$title is refused', ({ parts }) => {
  expect(() => toKey(parts as unknown as CacheKey)).toThrow(
    expect.objectContaining({ code: 'value_invalid' }),
  );
});

test('of a pattern only the star is a sign', () => {
  expect(toPattern('docs:*')).toBe('docs:*');
  expect(toPattern('[a-z]?\\^')).toBe('%5Ba-z%5D%3F%5C%5E');
  expect(toPattern('a\n*')).toBe('a%0A*');
});
