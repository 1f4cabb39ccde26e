import { z } from 'zod';

const maxDepth = 16;
const maxBytes = 65_536;

/**
 * Text that every store keeps as it came. Postgres refuses NUL, and half a surrogate pair would silently become U+FFFD.
 */
export function isStorableText(raw: string): boolean {
  return raw.isWellFormed() && !raw.includes('\0');
}

export function text(limits: { readonly min?: number; readonly max: number }) {
  return z
    .string()
    .min(limits.min ?? 1)
    .max(limits.max)
    .refine(isStorableText, 'has characters that cannot be stored (NUL, or half of a surrogate pair)');
}

/** @returns why the value cannot be kept as JSON exactly as it was sent, or undefined where it can */
export function toJsonProblem(value: unknown): string | undefined {
  const problem = findProblem(value, maxDepth);
  if (problem !== undefined) return problem;
  return Buffer.byteLength(JSON.stringify(value)) > maxBytes ? `is larger than ${maxBytes} bytes` : undefined;
}

function findProblem(value: unknown, levelsLeft: number): string | undefined {
  if (levelsLeft === 0) return `is nested deeper than ${maxDepth} levels`;
  if (typeof value === 'string')
    return isStorableText(value) ? undefined : 'has text with characters that cannot be stored';
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : 'has a number that is out of range';
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    if (!isStorableText(key)) return 'has a name with characters that cannot be stored';
    const problem = findProblem(member, levelsLeft - 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** An object of any JSON. */
export const JsonObject = z.record(z.string(), z.unknown()).superRefine((value, context) => {
  const problem = toJsonProblem(value);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** Any JSON value. */
export const JsonValue = z.unknown().superRefine((value, context) => {
  const problem = value === undefined ? 'is missing' : toJsonProblem(value);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});
