import { BulkheadError } from '../core/errors.ts';
import type { Row } from '../drivers/sql.ts';

export interface BatchSource<Key extends string, Value> {
  /** Rows of the keys that exist, in any order. Must end: what hangs here holds one of the two places. */
  read(keys: readonly Key[]): Promise<readonly Row[]>;
  /** @throws where the row cannot be understood; only its own key is refused then */
  parse(row: Row): Value;
  keyOf(row: Row): string;
}

interface Waiting<Value> {
  readonly resolve: (value: Value | undefined) => void;
  readonly reject: (cause: unknown) => void;
}

const BATCH_SIZE = 500;
const PARALLEL = 2;
const MAX_WAITING = 20_000;

/**
 * Collects the misses of a moment into one query, with two queries running at most. So a flood of unknown ids costs
 * the database two connections and never more, however many callers wait.
 */
export class BatchLoader<Key extends string, Value> {
  readonly #source: BatchSource<Key, Value>;
  readonly #waiting = new Map<Key, Waiting<Value>[]>();
  #running = 0;

  constructor(source: BatchSource<Key, Value>) {
    this.#source = source;
  }

  /** Reads after this call, never before. @throws pool_saturated where too many wait already */
  load(key: Key): Promise<Value | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Value | undefined>();
    const others = this.#waiting.get(key);
    if (others !== undefined) others.push({ resolve, reject });
    else if (this.#waiting.size < MAX_WAITING) this.#waiting.set(key, [{ resolve, reject }]);
    else reject(new BulkheadError('pool_saturated', { reason: 'too many registry reads are waiting' }));
    // Not at once: the misses of the same turn of the event loop shall travel together.
    queueMicrotask(() => this.#dispatch());
    return promise;
  }

  #dispatch(): void {
    while (this.#running < PARALLEL && this.#waiting.size > 0) {
      const batch = new Map(this.#waiting.entries().take(BATCH_SIZE));
      for (const key of batch.keys()) this.#waiting.delete(key);
      this.#running += 1;
      void this.#run(batch).finally(() => {
        this.#running -= 1;
        this.#dispatch();
      });
    }
  }

  async #run(batch: ReadonlyMap<Key, readonly Waiting<Value>[]>): Promise<void> {
    let rows: ReadonlyMap<string, Row>;
    try {
      const found = await this.#source.read([...batch.keys()]);
      rows = new Map(found.map((row) => [this.#source.keyOf(row), row]));
    } catch (cause) {
      // Those in line as well: where one query fails or hangs, they would only wait longer for the same.
      rejectAll(batch, cause);
      rejectAll(this.#waiting, cause);
      this.#waiting.clear();
      return;
    }
    for (const [key, waiting] of batch) this.#answer(waiting, rows.get(key));
  }

  #answer(waiting: readonly Waiting<Value>[], row: Row | undefined): void {
    try {
      const value = row === undefined ? undefined : this.#source.parse(row);
      for (const { resolve } of waiting) resolve(value);
    } catch (cause) {
      for (const { reject } of waiting) reject(cause);
    }
  }
}

function rejectAll(
  waiting: ReadonlyMap<string, readonly Pick<Waiting<unknown>, 'reject'>[]>,
  cause: unknown,
): void {
  for (const callers of waiting.values()) for (const { reject } of callers) reject(cause);
}
