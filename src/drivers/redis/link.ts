import { Redis } from 'ioredis';
import { BulkheadError } from '../../core/errors.ts';
import type { OnStoreState, StoreState } from '../key-value.ts';

export interface RedisLinkOptions {
  /** For messages and health; never the URL, which may hold a password. */
  readonly name: string;
  /** `redis://` or, for TLS, `rediss://`; a path names the logical database. */
  readonly url: string;
  /** PEM of the authority that has signed the server's certificate; undefined = those that Node knows. */
  readonly authority?: string | undefined;
  /** Longest wait for one answer, and for a connection. */
  readonly timeoutMs: number;
  readonly onState?: OnStoreState | undefined;
}

/** A connection and the calls whose answers are still to come over it. */
interface Line {
  readonly redis: Redis;
  calls: number;
  isRetired: boolean;
}

const firstRetryMs = 50;
const lastRetryMs = 2_000;

/**
 * One multiplexed connection to a Redis server, replaced when it can no longer be trusted.
 *
 * A call that is cancelled or times out has left an answer on the way. Clients that then went on with the connection have
 * handed that answer to the next caller. So such a connection takes no further calls: those under way before keep their
 * order and their answers, then it is destroyed; the next call goes over a new one.
 *
 * While the server does not answer, calls are refused at once, and it is tried again in the background.
 */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  #line: Line | undefined;
  #connecting: Promise<Line> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;
  #state: StoreState = 'up';
  #isClosed = false;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  get state(): StoreState {
    return this.#state;
  }

  /** @throws compartment_unreachable where the server does not answer in time · aborted where the signal fired */
  async run<T>(command: (redis: Redis) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted === true) throw new BulkheadError('aborted');
    if (this.#state === 'down') throw this.#unreachable('it does not answer; it is tried again by itself');
    const line = this.#line ?? (await this.#connect());
    return await this.#ask(line, command, signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const line = this.#line;
    this.#line = undefined;
    if (line !== undefined) this.#retire(line);
  }

  #ask<T>(line: Line, command: (redis: Redis) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const giveUp = (error: BulkheadError): void => {
      this.#retire(line);
      reject(error);
    };
    const onAbort = (): void => giveUp(new BulkheadError('aborted'));
    const timer = setTimeout(() => {
      giveUp(this.#unreachable('it did not answer in time'));
      // Whether it is only slow or gone shows when it is asked over a new connection; until then nobody waits for it.
      this.#lose();
    }, this.#options.timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    line.calls += 1;
    Promise.resolve()
      .then(() => command(line.redis))
      .then(resolve, (cause: unknown) => reject(this.#toError(cause)))
      .finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        line.calls -= 1;
        if (line.isRetired && line.calls === 0) line.redis.disconnect();
      });
    return promise;
  }

  #connect(): Promise<Line> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<Line> {
    const { url, timeoutMs, authority } = this.#options;
    const redis = new Redis(url, {
      ...(url.startsWith('rediss:') && authority !== undefined ? { tls: { ca: authority } } : {}),
      lazyConnect: true,
      connectTimeout: timeoutMs,
      // What is sent twice after a break may be done twice, and what waits for a connection waits too long.
      retryStrategy: () => null,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      // Measured: it halves the throughput of calls like ours.
      enableAutoPipelining: false,
      enableReadyCheck: false,
      disableClientInfo: true,
    });
    const line: Line = { redis, calls: 0, isRetired: false };
    redis.on('error', () => {});
    redis.once('end', () => {
      if (this.#line !== line) return;
      this.#line = undefined;
      if (!this.#isClosed) this.#lose();
    });
    try {
      await withDeadline(
        redis.connect().then(() => redis.ping()),
        timeoutMs,
      );
    } catch (cause) {
      redis.disconnect();
      this.#lose();
      throw this.#unreachable('no connection', cause);
    }
    if (this.#isClosed) redis.disconnect();
    else this.#line = line;
    this.#retryMs = firstRetryMs;
    this.#tell('up');
    return line;
  }

  /** Takes no further calls, and ends with the last answer that is on its way. */
  #retire(line: Line): void {
    if (this.#line === line) this.#line = undefined;
    if (line.isRetired) return;
    line.isRetired = true;
    if (line.calls === 0) line.redis.disconnect();
    else setTimeout(() => line.redis.disconnect(), this.#options.timeoutMs).unref();
  }

  #lose(): void {
    if (this.#isClosed) return;
    this.#tell('down');
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#connect().catch(() => {});
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2);
  }

  #tell(state: StoreState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState?.({ store: this.#options.name, state });
  }

  #toError(cause: unknown): BulkheadError {
    // Such as OOM, READONLY or NOAUTH: the first word of an answer is Redis's code, the rest may quote a key.
    const [, code] = /^([A-Z]{2,20})\b/.exec(cause instanceof Error ? cause.message : '') ?? [];
    return this.#unreachable(code === undefined ? 'the connection broke' : `it answers ${code}`, cause);
  }

  #unreachable(reason: string, cause?: unknown): BulkheadError {
    return new BulkheadError('compartment_unreachable', { store: this.#options.name, reason }, { cause });
  }
}

async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('too late')), timeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
