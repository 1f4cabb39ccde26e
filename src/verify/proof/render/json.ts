import { BulkheadError } from '../../../core/errors.ts';
import type { ProofDiff } from '../diff.ts';
import type { ProofResult } from '../result.ts';

/** A result, with what changed since an earlier one where there is one. */
export function toJson(result: ProofResult, changed?: ProofDiff): string {
  return `${JSON.stringify(changed === undefined ? result : { ...result, diff: changed }, null, 2)}\n`;
}

/**
 * A result written earlier.
 * @throws value_invalid when it is none, or of another format
 */
export function parseProofResult(text: string): ProofResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BulkheadError('value_invalid', { reason: 'the earlier result is not JSON' }, { cause });
  }
  if (!isResult(value))
    throw new BulkheadError('value_invalid', { reason: 'the earlier result is not one of bulkhead.proof/1' });
  return value;
}

function isResult(value: unknown): value is ProofResult {
  if (!isObject(value)) return false;
  const result = value as Partial<Record<keyof ProofResult, unknown>>;
  return (
    result.format === 'bulkhead.proof/1' &&
    typeof result.verdict === 'string' &&
    typeof result.provedAt === 'string' &&
    Array.isArray(result.findings) &&
    Array.isArray(result.conditions) &&
    isObject(result.subject) &&
    isObject(result.looked)
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
