import type { z } from 'zod';
import type { ErrorCode } from '../core/errors.ts';

/** One operation of the HTTP API, as data: validation, OpenAPI, handlers' types and the client's types come from it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: `/v1/${string}`;
  /** Whose credential opens it: the operator's token, or a tenant's API key. */
  readonly plane: 'operator' | 'tenant';
  readonly tag: string;
  readonly summary: string;
  /**
   * Takes an `Idempotency-Key`. Its repetition is answered by the answer that was given, kept sealed for a day, or by
   * reading again what was made: a tenant's data is kept in no other place for it.
   */
  readonly repeats?: 'by_answer' | 'by_id';
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Bytes of any media type instead of JSON, as the request's body or as the answer's; or events as they happen. */
  readonly bytes?: 'upload' | 'download' | 'events';
  readonly status: 200 | 201 | 204;
  /** Absent where the answer has no body. */
  readonly response?: z.ZodType;
  /** Media types of answers that are text and no JSON, by the value of the query parameter `format`. */
  readonly formats?: Readonly<Record<string, string>>;
  /** Beyond those that every operation of its plane can answer with. */
  readonly errors: readonly ErrorCode[];
}

/** The body of a request as it comes in. */
export interface Upload {
  /** The header, as it was sent. */
  readonly contentType: string | undefined;
  readonly content: AsyncIterable<Uint8Array>;
}

/** The body of an answer as it goes out. */
export interface Download {
  readonly name: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/** One event of an answer of events (text/event-stream, WHATWG HTML section 9.2); `data` is sent as JSON. */
export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Errors that every operation of a plane can answer with. */
export const commonErrors = {
  operator: [
    'request_invalid',
    'unauthenticated',
    'body_too_large',
    'media_type_unsupported',
    'internal',
    'compartment_unreachable',
    'store_full',
    'shutting_down',
  ],
  tenant: [
    'request_invalid',
    'unauthenticated',
    'claims_conflict',
    'tenant_inactive',
    'tenant_missing',
    'tenant_ambiguous',
    'body_too_large',
    'media_type_unsupported',
    'internal',
    'query_budget_spent',
    'rate_limited',
    'limits_unavailable',
    'compartment_unreachable',
    'store_full',
    'contended',
    'pool_saturated',
    'registry_stale',
    'ledger_unavailable',
    'capability_refused',
    'statement_timeout',
    'row_cap_exceeded',
    'shutting_down',
  ],
} as const satisfies Record<Operation['plane'], readonly ErrorCode[]>;

/** Errors of every operation that takes an `Idempotency-Key`. */
export const repeatErrors = [
  'idempotency_key_reused',
  'request_in_progress',
] as const satisfies readonly ErrorCode[];
