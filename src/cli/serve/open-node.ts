import { setTimeout as sleep } from 'node:timers/promises';
import type { Bulkhead } from '../../bulkhead.ts';
import { isBulkheadError } from '../../core/errors.ts';
import { createBulkhead, type BulkheadOptions } from '../../create-bulkhead.ts';
import { CliFailure } from '../failure.ts';

export interface Waiting {
  /** How long a database that is down is waited for; Infinity = until it is there. */
  readonly forMs: number;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

const betweenTriesMs = 500;
const noteEveryMs = 5_000;

/**
 * A database that starts together with us is often a few seconds late, so one that does not answer is asked again.
 * Everything else that is wrong is final at once.
 * @throws database_unreachable, interrupted, and what `createBulkhead` throws
 */
export async function openNode(options: BulkheadOptions, waiting: Waiting): Promise<Bulkhead> {
  const startedMs = performance.now();
  let notedMs = -Infinity;
  for (;;) {
    try {
      return await createBulkhead(options);
    } catch (cause) {
      if (!isBulkheadError(cause, 'compartment_unreachable')) throw cause;
      const passedMs = performance.now() - startedMs;
      if (passedMs >= waiting.forMs) throw unreachable(waiting.forMs, cause);
      if (passedMs - notedMs >= noteEveryMs) {
        notedMs = passedMs;
        const left = Number.isFinite(waiting.forMs)
          ? `giving up in ${Math.ceil((waiting.forMs - passedMs) / 1_000)} s`
          : 'waiting until it does';
        waiting.note(`the database does not answer yet; ${left}`);
      }
    }
    await sleep(betweenTriesMs, undefined, { signal: waiting.signal }).catch(throwInterrupted);
  }
}

function unreachable(forMs: number, cause: unknown): CliFailure {
  return new CliFailure(
    'database_unreachable',
    {
      reason: `BULKHEAD_DATABASE_URL was tried for ${Math.round(forMs / 1_000)} s`,
      hint: 'start the database, or correct BULKHEAD_DATABASE_URL; --wait waits until it is there',
    },
    { cause },
  );
}

function throwInterrupted(cause: unknown): never {
  throw new CliFailure('interrupted', { hint: 'start it again when the database is there' }, { cause });
}
