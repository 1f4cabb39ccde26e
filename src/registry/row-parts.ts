/** Pieces that row parsers are made of. Both drivers' forms of a value are accepted, and nothing else. */
import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import { parseKeyId, parseSlug, parseTenantId, type KeyId, type Slug, type TenantId } from '../core/ids.ts';

/** int8 arrives as text from the wire and as a number or bigint from PGlite. */
export const integer = z
  .union([z.number(), z.bigint(), z.string().regex(/^-?\d{1,19}$/)])
  .transform(Number)
  .pipe(z.int());

export const instant = z
  .union([z.date(), z.string().transform((text) => new Date(text))])
  .refine((at) => !Number.isNaN(at.getTime()));

export const bytes = z.instanceof(Uint8Array);

/** SQL null is `undefined` with us. */
export function nullable<Inner extends z.ZodType>(inner: Inner) {
  return inner.nullable().transform((value) => value ?? undefined);
}

function parsedBy<Parsed>(parse: (raw: unknown) => Parsed | undefined): z.ZodType<Parsed> {
  return z.unknown().transform((raw, context) => {
    const parsed = parse(raw);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: 'malformed' });
    return z.NEVER;
  });
}

export const tenantId: z.ZodType<TenantId> = parsedBy(parseTenantId);
export const slug: z.ZodType<Slug> = parsedBy(parseSlug);
export const keyId: z.ZodType<KeyId> = parsedBy(parseKeyId);

/**
 * @param row what the database returned
 * @throws internal, naming table and field but no value, where a stored field is of a type we do not know
 */
export function parseRow<Parsed>(table: string, parser: z.ZodType<Parsed>, row: unknown): Parsed {
  const result = parser.safeParse(row);
  if (result.success) return result.data;
  throw new BulkheadError('internal', {
    table,
    field: result.error.issues[0]?.path.join('.') ?? '',
    reason: `a stored ${table} has a field of an unknown type`,
  });
}

/** For values that many callers share. Sets and maps are not frozen by it. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
