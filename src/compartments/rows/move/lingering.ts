import type { SqlServer } from '../../../drivers/server.ts';
import type { AdminDatabase } from '../../../drivers/sql.ts';

/** Longer than a move is quiet between two of its statements; short enough that others get their turn. */
const lingerMs = 1_500;

interface Kept {
  readonly admin: Promise<AdminDatabase>;
  readonly release: () => void;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The owner's way into databases of tenants, kept open for a moment after each use: a pause of writes must not be made of
 * connections being opened. What nobody uses is given back, so moves that wait for each other's connections go on.
 */
export class LingeringAdmins {
  readonly #kept = new Map<string, Kept>();

  async use<T>(server: SqlServer, database: string, body: (admin: AdminDatabase) => Promise<T>): Promise<T> {
    const name = `${server.name}/${database}`;
    const kept = this.#kept.get(name) ?? this.#open(name, server, database);
    kept.users += 1;
    clearTimeout(kept.timer);
    try {
      return await body(await kept.admin);
    } finally {
      kept.users -= 1;
      if (kept.users === 0) kept.timer = setTimeout(() => this.#release(name, kept), lingerMs).unref();
    }
  }

  /** Before the database is dropped. */
  drop(server: string, database: string): void {
    const name = `${server}/${database}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) this.#release(name, kept);
  }

  close(): void {
    for (const [name, kept] of this.#kept) this.#release(name, kept);
  }

  #open(name: string, server: SqlServer, database: string): Kept {
    const opened = Promise.withResolvers<AdminDatabase>();
    const released = Promise.withResolvers<void>();
    const kept: Kept = { admin: opened.promise, release: released.resolve, users: 0, timer: undefined };
    this.#kept.set(name, kept);
    server
      .withAdmin(database, async (admin) => {
        opened.resolve(admin);
        await released.promise;
      })
      .catch((cause: unknown) => {
        opened.reject(cause);
        this.#forget(name, kept);
      });
    return kept;
  }

  #release(name: string, kept: Kept): void {
    clearTimeout(kept.timer);
    this.#forget(name, kept);
    kept.release();
  }

  #forget(name: string, kept: Kept): void {
    if (this.#kept.get(name) === kept) this.#kept.delete(name);
  }
}
