import { errorTable, isBulkheadError } from '../core/errors.ts';
import type { ErrorCode, ErrorDetail, Retry } from '../core/errors.ts';

/** One field of the input that is wrong, and why; never the value. */
export interface FieldProblem {
  readonly field: string;
  readonly reason: string;
}

/** The cause of a `request_invalid`: every field that is wrong, so that one round of corrections is enough. */
export class InvalidFields extends Error {
  readonly fields: readonly FieldProblem[];

  constructor(fields: readonly FieldProblem[]) {
    super('invalid fields');
    this.name = 'InvalidFields';
    this.fields = fields;
  }
}

/** The body of every error answer: RFC 9457, `application/problem+json`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly requestId: string;
  readonly instance: string;
  readonly detail?: string;
  readonly field?: string;
  readonly errors?: readonly FieldProblem[];
  readonly [extra: string]: unknown;
}

export interface ProblemResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Problem;
}

/** Details that a caller may see beside the text. Everything else stays in our logs: it names our parts, not theirs. */
const shown = ['field', 'state', 'event', 'isolation', 'plan', 'limit'] as const;

const defaultRetryAfterMs = 1_000;

/**
 * The one place that turns an error into a response, for the server and for the middleware.
 * What is not a `BulkheadError` becomes `internal` and says nothing about itself.
 */
export function toProblem(error: unknown, requestId: string): ProblemResponse {
  const { code, detail } = isBulkheadError(error) ? error : unforeseen;
  const { status, title, retry } = errorTable[code];
  const text = toText(code, detail);
  return {
    status,
    headers: { ...toHeaders(code, detail), 'x-request-id': requestId },
    body: {
      type: `urn:bulkhead:error:${code}`,
      title,
      status,
      code,
      retry,
      ...(text === undefined ? {} : { detail: text }),
      ...pick(detail),
      ...(isBulkheadError(error) && error.cause instanceof InvalidFields
        ? { errors: error.cause.fields }
        : {}),
      requestId,
      instance: `urn:bulkhead:request:${requestId}`,
    },
  };
}

/** Codes of 5xx whose reason is about nobody's insides. */
const explained: ReadonlySet<ErrorCode> = new Set(['pool_saturated', 'shutting_down', 'limits_unavailable']);

const unforeseen: { readonly code: ErrorCode; readonly detail: ErrorDetail } = {
  code: 'internal',
  detail: {},
};

/** Nothing beside the title where an explanation would tell a stranger what exists, or would be about our own insides. */
function toText(code: ErrorCode, detail: ErrorDetail): string | undefined {
  if (code === 'not_found' || code === 'tenant_not_found' || code === 'claims_conflict') return undefined;
  if (errorTable[code].status >= 500 && !explained.has(code)) return undefined;
  const text = detail['reason'] ?? detail['hint'];
  return typeof text === 'string' ? text : undefined;
}

function pick(detail: ErrorDetail): Record<string, string | number> {
  const picked: Record<string, string | number> = {};
  for (const name of shown) {
    const value = detail[name];
    if (typeof value === 'string' || typeof value === 'number') picked[name] = value;
  }
  return picked;
}

function toHeaders(code: ErrorCode, detail: ErrorDetail): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'private, no-store',
    'x-content-type-options': 'nosniff',
  };
  if (code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="bulkhead"';
  for (const [name, value] of toPairs(detail['limitHeaders'])) headers[name] = value;
  const { status, retry }: { status: number; retry: Retry } = errorTable[code];
  if (retry === 'later' && (status === 503 || status === 429))
    headers['retry-after'] = toSeconds(detail['retryAfterMs']);
  return headers;
}

/** Names and values in turn: a detail holds no objects. */
function toPairs(flat: ErrorDetail[string]): readonly (readonly [string, string])[] {
  if (typeof flat !== 'object') return [];
  return Array.from({ length: Math.floor(flat.length / 2) }, (_, index) => [
    flat[2 * index] ?? '',
    flat[2 * index + 1] ?? '',
  ]);
}

/** Whole seconds, rounded up: a caller that waits as long as it was told must not come too early. */
function toSeconds(retryAfterMs: unknown): string {
  const waitMs = typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : defaultRetryAfterMs;
  return Math.ceil(waitMs / 1_000).toString();
}
