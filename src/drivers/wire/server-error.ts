import { BulkheadError } from '../../core/errors.ts';
import { SqlError } from '../sql.ts';
import { withoutValues } from './sql-state.ts';

/** An ErrorResponse, before it is decided what the caller gets to see of it. */
export interface ServerError {
  readonly severity: string;
  readonly sqlState: string;
  readonly message: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  readonly position: number | undefined;
  /** The server's source function: it tells errors of one SQLSTATE apart in any language. */
  readonly routine: string | undefined;
}

/** Reads the payload of an ErrorResponse; DETAIL, HINT and WHERE are left behind, they hold rows. */
export function readServerError(bytes: Buffer, start: number): ServerError {
  const fields = new Map<string, string>();
  for (let at = start; (bytes[at] ?? 0) !== 0;) {
    const end = bytes.indexOf(0, at + 1);
    fields.set(bytes.toString('latin1', at, at + 1), bytes.toString('utf8', at + 1, end));
    at = end + 1;
  }
  const position = fields.get('P');
  return {
    // V is the severity that is never translated.
    severity: fields.get('V') ?? fields.get('S') ?? 'ERROR',
    sqlState: fields.get('C') ?? 'XX000',
    message: fields.get('M') ?? '',
    constraint: fields.get('n'),
    table: fields.get('t'),
    column: fields.get('c'),
    position: position === undefined ? undefined : Number(position),
    routine: fields.get('R'),
  };
}

export function toSqlError(error: ServerError): SqlError {
  return new SqlError({ ...error, message: withoutValues(error.sqlState, error.message) });
}

/**
 * Too many connections, out of memory, a limit of its configuration, only a reader since a fail-over, a device that
 * fails, shutting down, crashed, starting up, connection lost; 08P01 is also what a wrong number of values gets.
 */
const unreachable = /^(?:53[234]00|25006|58030|57P0[1-5]|08(?!P01)...)$/;
const diskFull = '53100';

/** What the caller gets: our own code where the server could not do its work, else the database's own answer. */
export function toCallerError(error: ServerError): BulkheadError | SqlError {
  const cause = toSqlError(error);
  if (error.sqlState === '57014') return new BulkheadError('statement_timeout', {}, { cause });
  if (error.sqlState === '25P03')
    return new BulkheadError(
      'statement_timeout',
      { reason: 'the transaction was idle for too long' },
      { cause },
    );
  if (unreachable.test(error.sqlState))
    return new BulkheadError('compartment_unreachable', { sqlState: error.sqlState }, { cause });
  if (error.sqlState === diskFull)
    return new BulkheadError('store_full', { sqlState: error.sqlState }, { cause });
  return cause;
}
