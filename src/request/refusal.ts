import { BulkheadError } from '../core/errors.ts';
import type { Verdict } from '../core/verdict.ts';

export type Refusal = Extract<Verdict<unknown>, { kind: 'refused' }>;

/** A refusal as an error, for where the only way out is to throw. */
export function toError(refusal: Refusal): BulkheadError {
  const { code, detail, retryAfterMs } = refusal;
  return new BulkheadError(code, retryAfterMs === undefined ? detail : { ...detail, retryAfterMs });
}
