import type { Clock } from '../../core/clock.ts';
import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { LimitAnswer, LimitAsking } from '../../core/limit.ts';
import type { LocalLimitStore, SharedLimitStore } from '../../drivers/limit-store.ts';
import { toShare } from './rules.ts';

export interface LimiterOptions {
  /** Where limits are counted. */
  readonly store: SharedLimitStore | LocalLimitStore;
  /** Counts while `store` does not answer; of this process. */
  readonly local: LocalLimitStore;
  /** Of each limit, what this process admits by itself meanwhile: 1 divided by the number of nodes. */
  readonly localShare: number;
  readonly clock: Clock;
}

/** `unavailable`: the store does not answer, and the tenant is to be refused then. */
export type Limited =
  | { readonly kind: 'answer'; readonly answer: LimitAnswer }
  | { readonly kind: 'unavailable' };

interface Waiting {
  readonly asking: LimitAsking;
  readonly resolve: (answer: LimitAnswer) => void;
  readonly reject: (cause: unknown) => void;
}

/** More would wait for what comes before; the rest goes with the next call. */
const batchAtMost = 1_000;

/** Asks the store once a turn of the event loop for everything that was asked in it. */
export class Limiter {
  readonly #options: LimiterOptions;
  #waiting: Waiting[] = [];

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  get isAway(): boolean {
    return this.#options.store.state() === 'down';
  }

  /** A store in this process answers at once, without a promise. */
  decide(asking: LimitAsking, mode: 'closed' | 'local'): Limited | Promise<Limited> {
    const { store } = this.#options;
    if (store.isLocal) return this.#ask(store, asking);
    // It is not waited for again by every request; once it is back, its driver says so.
    if (this.isAway) return this.#without(asking, mode);
    const { promise, resolve, reject } = Promise.withResolvers<LimitAnswer>();
    this.#waiting.push({ asking, resolve, reject });
    if (this.#waiting.length === 1) setImmediate(() => this.#send());
    return promise.then(
      (answer): Limited => ({ kind: 'answer', answer }),
      (cause: unknown) => {
        if (isBulkheadError(cause, 'compartment_unreachable')) return this.#without(asking, mode);
        throw cause;
      },
    );
  }

  async close(): Promise<void> {
    await this.#options.store.close();
    await this.#options.local.close();
  }

  #ask(store: LocalLimitStore, asking: LimitAsking): Limited {
    const [answer] = store.decideNow([asking], this.#options.clock.nowMs());
    if (answer === undefined) throw new BulkheadError('internal', { reason: 'a store gave no answer' });
    return { kind: 'answer', answer };
  }

  #send(): void {
    const { store, clock } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchAtMost);
      const askings = batch.map(({ asking }) => asking);
      store.decide(askings, clock.nowMs()).then(
        (answers) =>
          batch.forEach(({ resolve, reject }, index) => {
            const answer = answers[index];
            if (answer === undefined)
              reject(new BulkheadError('internal', { reason: 'a store gave no answer' }));
            else resolve(answer);
          }),
        (cause: unknown) => {
          for (const { reject } of batch) reject(cause);
        },
      );
    }
  }

  /** The store is away: nobody, or the share of this process. Never everybody. */
  #without(asking: LimitAsking, mode: 'closed' | 'local'): Limited {
    if (mode === 'closed') return { kind: 'unavailable' };
    const { local, localShare } = this.#options;
    const charges = asking.charges.map((charge) => ({ ...charge, rule: toShare(charge.rule, localShare) }));
    return this.#ask(local, { charges });
  }
}
