import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isReservedSlug,
  newKeyId,
  newTenantId,
  newUuid7,
  parseKeyId,
  parseRowId,
  parseSlug,
  parseTenantId,
} from '../../src/core/ids.ts';

describe('ids', () => {
  test('a tenant id is a random UUID and never repeats', () => {
    const ids = new Set(Array.from({ length: 20_000 }, newTenantId));
    expect(ids.size).toBe(20_000);
    for (const id of ids) expect(parseTenantId(id)).toBe(id);
  });

  test('row ids are UUID version 7, unique, and ordered by time', () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => newUuid7(1_800_000_000_000 + index));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(ids);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('row ids of one millisecond are in the order of their making', () => {
    for (let ms = 1_900_000_000_000; ms < 1_900_000_000_100; ms += 1) {
      const ids = Array.from({ length: 2_000 }, () => newUuid7(ms));
      expect(ids.toSorted()).toEqual(ids);
    }
  });

  test('key ids parse as themselves', () => {
    for (let i = 0; i < 1_000; i += 1) {
      const id = newKeyId();
      expect(parseKeyId(id)).toBe(id);
    }
  });

  test('only canonical text is an id', () => {
    const hostile = [
      '',
      ' ',
      'DROP TABLE',
      '00000000-0000-0000-0000-000000000000',
      `${newTenantId()} `,
      newTenantId().toUpperCase(),
      "' or 1=1 --",
      null,
      7,
      {},
      [newTenantId()],
    ];
    for (const raw of hostile) expect(parseTenantId(raw) ?? parseRowId(raw)).toBeUndefined();
  });
});

describe('slugs', () => {
  test.each([
    '',
    'ab',
    'a'.repeat(49),
    'Acme',
    'acme_',
    '-acme',
    'acme-',
    'ac--me',
    'xn--80ak6aa92e',
    'acme.',
    'аcme',
    'ac me',
    'ac/me',
    '..',
    'acme\n',
    "a'b'c",
    '%61cme',
    newTenantId(),
  ])('%j is refused', (raw) => {
    expect(parseSlug(raw)).toBeUndefined();
  });

  test.each(['acme', 'a1b', 'acme-health-2', 'a'.repeat(48)])('%s is accepted', (raw) => {
    expect(parseSlug(raw)).toBe(raw);
  });

  test('what is accepted is a DNS label that needs no escaping anywhere', () => {
    fc.assert(
      fc.property(fc.string(), (raw) => parseSlug(raw) === undefined || encodeURIComponent(raw) === raw),
    );
  });

  test.each(['www', 'api', 'app', 'admin'])('%s is reserved', (slug) => {
    expect(isReservedSlug(slug)).toBe(true);
  });
});
