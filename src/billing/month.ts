import { BulkheadError } from '../core/errors.ts';

/** A calendar month of a year: `2026-11`. */
export type Month = string & { readonly __month: never };

const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/;

export function parseMonth(raw: unknown): Month | undefined {
  return typeof raw === 'string' && MONTH.test(raw) ? (raw as Month) : undefined;
}

/** @throws value_invalid */
export function readMonth(raw: string, field = 'month'): Month {
  const month = parseMonth(raw);
  if (month === undefined)
    throw new BulkheadError('value_invalid', { field, reason: 'a month such as 2026-11 is expected' });
  return month;
}

/** @param month 1 to 12 */
export function toMonth(year: number, month: number): Month {
  return readMonth(`${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}`);
}

/** The month that an instant is in, in a time zone. */
export function monthAt(atMs: number, timeZone = 'UTC'): Month {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    calendar: 'gregory',
  }).formatToParts(atMs);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? '';
  return readMonth(`${part('year').padStart(4, '0')}-${part('month')}`);
}

export function toFirstDay(month: Month): string {
  return `${month}-01`;
}
