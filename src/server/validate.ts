import type { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import { InvalidFields } from '../request/problem.ts';
import type { FieldProblem } from '../request/problem.ts';

const maxProblems = 20;
const PLAIN_NAME = /^[A-Za-z0-9_.$-]{1,64}$/;

/**
 * The value as the schema has it; the one that came in is never changed.
 * @throws request_invalid naming every field that is wrong, and no value
 */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: 'body' | 'query',
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidInput(parsed.error.issues.flatMap((issue) => toProblems(issue, where)));
}

export function invalidInput(problems: readonly FieldProblem[]): BulkheadError {
  const fields = problems.slice(0, maxProblems);
  const [first] = fields;
  return new BulkheadError(
    'request_invalid',
    { field: first?.field, reason: first === undefined ? undefined : `${first.field}: ${first.reason}` },
    { cause: new InvalidFields(fields) },
  );
}

function toProblems(issue: z.core.$ZodIssue, where: 'body' | 'query'): readonly FieldProblem[] {
  const path = issue.path.map((part) => toPlainName(String(part)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: [...path, toPlainName(key)].join('.'),
      reason: 'there is no such field',
    }));
  return [{ field: path.length === 0 ? where : path.join('.'), reason: issue.message }];
}

/** Names in a body are the caller's own text; only plain ones are worth repeating. */
function toPlainName(name: string): string {
  return PLAIN_NAME.test(name) ? name : '(a name that is not plain text)';
}
