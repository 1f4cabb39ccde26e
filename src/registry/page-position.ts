import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import { parseRow } from './row-parts.ts';

/** Where a page ended: the time as the database writes it, because a Date would lose its microseconds and with them rows. */
const positionShape = z.object({
  at: z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d(?::\d\d)?$/),
  id: z.uuid(),
});
type Position = z.infer<typeof positionShape>;

/** @param row the last of a page, with `at` as text and `id`. @returns an opaque cursor */
export function toPosition(row: unknown): string {
  const { at, id } = parseRow('page', positionShape, row);
  return Buffer.from(`${at}|${id}`).toString('base64url');
}

/** @throws request_invalid for a cursor not of ours */
export function parsePosition(cursor: string): Position {
  const [at, id] = Buffer.from(cursor, 'base64url').toString('utf8').split('|');
  const parsed = positionShape.safeParse({ at, id });
  if (parsed.success) return parsed.data;
  throw new BulkheadError('request_invalid', {
    field: 'cursor',
    hint: 'pass the nextCursor of the page before',
  });
}
