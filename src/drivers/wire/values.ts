import { BulkheadError } from '../../core/errors.ts';
import type { WireValue } from './wire-writer.ts';

/**
 * A JavaScript value as a parameter, the way `pg` does it: Date, bytes and arrays by their kind, other objects as JSON.
 * Throws what JSON.stringify or an object's own toPostgres() throws.
 */
export function toWireValue(value: unknown): WireValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return `${value as number | bigint | boolean}`;
  if (ArrayBuffer.isView(value)) return toBuffer(value);
  if (value instanceof Date) return toTimestamp(value);
  if (Array.isArray(value)) return toArrayLiteral(value);
  if ('toPostgres' in value && typeof value.toPostgres === 'function')
    return toWireValue(value.toPostgres(toWireValue));
  return JSON.stringify(value);
}

export function toWireValues(values: readonly unknown[]): WireValue[] {
  return values.map(toWireValue);
}

function toBuffer(view: ArrayBufferView): Buffer {
  return Buffer.isBuffer(view) ? view : Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** Local time with its offset: `date` and `timestamp` columns then hold, and give back, what the machine's clock says. */
function toTimestamp(date: Date): string {
  if (Number.isNaN(date.getTime())) throw new BulkheadError('value_invalid', { reason: 'an invalid Date' });
  const year = date.getFullYear();
  const day = `${digits(year < 1 ? 1 - year : year, 4)}-${digits(date.getMonth() + 1)}-${digits(date.getDate())}`;
  const time = `${digits(date.getHours())}:${digits(date.getMinutes())}:${digits(date.getSeconds())}`;
  const east = -date.getTimezoneOffset();
  const offset = `${digits(Math.trunc(Math.abs(east) / 60))}:${digits(Math.abs(east) % 60)}`;
  const instant = `${day}T${time}.${digits(date.getMilliseconds(), 3)}${east < 0 ? '-' : '+'}${offset}`;
  return year < 1 ? `${instant} BC` : instant;
}

function digits(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

function toArrayLiteral(items: readonly unknown[]): string {
  return `{${items.map(toArrayElement).join(',')}}`;
}

function toArrayElement(item: unknown): string {
  if (item === null || item === undefined) return 'NULL';
  if (Array.isArray(item)) return toArrayLiteral(item);
  const value = toWireValue(item);
  if (value === null) return 'NULL';
  return Buffer.isBuffer(value) ? `"\\\\x${value.toString('hex')}"` : quoteElement(value);
}

function quoteElement(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
