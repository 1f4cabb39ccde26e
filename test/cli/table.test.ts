import { expect, test } from 'vitest';
import { renderTable } from '../../src/cli/text/table.ts';
import { cut, toSafeLine, widthOf } from '../../src/cli/text/width.ts';
import { parseDuration, toDuration } from '../../src/cli/text/when.ts';

const columns = [
  { title: 'id' },
  { title: 'name', shrink: 'when_narrow' },
  { title: 'n', align: 'right' },
] as const;

test('columns are aligned, numbers to the right, and no line ends in blanks', () => {
  const table = renderTable(columns, [
    ['a', 'Acme', '7'],
    ['long-id', 'B', '1234'],
  ]);
  expect(table.split('\n')).toEqual(['ID       NAME     N', 'a        Acme     7', 'long-id  B     1234']);
});

test('wide and combining characters keep the columns aligned', () => {
  expect(widthOf('漢字')).toBe(4);
  expect(widthOf('e\u0301')).toBe(1);
  const lines = renderTable(columns, [
    ['a', '漢字', '1'],
    ['b', 'plain', '1'],
  ]).split('\n');
  expect(lines.slice(1).map((line) => widthOf(line))).toEqual([12, 12]);
});

test('on a narrow terminal names are cut and ids never are', () => {
  const id = 'd61017bb-2b1e-4421-94d3-ca5d831f5122';
  const table = renderTable(columns, [[id, 'a name that is far too long for this terminal', '1']], {
    width: 60,
  });
  expect(table).toContain(id);
  expect(table).toContain('…');
  for (const line of table.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(60);
});

test('without a terminal nothing is cut', () => {
  const name = 'x'.repeat(500);
  expect(renderTable(columns, [['a', name, '1']])).toContain(name);
});

test('a name cannot move the cursor, start a line or change the direction of text', () => {
  const hostile = 'a\u001b[2Jb\nc\u0007d\u202ee';
  expect(toSafeLine(hostile)).toBe('a\uFFFD[2Jb\uFFFDc\uFFFDd\uFFFDe');
  expect(renderTable(columns, [['1', hostile, '']]).split('\n')).toHaveLength(2);
});

test('cutting counts columns and not characters', () => {
  expect(cut('漢字漢字', 5)).toBe('漢字…');
  expect(cut('abc', 3)).toBe('abc');
});

test('durations are read and shown with their unit', () => {
  expect(['90s', '15m', '24h', '30d', '1w', 'h', '-1s'].map(parseDuration)).toEqual([
    90,
    900,
    86_400,
    2_592_000,
    undefined,
    undefined,
    undefined,
  ]);
  expect([0.5, 12.34, 450, 4_500, 200_000].map(toDuration)).toEqual([
    '500 µs',
    '12.3 ms',
    '450 ms',
    '4.5 s',
    '3 min 20 s',
  ]);
});
