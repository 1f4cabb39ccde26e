import { BulkheadError } from '../../core/errors.ts';

interface Entry<T> {
  readonly path: string;
  readonly opening: Promise<T>;
  users: number;
  lastUse: number;
}

const waitMs = 20_000;

/**
 * Things that are opened when first used, at most `limit` of them at a time: the least recently used one that nobody
 * uses is closed for the next. With all of them in use, the next waits.
 */
export class OpenSet<T extends { close(): Promise<void> }> {
  readonly #limit: number;
  readonly #open: (path: string) => Promise<T>;
  readonly #entries = new Map<string, Entry<T>>();
  /** Paths that are being closed; opening one again waits for that. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #uses = 0;
  #isClosed = false;

  constructor(limit: number, open: (path: string) => Promise<T>) {
    this.#limit = Math.max(1, limit);
    this.#open = open;
  }

  get size(): number {
    return this.#entries.size + this.#closing.size;
  }

  isOpen(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Keeps it open while `body` runs. @throws what opening it throws; pool_saturated, shutting_down */
  async use<R>(path: string, body: (value: T) => Promise<R>): Promise<R> {
    const entry = await this.#enter(path);
    try {
      return await body(await entry.opening);
    } finally {
      this.#leave(entry);
    }
  }

  /** Closes it, once nobody uses it, and runs `then` before it can be opened again. */
  async remove(path: string, then: () => Promise<void>): Promise<void> {
    for (;;) {
      const busy = this.#closing.get(path);
      const entry = this.#entries.get(path);
      if (busy !== undefined) await busy;
      else if (entry !== undefined && entry.users > 0) await this.#change();
      else return this.#shut(path, entry, then);
    }
  }

  async closeWhere(isMeant: (path: string) => boolean): Promise<void> {
    const paths = [...this.#entries.keys()].filter(isMeant);
    await Promise.all(paths.map((path) => this.remove(path, () => Promise.resolve())));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.closeWhere(() => true);
    await Promise.all(this.#closing.values());
  }

  async #enter(path: string): Promise<Entry<T>> {
    const endMs = performance.now() + waitMs;
    for (;;) {
      if (this.#isClosed) throw new BulkheadError('shutting_down');
      const entry = this.#entries.get(path);
      const busy = this.#closing.get(path);
      if (entry !== undefined) return this.#count(entry);
      if (busy !== undefined) await busy;
      else if (this.size < this.#limit) return this.#count(this.#start(path));
      else await (this.#closeOldest() ?? this.#changeBefore(endMs));
    }
  }

  #count(entry: Entry<T>): Entry<T> {
    this.#uses += 1;
    entry.users += 1;
    entry.lastUse = this.#uses;
    return entry;
  }

  #start(path: string): Entry<T> {
    const entry: Entry<T> = { path, opening: this.#open(path), users: 0, lastUse: 0 };
    this.#entries.set(path, entry);
    entry.opening.catch(() => {
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
      this.#changed();
    });
    return entry;
  }

  #leave(entry: Entry<T>): void {
    entry.users -= 1;
    if (entry.users === 0) this.#changed();
  }

  #closeOldest(): Promise<void> | undefined {
    const unused = [...this.#entries.values()].filter(({ users }) => users === 0);
    const oldest = unused.toSorted((a, b) => a.lastUse - b.lastUse)[0];
    return oldest === undefined ? undefined : this.#shut(oldest.path, oldest, () => Promise.resolve());
  }

  async #shut(path: string, entry: Entry<T> | undefined, then: () => Promise<void>): Promise<void> {
    this.#entries.delete(path);
    const closing = (async () => {
      await (await entry?.opening.catch(() => undefined))?.close();
      await then();
    })();
    // Those who wait only want to know that it is over; the error is the closer's.
    this.#closing.set(
      path,
      closing.catch(() => undefined),
    );
    try {
      await closing;
    } finally {
      this.#closing.delete(path);
      this.#changed();
    }
  }

  /** Two users that each hold one and want another would wait for ever. */
  async #changeBefore(endMs: number): Promise<void> {
    const leftMs = endMs - performance.now();
    if (leftMs <= 0)
      throw new BulkheadError('pool_saturated', {
        reason: 'all databases that may be open are in use',
        retryAfterMs: 1_000,
      });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, leftMs);
    await Promise.race([promise, this.#change()]);
    clearTimeout(timer);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
