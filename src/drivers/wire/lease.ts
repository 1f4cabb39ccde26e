import { BulkheadError } from '../../core/errors.ts';
import { onAbort } from './on-abort.ts';
import type { PipelinedConnection } from './pipelined-connection.ts';
import type { Pool } from './pool.ts';
import type { Turn } from './turn.ts';

/** A connection of one's own, until disposed. */
export interface Lease extends AsyncDisposable {
  readonly connection: PipelinedConnection;
}

/** @throws pool_saturated, compartment_unreachable, shutting_down; aborted while waiting. */
export function lease(pool: Pool, tenantId: string, signal: AbortSignal | undefined): Promise<Lease> {
  return new Promise((resolve, reject) => {
    let stopListening: (() => void) | undefined;
    const turn: Turn = {
      tenantId,
      lane: 'alone',
      effect: 'writes',
      start(connection) {
        stopListening?.();
        resolve({
          connection,
          [Symbol.asyncDispose]: () => Promise.resolve(pool.giveBack(connection)),
        });
      },
      refuse(error) {
        stopListening?.();
        reject(error);
      },
    };
    if (signal?.aborted === true) return reject(new BulkheadError('aborted'));
    stopListening =
      signal === undefined
        ? undefined
        : onAbort(signal, () => {
            if (pool.withdraw(turn)) reject(new BulkheadError('aborted'));
          });
    return pool.take(turn);
  });
}
