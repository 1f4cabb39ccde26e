import { BulkheadError } from '../../../core/errors.ts';

/** Puts the next item where the reader takes it. Waits while two lie there already. @throws aborted where nobody reads on */
export type Give<T> = (item: T) => Promise<void>;

const readyAtMost = 2;

/**
 * What `produce` gives, as a stream: it works ahead by two items and then waits. It may hold a transaction all the while,
 * because a reader that goes away, or takes nothing for `patienceMs`, ends it.
 */
export async function* handOver<T>(
  produce: (give: Give<T>) => Promise<void>,
  patienceMs: number,
): AsyncGenerator<T, void, undefined> {
  const desk = new Desk<T>(patienceMs);
  const finished = produce((item) => desk.put(item)).finally(() => desk.end());
  // Its failure is thrown where the reader waits for it, below.
  finished.catch(() => undefined);
  try {
    for (let item = await desk.take(); item !== undefined; item = await desk.take()) yield item;
    await finished;
  } finally {
    desk.abandon();
    await finished.catch(() => undefined);
  }
}

class Desk<T> {
  readonly #patienceMs: number;
  readonly #ready: T[] = [];
  #state: 'working' | 'ended' | 'abandoned' = 'working';
  #change = Promise.withResolvers<void>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  async put(item: T): Promise<void> {
    const timer = setTimeout(() => this.abandon(), this.#patienceMs);
    try {
      while (this.#state === 'working' && this.#ready.length >= readyAtMost) await this.#change.promise;
    } finally {
      clearTimeout(timer);
    }
    if (this.#state === 'abandoned')
      throw new BulkheadError('aborted', { reason: 'the reader of an export took nothing for too long' });
    this.#ready.push(item);
    this.#changed();
  }

  /** @returns undefined at the end, and where the work was given up */
  async take(): Promise<T | undefined> {
    while (this.#state === 'working' && this.#ready.length === 0) await this.#change.promise;
    if (this.#state === 'abandoned') return undefined;
    const item = this.#ready.shift();
    this.#changed();
    return item;
  }

  end(): void {
    if (this.#state === 'working') this.#state = 'ended';
    this.#changed();
  }

  abandon(): void {
    this.#state = 'abandoned';
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}
