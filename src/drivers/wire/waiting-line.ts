import { BulkheadError } from '../../core/errors.ts';
import { FairQueue } from './fair-queue.ts';
import type { PoolLimits } from './limits.ts';
import type { Turn } from './turn.ts';

interface Waiting {
  readonly tenantId: string;
  readonly turn: Turn;
  readonly timer: NodeJS.Timeout;
}

/** Turns that wait: in two lanes, each fair between tenants, none of them for too long. */
export class WaitingLine {
  readonly #limits: PoolLimits;
  readonly #lanes: Readonly<Record<Turn['lane'], FairQueue<Waiting>>>;
  readonly #waiting = new Map<Turn, Waiting>();

  constructor(limits: PoolLimits) {
    this.#limits = limits;
    const queue = { total: limits.maxWaiting, perTenant: limits.maxWaitingPerTenant };
    this.#lanes = { shared: new FairQueue(queue), alone: new FairQueue(queue) };
  }

  get size(): number {
    return this.#waiting.size;
  }

  sizeOf(lane: Turn['lane']): number {
    return this.#lanes[lane].size;
  }

  /** @returns false where the turn was refused, because too many wait. */
  join(turn: Turn): boolean {
    const timer = setTimeout(() => {
      if (this.withdraw(turn)) turn.refuse(this.#saturated('waited too long'));
    }, this.#limits.waitTimeoutMs);
    const waiting: Waiting = { tenantId: turn.tenantId, turn, timer };
    const hasJoined = this.#lanes[turn.lane].push(waiting);
    if (hasJoined) {
      this.#waiting.set(turn, waiting);
    } else {
      clearTimeout(timer);
      turn.refuse(this.#saturated('too many are waiting'));
    }
    return hasJoined;
  }

  /** Of those who wait for a connection to themselves, how many could have one now. */
  startableAlone(roomOf: (tenantId: string) => number): number {
    return this.#lanes.alone.countWithin(roomOf);
  }

  next(lane: Turn['lane'], mayStart?: (tenantId: string) => boolean): Turn | undefined {
    const waiting = this.#lanes[lane].shift(mayStart);
    if (waiting !== undefined) this.#left(waiting);
    return waiting?.turn;
  }

  /** @returns false where the turn does not wait (any more). */
  withdraw(turn: Turn): boolean {
    const waiting = this.#waiting.get(turn);
    if (waiting === undefined) return false;
    this.#left(waiting);
    return this.#lanes[turn.lane].remove(waiting);
  }

  refuseAll(error: BulkheadError): void {
    for (const turn of this.#waiting.keys()) if (this.withdraw(turn)) turn.refuse(error);
  }

  #left(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting.turn);
  }

  #saturated(reason: string): BulkheadError {
    const retryAfterMs = Math.min(this.#limits.waitTimeoutMs, 1_000);
    return new BulkheadError('pool_saturated', { reason, waiting: this.size, retryAfterMs });
  }
}
