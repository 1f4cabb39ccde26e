import { types } from 'pg';

/** Reads a value that lies in `bytes[start, end)` in PostgreSQL's text form. */
export type Decode = (bytes: Buffer, start: number, end: number) => unknown;

/** Values come as pg gives them: the same parsers, with shortcuts for what rows are mostly made of. */
export function decoderOf(typeId: number): Decode {
  const shortcut = shortcuts.get(typeId);
  if (shortcut !== undefined) return shortcut;
  const parse = textParserOf(typeId, 'text');
  if (parse === textParserOf(textTypeId, 'text')) return readText;
  return (bytes, start, end) => parse(bytes.toString('utf8', start, end));
}

type TextParser = (text: string) => unknown;

/** Its declaration knows built-in types only; ids of enums and extensions are as good. */
const textParserOf = types.getTypeParser as (typeId: number, format: 'text') => TextParser;
const textTypeId = 25;
const timestamptzTypeId = 1184;
const parseTimestamptz = textParserOf(timestamptzTypeId, 'text');

const shortcuts: ReadonlyMap<number, Decode> = new Map<number, Decode>([
  [16, (bytes, start) => bytes[start] === 0x74],
  [20, readText],
  [21, readInteger],
  [23, readInteger],
  [26, readInteger],
  [timestamptzTypeId, readTimestamptz],
]);

/** Crossing into C++ costs more than these few characters do. */
function readText(bytes: Buffer, start: number, end: number): string {
  if (end - start > 6) return bytes.toString('utf8', start, end);
  let text = '';
  for (let at = start; at < end; at += 1) {
    const code = bytes[at] ?? 0;
    if (code > 0x7f) return bytes.toString('utf8', start, end);
    text += String.fromCharCode(code);
  }
  return text;
}

/** At most ten digits, so that no precision is lost. */
function readInteger(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === 0x2d;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at += 1) value = value * 10 + digit(bytes, at);
  return isNegative ? -value : value;
}

/** `2026-11-25 18:00:00.123456+00`, at offset zero; every other form goes to pg's own parser. */
function readTimestamptz(bytes: Buffer, start: number, end: number): unknown {
  const isPlain =
    bytes[start + 4] === 0x2d &&
    bytes[start + 10] === 0x20 &&
    bytes[end - 3] === 0x2b &&
    bytes[end - 2] === 0x30 &&
    bytes[end - 1] === 0x30;
  if (!isPlain || end - start < 22) return parseTimestamptz(bytes.toString('latin1', start, end));
  const year = two(bytes, start) * 100 + two(bytes, start + 2);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  if (year < 100) return parseTimestamptz(bytes.toString('latin1', start, end));
  const [month, day] = [two(bytes, start + 5) - 1, two(bytes, start + 8)];
  const [hour, minute, second] = [two(bytes, start + 11), two(bytes, start + 14), two(bytes, start + 17)];
  return new Date(Date.UTC(year, month, day, hour, minute, second, milliseconds(bytes, start + 20, end - 3)));
}

/** The first three of up to six digits; trailing zeros are left out by the server. */
function milliseconds(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let place = 0; place < 3; place += 1)
    value = value * 10 + (start + place < end ? digit(bytes, start + place) : 0);
  return value;
}

function two(bytes: Buffer, at: number): number {
  return digit(bytes, at) * 10 + digit(bytes, at + 1);
}

function digit(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0x30) - 0x30;
}
