import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import {
  capabilityRefusedState,
  readerRefusedState,
  readOnlyState,
  SqlError,
  writesPausedState,
} from '../../drivers/sql.ts';

const byState: Readonly<Record<string, 'conflict' | 'contended' | 'reference_invalid'>> = {
  // Serialisation failure, deadlock, lock timeout: nothing of it is done, and it may be done again.
  '40001': 'contended',
  '40P01': 'contended',
  '55P03': 'contended',
  '23505': 'conflict',
  '23P01': 'conflict',
  '23503': 'reference_invalid',
};

/** What the caller of a statement is told of the database's answer. Errors of our own stay as they are. */
export function toBulkheadError(cause: unknown, scope: Scope | undefined): unknown {
  if (isReadersWrite(cause, scope))
    return new BulkheadError(
      'read_only',
      { tenant: scope?.tenantId, reason: 'a tenant above may read and not write' },
      { cause },
    );
  if (!(cause instanceof SqlError)) return cause;
  const { sqlState, constraint, table, column } = cause;
  const detail = { sqlState, constraint, table, column, tenant: scope?.tenantId };
  const code = byState[sqlState];
  if (code !== undefined) return new BulkheadError(code, detail, { cause });
  if (sqlState === capabilityRefusedState) return new BulkheadError('capability_refused', detail, { cause });
  if (sqlState === writesPausedState)
    return new BulkheadError(
      'operation_in_progress',
      { ...detail, reason: 'the tenant is being moved and takes no writes just now', retryAfterMs: 1_000 },
      { cause },
    );
  if (sqlState === '42501')
    return new BulkheadError(
      'value_invalid',
      { ...detail, reason: 'the tenant role may not do this' },
      { cause },
    );
  // Class 22: a value that its type cannot hold. Class 23: not null and check. Class 42: the statement itself.
  if (/^(?:22|23|42|0A)/.test(sqlState))
    return new BulkheadError('value_invalid', { ...detail, reason: cause.message }, { cause });
  return isBulkheadError(cause) ? cause : new BulkheadError('internal', detail, { cause });
}

/**
 * A transaction that only reads is what an umbrella scope is given; to anyone else the same answer means a server that
 * became a replica, which the driver takes for one that is out of reach.
 */
function isReadersWrite(cause: unknown, scope: Scope | undefined): boolean {
  if (cause instanceof SqlError) return cause.sqlState === readerRefusedState;
  return (
    scope?.access.kind === 'umbrella' &&
    isBulkheadError(cause, 'compartment_unreachable') &&
    cause.detail['sqlState'] === readOnlyState
  );
}
