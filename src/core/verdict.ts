import type { ErrorCode, ErrorDetail } from './errors.ts';

/** The answer of identification, admission or policy. A refusal is a value: it is expected. */
export type Verdict<Allowed> =
  | { readonly kind: 'allowed'; readonly value: Allowed }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly detail: ErrorDetail;
      readonly retryAfterMs?: number;
    };

export function allowed<Value>(value: Value): Verdict<Value> {
  return { kind: 'allowed', value };
}

export function refused(code: ErrorCode, detail: ErrorDetail = {}, retryAfterMs?: number): Verdict<never> {
  return retryAfterMs === undefined
    ? { kind: 'refused', code, detail }
    : { kind: 'refused', code, detail, retryAfterMs };
}
