import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeOf } from '../../src/compartments/objects/container.ts';
import { ObjectKeys } from '../../src/compartments/objects/keys.ts';
import { parseObjectId, toObjectName } from '../../src/compartments/objects/names.ts';
import { newTenantId, type TenantId } from '../../src/core/ids.ts';
import { isPlainKey } from '../../src/drivers/blobs.ts';
import { testSecrets } from './support/secrets.ts';

const refused = [
  ['a step upwards', '../secret'],
  ['a step upwards inside', 'a/../../b'],
  ['what a careless removal of ../ makes a step of', '....//secret'],
  ['an encoded step', '..%2fsecret'],
  ['an encoded slash', 'a%2Fb'],
  ['encoded dots', '%2e%2e/secret'],
  ['a step encoded twice', '%252e%252e%252fsecret'],
  ['an encoded backslash', '..%5csecret'],
  ['an encoded NUL', 'a%00.txt'],
  ['a backslash', '..\\secret'],
  ['a leading slash', '/etc/passwd'],
  ['a trailing slash', 'folder/'],
  ['an empty part', 'a//b'],
  ['a lone dot', './a'],
  ['dots and spaces', 'a/.. /b'],
  ['full-width dots and slash', '．．／secret'],
  ['one-dot leaders', '\u2024\u2024/secret'],
  ['a division slash', 'a\u2215b'],
  ['a fraction slash', '..\u2044secret'],
  ['a set minus for a backslash', '..\u2216secret'],
  ['NUL', 'a\u0000b'],
  ['a line break', 'a\nb'],
  ['a right-to-left mark', 'gnp.\u202eexe'],
  ['a character without width', 'a\u200bb'],
  ['half a surrogate pair', 'a\ud800'],
  ['nothing', ''],
  ['more than 1,024 bytes', 'ü'.repeat(513)],
] as const;

describe('the name of an object', () => {
  test.each(refused)('is refused for %s', (_, name) => {
    expect(() => toObjectName(name)).toThrowError(expect.objectContaining({ code: 'value_invalid' }));
  });

  test.each([
    'a',
    'reports/2026/plan.txt',
    '100%',
    'a.b/c..d',
    'übersicht ✓ 日本語.pdf',
    't1',
    't10',
    '-',
    'con',
  ])('may be %s', (name) => {
    expect(toObjectName(name)).toBe(name.normalize('NFC'));
  });

  test('is one name, however its accents are composed', () => {
    expect(toObjectName('cafe\u0301')).toBe(toObjectName('caf\u00e9'));
  });
});

describe('the place of an object in the store', async () => {
  const keys = await ObjectKeys.open(testSecrets());
  const place = (tenant: TenantId, name: string): { bucket: string; key: string } =>
    placeOf(
      { tenant, compartment: 'objects', isolation: 'shared', container: 'folder:shared' },
      keys.idOf(tenant, toObjectName(name)),
    );

  test('is plain, of one length, and in its tenant’s prefix, for every name that is accepted', () => {
    const tenant = newTenantId();
    let accepted = 0;
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (name) => {
        try {
          toObjectName(name);
        } catch {
          return;
        }
        accepted += 1;
        const { key } = place(tenant, name);
        expect(isPlainKey(key)).toBe(true);
        expect(key.startsWith(`${tenant}/o/`)).toBe(true);
        expect(key.length).toBe(36 + 3 + 3 + 64);
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  test('is another for another tenant, and for the least difference of the name', () => {
    const [a, b] = [newTenantId(), newTenantId()];
    const places = [
      place(a, 'x'),
      place(b, 'x'),
      place(a, 'X'),
      place(a, 'x '),
      place(a, 'x/x'),
      place(a, 'хx'),
    ];
    expect(new Set(places.map(({ key }) => key)).size).toBe(places.length);
  });

  test('an id is 64 hexadecimal digits and nothing else', () => {
    const id = keys.idOf(newTenantId(), toObjectName('x'));
    expect(parseObjectId(id)).toBe(id);
    for (const no of [
      id.toUpperCase(),
      `${id}0`,
      id.slice(1),
      `../${id.slice(3)}`,
      `${id.slice(0, 63)}/`,
      7,
      null,
    ])
      expect(parseObjectId(no)).toBeUndefined();
  });
});
