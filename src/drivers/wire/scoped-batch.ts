import { assertNever, BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { SqlStatement, WallContext } from '../sql.ts';
import type { StatementKind } from '../data-statement.ts';
import type { BatchOutcome, Step } from './batch.ts';
import type { ScopedSteps } from './scoped-steps.ts';
import { toCallerError, type ServerError } from './server-error.ts';
import { toWireValues } from './values.ts';
import { fitsWire } from './wire-writer.ts';

/** @throws value_invalid, and what a value's own toPostgres() or toJSON() throws. */
export function toStep(statement: SqlStatement, domain: string): Step {
  if (!fitsWire(statement.text, statement.values.length))
    throw new BulkheadError('value_invalid', {
      reason: 'too many parameters, or a NUL character in the statement',
    });
  return { text: statement.text, domain, values: toWireValues(statement.values) };
}

/** What a prepared statement is kept under: it must not be used with another role or path than it was parsed with. */
export function domainOf(context: WallContext): string {
  return context.role === undefined && context.searchPath === undefined
    ? ''
    : `${context.role ?? ''}\n${context.searchPath ?? ''}`;
}

/** @throws request_invalid where only statements that read and write rows may run. */
export function assertAllowed(surround: ScopedSteps, kind: StatementKind): void {
  if (surround.otherStatements === 'refused' && kind === 'other')
    throw new BulkheadError('request_invalid', {
      reason:
        'on the embedded database only SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, WITH and TABLE may run',
    });
}

/**
 * Whether the server refused our use of a prepared statement, rather than the statement.
 * `unknown`: it does not know the name (or knows it for something else): a pooler, or somebody deallocated it.
 * `outdated`: the statement's columns have changed.
 */
export function preparedRefusal(error: ServerError): 'unknown' | 'outdated' | undefined {
  if (error.sqlState === '26000' || error.sqlState === '42P05') return 'unknown';
  return error.sqlState === '0A000' && error.routine === 'RevalidateCachedQuery' ? 'outdated' : undefined;
}

/** The error for the caller of a batch that did not end well. */
export function toOutcomeError(outcome: Exclude<BatchOutcome, { kind: 'done' }>, maxRows: number): Error {
  switch (outcome.kind) {
    case 'refused':
      return toCallerError(outcome.error);
    case 'row_cap_exceeded':
      return new BulkheadError('row_cap_exceeded', { maxRows });
    case 'copy_refused':
      return new BulkheadError('request_invalid', {
        reason: 'COPY is not available through this connection',
      });
    case 'state_left_open':
      return new BulkheadError('request_invalid', {
        reason: 'the statement began or ended a transaction; use transaction()',
      });
    case 'lost':
      return toLostError(outcome.error);
    default:
      return assertNever(outcome);
  }
}

function toLostError(error: ServerError | undefined): Error {
  const cause = error === undefined ? undefined : toCallerError(error);
  if (isBulkheadError(cause, 'statement_timeout')) return cause;
  const reason = 'the connection was lost; whether the statement took effect is unknown';
  return new BulkheadError('compartment_unreachable', { reason, sqlState: error?.sqlState }, { cause });
}

/** What rows are read and written with. A statement of another kind may have left something on the connection. */
export function isDataTag(tag: string): boolean {
  return /^(?:SELECT|INSERT|UPDATE|DELETE|MERGE)\b/.test(tag);
}
