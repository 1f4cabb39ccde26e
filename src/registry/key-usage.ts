import type { KeyId } from '../core/ids.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import type { RegistryLog } from './log.ts';

const FLUSH_MS = 5_000;
const WRITE_TIMEOUT_MS = 10_000;

// At most one write a minute for a key, on however many nodes it is used.
const touchText = `update bulkhead.api_key k set last_used_at = used.at
  from (select id, to_timestamp(ms / 1000) as at from unnest($1::text[], $2::float8[]) u (id, ms)) used
  where k.id = used.id and (k.last_used_at is null or k.last_used_at <= used.at - interval '1 minute')`;

/** When keys were last used, collected and written outside the request path. */
export class KeyUsage {
  readonly #admin: AdminDatabase;
  readonly #log: RegistryLog;
  readonly #used = new Map<KeyId, number>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(admin: AdminDatabase, log: RegistryLog) {
    this.#admin = admin;
    this.#log = log;
  }

  touch(id: KeyId, atMs: number): void {
    this.#used.set(id, atMs);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write();
    }, FLUSH_MS);
    this.#timer.unref();
  }

  /** Writes what is left. Never throws: a time of last use is not worth a failed stop. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
    clearTimeout(this.#timer);
  }

  /** What could not be written is kept for the next time, unless the key was used again. */
  async #write(): Promise<void> {
    if (this.#used.size === 0) return;
    const batch = [...this.#used];
    this.#used.clear();
    const values = [batch.map(([id]) => id), batch.map(([, ms]) => ms)];
    try {
      await answerOf(this.#admin.query(touchText, values), WRITE_TIMEOUT_MS);
    } catch (cause) {
      for (const [id, ms] of batch) if (!this.#used.has(id)) this.touch(id, ms);
      this.#log({ event: 'registry.key_usage_failed', cause });
    }
  }
}
