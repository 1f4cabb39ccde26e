import type { ErrorCode, Retry } from '../core/errors.ts';

export interface HttpErrorFacts {
  /** `unreachable`: no answer came. `unexpected`: something answered that is not Bulkhead, a proxy for instance. */
  readonly code: ErrorCode | 'unreachable' | 'unexpected';
  /** 0 where no answer came. */
  readonly status: number;
  readonly title: string;
  readonly detail: string | undefined;
  readonly retry: Retry;
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  /** Every field of the input that is wrong. */
  readonly fields: readonly { readonly field: string; readonly reason: string }[];
}

/** What the server refused, or why it could not be asked. `code` is one of docs/reference/errors.md. */
export class BulkheadHttpError extends Error {
  readonly code: HttpErrorFacts['code'];
  readonly status: number;
  readonly title: string;
  readonly detail: string | undefined;
  readonly retry: Retry;
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  readonly fields: HttpErrorFacts['fields'];

  constructor(facts: HttpErrorFacts, options?: ErrorOptions) {
    super(facts.detail === undefined ? facts.title : `${facts.title}: ${facts.detail}`, options);
    this.name = 'BulkheadHttpError';
    this.code = facts.code;
    this.status = facts.status;
    this.title = facts.title;
    this.detail = facts.detail;
    this.retry = facts.retry;
    this.retryAfterMs = facts.retryAfterMs;
    this.requestId = facts.requestId;
    this.fields = facts.fields;
  }
}

export function isBulkheadHttpError(
  error: unknown,
  code?: HttpErrorFacts['code'],
): error is BulkheadHttpError {
  return error instanceof BulkheadHttpError && (code === undefined || error.code === code);
}

/** @returns the error that an answer other than 2xx stands for */
export async function readHttpError(response: Response): Promise<BulkheadHttpError> {
  const body = await readProblem(response);
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : undefined;
  const { status } = response;
  if (body === undefined)
    return new BulkheadHttpError({
      code: 'unexpected',
      status,
      title: `The answer (${status}) is not one of Bulkhead's`,
      detail: undefined,
      retry: status >= 500 ? 'later' : 'after_change',
      retryAfterMs,
      requestId: response.headers.get('x-request-id') ?? undefined,
      fields: [],
    });
  const { code, title, detail, retry, requestId, errors = [] } = body;
  return new BulkheadHttpError({
    code,
    status,
    title,
    detail,
    retry,
    retryAfterMs,
    requestId,
    fields: errors,
  });
}

interface ProblemFacts {
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail: string | undefined;
  readonly retry: Retry;
  readonly requestId: string | undefined;
  readonly errors: HttpErrorFacts['fields'] | undefined;
}

async function readProblem(response: Response): Promise<ProblemFacts | undefined> {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  try {
    if (isProblem) return (await response.json()) as ProblemFacts;
    await response.body?.cancel();
    return undefined;
  } catch {
    return undefined;
  }
}
