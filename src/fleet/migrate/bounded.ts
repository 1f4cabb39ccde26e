/** Runs `work` on each item, at most `limit` at a time, in order. */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
}

export interface WorkerLimits {
  readonly total: number;
  readonly perServer: number;
}

/** The same with a limit for each server besides, so that a slow one holds up nobody else's work. */
export async function forEachOnServers<T extends { readonly server: string }>(
  items: readonly T[],
  limits: WorkerLimits,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const places = new Places(limits.total);
  const onServer = async (queue: readonly T[]): Promise<void> =>
    forEachBounded(queue, limits.perServer, async (item) => {
      await places.take();
      try {
        await work(item);
      } finally {
        places.give();
      }
    });
  await Promise.all([...Map.groupBy(items, ({ server }) => server).values()].map(onServer));
}

class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  take(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
