import { BulkheadError } from '../../core/errors.ts';
import { FairQueue } from './fair-queue.ts';
import type { PoolStats } from '../sql.ts';
import { holdMs, type BudgetMember, type ConnectionBudget } from './connection-budget.ts';
import type { PoolLimits } from './limits.ts';
import type { ConnectionEvents, PipelinedConnection } from './pipelined-connection.ts';
import { leastLoaded, type Slot } from './slot.ts';

/** Somebody who wants a connection. Exactly one of `start` and `refuse` is called, once. */
export interface Turn {
  readonly tenantId: string;
  readonly lane: 'shared' | 'alone';
  /** `shared`: submit and return. `alone`: the connection is the caller's until `giveBack`. */
  start(connection: PipelinedConnection): void;
  refuse(error: BulkheadError): void;
}

interface Waiting {
  readonly tenantId: string;
  readonly turn: Turn;
  readonly timer: NodeJS.Timeout;
}

/** Opens one more connection. @throws compartment_unreachable */
export type Connect = (events: ConnectionEvents) => Promise<PipelinedConnection>;

/** Connections of one login to one database, and the tenants that wait for them in turn. */
export class Pool implements BudgetMember {
  readonly #connect: Connect;
  readonly #limits: PoolLimits;
  readonly #budget: ConnectionBudget;
  readonly #slots = new Map<PipelinedConnection, Slot>();
  readonly #waiting: Readonly<Record<Turn['lane'], FairQueue<Waiting>>>;
  readonly #queued = new Map<Turn, Waiting>();
  #opening = 0;
  #requested = 0;
  #lastUsedMs = 0;
  #sweep: NodeJS.Timeout | undefined;
  #closed: (() => void) | undefined;
  /** Named until a pooler shows that it does not keep named statements. */
  #naming: 'named' | 'unnamed' = 'named';

  constructor(connect: Connect, limits: PoolLimits, budget: ConnectionBudget) {
    this.#connect = connect;
    this.#limits = limits;
    this.#budget = budget;
    const queue = { total: limits.maxWaiting, perTenant: limits.maxWaitingPerTenant };
    this.#waiting = { shared: new FairQueue(queue), alone: new FairQueue(queue) };
    budget.join(this);
  }

  /** Starts the turn now, or queues it. */
  take(turn: Turn): void {
    if (this.#closed !== undefined) return turn.refuse(new BulkheadError('shutting_down'));
    const slot = this.#waiting[turn.lane].size === 0 ? this.#slotFor(turn.lane) : undefined;
    if (slot === undefined) return this.#enqueue(turn);
    this.#lastUsedMs = performance.now();
    this.#start(slot, turn);
    // One behind another goes well; still, there should be as many connections as short statements may share.
    if (slot.connection.depth > 1) this.#openWhere('shared');
    return undefined;
  }

  /** Takes a queued turn out again. @returns false where it has started or ended already. */
  withdraw(turn: Turn): boolean {
    const waiting = this.#queued.get(turn);
    if (waiting === undefined) return false;
    this.#dequeue(waiting);
    return this.#waiting[turn.lane].remove(waiting);
  }

  /** A connection's server does not know a name it was given. */
  namesUnknownTo(connection: PipelinedConnection): void {
    if (connection.isDirect) connection.forgetAll();
    else this.#naming = 'unnamed';
  }

  giveBack(connection: PipelinedConnection): void {
    const slot = this.#slots.get(connection);
    if (slot === undefined) return;
    slot.use = 'shared';
    this.#room(slot);
  }

  stats(): PoolStats {
    const slots = [...this.#slots.values()];
    const waiting = this.#waiting.shared.size + this.#waiting.alone.size;
    return {
      open: slots.length,
      busy: slots.filter(isBusy).length,
      waiting,
      limit: this.#limits.maxConnections,
      saturated: waiting > 0 && (this.held >= this.#limits.maxConnections || this.#budget.isShort),
    };
  }

  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.#refuseAll(new BulkheadError('shutting_down'));
    this.#requested -= this.#budget.withdraw(this);
    for (const { connection } of this.#slots.values()) connection.retire();
    const force = setTimeout(() => {
      for (const { connection } of this.#slots.values()) connection.abandon();
    }, closeGraceMs);
    this.#settleClosed();
    await closed;
    clearTimeout(force);
    clearInterval(this.#sweep);
    this.#budget.leave(this);
  }

  get naming(): 'named' | 'unnamed' {
    return this.#naming;
  }

  get held(): number {
    return this.#slots.size + this.#opening;
  }

  get lastUsedMs(): number {
    return this.#lastUsedMs;
  }

  closeIdle(): boolean {
    const idle = [...this.#slots.values()].find((slot) => slot.connection.isUsable && !isBusy(slot));
    idle?.connection.retire();
    return idle !== undefined;
  }

  giveUpOne(): boolean {
    const nowMs = performance.now();
    const held = [...this.#slots.values()].filter(({ connection }) => connection.isUsable);
    const spare = held.find(
      (slot) => slot.use === 'shared' && (held.length > 1 || nowMs - slot.openedMs > holdMs),
    );
    spare?.connection.retire();
    return spare !== undefined;
  }

  granted(): void {
    this.#requested -= 1;
    this.#opening += 1;
    void this.#open();
  }

  async #open(): Promise<void> {
    try {
      const connection = await this.#connect({
        onRoom: (free) => this.#roomIn(free),
        onClosed: (gone) => this.#gone(gone),
      });
      this.#opening -= 1;
      this.#opened(connection);
    } catch (cause) {
      this.#opening -= 1;
      this.#budget.release();
      // With other connections alive those who wait may yet have their turn; their wait is bounded.
      if (this.held === 0) this.#refuseAll(cause as BulkheadError);
      this.#settleClosed();
    }
  }

  #opened(connection: PipelinedConnection): void {
    const openedMs = performance.now();
    const slot: Slot = { connection, use: 'shared', lastLane: 'alone', openedMs };
    this.#slots.set(connection, slot);
    this.#sweep ??= this.#startSweep();
    if (this.#closed === undefined) this.#room(slot);
    else connection.retire();
  }

  #roomIn(connection: PipelinedConnection): void {
    const slot = this.#slots.get(connection);
    if (slot !== undefined && slot.use !== 'alone') this.#room(slot);
  }

  /** A slot can take more: the next in turn gets it. */
  #room(slot: Slot): void {
    const { connection } = slot;
    const { shared, alone } = this.#waiting;
    if (!connection.isUsable || (slot.use === 'reserved' && connection.depth > 0)) return;
    slot.use = 'shared';
    const aloneFirst = shared.size === 0 || slot.lastLane === 'shared';
    if (connection.depth === 0 && alone.size > 0 && aloneFirst) return this.#startNext(slot, 'alone');
    while (shared.size > 0 && connection.isUsable && connection.depth < this.#limits.depth)
      this.#startNext(slot, 'shared');
    this.#reserve();
    if (!isBusy(slot) && this.#budget.isShort) connection.retire();
  }

  /** Nothing more can be opened for those who wait for a connection of their own: let busy ones run empty. */
  #reserve(): void {
    const slots = [...this.#slots.values()];
    const missing = this.#waiting.alone.size - slots.filter(({ use }) => use === 'reserved').length;
    if (missing <= 0 || this.held < this.#limits.maxConnections) return;
    const candidate = slots
      .filter(({ use, connection }) => use === 'shared' && connection.depth > 0)
      .toSorted((a, b) => a.connection.depth - b.connection.depth)[0];
    if (candidate !== undefined) candidate.use = 'reserved';
  }

  #startNext(slot: Slot, lane: Turn['lane']): void {
    const waiting = this.#waiting[lane].shift();
    if (waiting === undefined) return;
    this.#dequeue(waiting);
    this.#lastUsedMs = performance.now();
    this.#start(slot, waiting.turn);
  }

  #start(slot: Slot, turn: Turn): void {
    slot.lastLane = turn.lane;
    if (turn.lane === 'alone') slot.use = 'alone';
    turn.start(slot.connection);
  }

  #slotFor(lane: Turn['lane']): Slot | undefined {
    if (lane === 'alone')
      return [...this.#slots.values()].find((slot) => slot.connection.isUsable && !isBusy(slot));
    return leastLoaded(this.#slots.values(), this.#limits);
  }

  #enqueue(turn: Turn): void {
    const timer = setTimeout(() => {
      if (this.withdraw(turn)) turn.refuse(this.#saturated('waited too long'));
    }, this.#limits.waitTimeoutMs);
    const waiting: Waiting = { tenantId: turn.tenantId, turn, timer };
    if (!this.#waiting[turn.lane].push(waiting)) {
      clearTimeout(timer);
      return turn.refuse(this.#saturated('too many are waiting'));
    }
    this.#queued.set(turn, waiting);
    this.#openWhere('waiting');
    if (turn.lane === 'alone') this.#reserve();
    return undefined;
  }

  #dequeue(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#queued.delete(waiting.turn);
  }

  #openWhere(reason: 'shared' | 'waiting'): void {
    const coming = this.#opening + this.#requested;
    const total = this.#slots.size + coming;
    const { maxConnections, sharedConnections } = this.#limits;
    const wanted =
      reason === 'waiting'
        ? coming < this.#queued.size && total < maxConnections
        : coming === 0 && total < Math.min(sharedConnections, maxConnections);
    // While other pools wait for their first connection nobody asks for a second one.
    const isGreedy = total > 0 && this.#budget.isShort;
    if (!wanted || isGreedy || this.#closed !== undefined) return;
    this.#requested += 1;
    this.#budget.request(this);
  }

  #gone(connection: PipelinedConnection): void {
    this.#slots.delete(connection);
    this.#budget.release();
    if (this.#queued.size > 0) this.#openWhere('waiting');
    this.#settleClosed();
  }

  #settleClosed(): void {
    if (this.#slots.size + this.#opening === 0) this.#closed?.();
  }

  #refuseAll(error: BulkheadError): void {
    for (const [turn, waiting] of this.#queued) {
      this.#waiting[turn.lane].remove(waiting);
      this.#dequeue(waiting);
      turn.refuse(error);
    }
  }

  #saturated(reason: string): BulkheadError {
    return new BulkheadError('pool_saturated', {
      reason,
      waiting: this.#queued.size,
      retryAfterMs: Math.min(this.#limits.waitTimeoutMs, 1_000),
    });
  }

  #startSweep(): NodeJS.Timeout {
    const timer = setInterval(() => this.#sweepOnce(), Math.min(1_000, this.#limits.idleTimeoutMs));
    timer.unref();
    return timer;
  }

  #sweepOnce(): void {
    const nowMs = performance.now();
    const { idleTimeoutMs, maxLifetimeMs, minConnections, replyTimeoutMs } = this.#limits;
    let open = this.#slots.size;
    for (const slot of this.#slots.values()) {
      const { connection, openedMs } = slot;
      if (connection.headAgeMs(nowMs) > replyTimeoutMs) connection.abandon();
      if (isBusy(slot)) continue;
      const old = nowMs - openedMs > maxLifetimeMs;
      const idle = connection.idleForMs(nowMs) > idleTimeoutMs && open > minConnections;
      if (!old && !idle) continue;
      connection.retire();
      open -= 1;
    }
  }
}

const closeGraceMs = 5_000;

function isBusy({ use, connection }: Slot): boolean {
  return use === 'alone' || connection.depth > 0;
}
