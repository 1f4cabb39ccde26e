import type { BulkheadError } from '../../core/errors.ts';
import type { PipelinedConnection } from './pipelined-connection.ts';

/** Somebody who wants a connection. Exactly one of `start` and `refuse` is called, once. */
export interface Turn {
  readonly tenantId: string;
  readonly lane: 'shared' | 'alone';
  readonly effect: 'reads' | 'writes';
  /** `shared`: submit and return. `alone`: the connection is the caller's until `giveBack`. */
  start(connection: PipelinedConnection): void;
  refuse(error: BulkheadError): void;
}
