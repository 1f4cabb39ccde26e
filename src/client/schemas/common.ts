import { z } from 'zod';
import { errorTable } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';

export const maxPageSize = 200;
export const defaultPageSize = 50;

/** `limit` and `cursor` of every list. */
export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(maxPageSize)
    .default(defaultPageSize)
    .describe('Items in a page.'),
  cursor: z.string().min(1).max(2_048).optional().describe('`nextCursor` of the page before.'),
};

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('Pass it as `cursor` for the next page; null at the end.'),
  });
}

export const timestamp = z.iso.datetime().describe('RFC 3339, in UTC.');

const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

/** The body of every error: RFC 9457. */
export const ProblemBody = z
  .object({
    type: z.string().describe('`urn:bulkhead:error:` and the code.'),
    title: z.string(),
    status: z.int(),
    code: z.enum(codes),
    retry: z
      .enum(['never', 'after_change', 'later'])
      .describe('Whether to go on: not at all, with another request, or later with the same one.'),
    detail: z.string().optional(),
    field: z.string().optional(),
    errors: z.array(z.object({ field: z.string(), reason: z.string() })).optional(),
    requestId: z.string(),
    instance: z.string(),
  })
  .catchall(z.union([z.string(), z.number()]));
