import { BulkheadError } from '../../core/errors.ts';
import type { PoolStats } from '../sql.ts';
import { holdMs, type BudgetMember, type ConnectionBudget } from './connection-budget.ts';
import type { PoolLimits } from './limits.ts';
import type { ConnectionEvents, PipelinedConnection } from './pipelined-connection.ts';
import { isBusy, isFree, slotForShared, type Reach, type Slot } from './slot.ts';
import type { Turn } from './turn.ts';
import { WaitingLine } from './waiting-line.ts';

/** Opens one more connection. @throws compartment_unreachable */
export type Connect = (events: ConnectionEvents) => Promise<PipelinedConnection>;

/** How long what is running may go on once the pool is closed. */
const closeGraceMs = 5_000;
/** A commit that takes longer than this waits for the disk, not for the processor. */
const waitsForDiskMs = 0.5;

/** Connections of one login to one database, and the tenants that wait for them in turn. */
export class Pool implements BudgetMember {
  readonly #connect: Connect;
  readonly #limits: PoolLimits;
  readonly #budget: ConnectionBudget;
  readonly #waiting: WaitingLine;
  /** In the order they were opened: shared reads keep to the first ones. */
  #slots: readonly Slot[] = [];
  #opening = 0;
  /** Asked of the budget and not granted yet. */
  #requested = 0;
  #lastUsedMs = 0;
  /** What a quick write takes. */
  #writeMs = 0;
  #sweep: NodeJS.Timeout | undefined;
  #closed: PromiseWithResolvers<void> | undefined;
  #naming: 'named' | 'unnamed' = 'named';

  constructor(connect: Connect, limits: PoolLimits, budget: ConnectionBudget) {
    this.#connect = connect;
    this.#limits = limits;
    this.#budget = budget;
    this.#waiting = new WaitingLine(limits);
    budget.join(this);
  }

  /** Starts the turn now, or queues it. */
  take(turn: Turn): void {
    if (this.#closed !== undefined) return turn.refuse(new BulkheadError('shutting_down'));
    const slot = this.#startable(turn.lane) === 0 ? this.#slotFor(turn) : undefined;
    if (slot === undefined) return this.#wait(turn);
    this.#start(slot, turn);
    // It goes now, behind another one; next time there should be a connection more, up to what its kind may use.
    if (slot.connection.depth > 1 && this.#opening + this.#requested === 0)
      this.#openUpTo(this.#shareOf(turn));
    return undefined;
  }

  /** Takes a queued turn out again. @returns false where it has started or ended already. */
  withdraw(turn: Turn): boolean {
    return this.#waiting.withdraw(turn);
  }

  /** How long the server took over a write, its commit included. */
  wrote(serviceMs: number): void {
    // Near the quickest ones: a busy processor delays many writes, a disk delays all of them.
    this.#writeMs += (serviceMs - this.#writeMs) / (serviceMs < this.#writeMs ? 2 : 64);
  }

  giveBack(connection: PipelinedConnection): void {
    const slot = this.#slotOf(connection);
    if (slot === undefined) return;
    slot.use = 'shared';
    if (slot.isSpoilt) connection.retire();
    else this.#room(slot);
  }

  /** Named until a pooler shows that it does not keep named statements. */
  get naming(): 'named' | 'unnamed' {
    return this.#naming;
  }

  /** A connection's server does not know a name it was given. */
  namesUnknownTo(connection: PipelinedConnection): void {
    if (connection.isDirect) connection.forgetAll();
    else this.#naming = 'unnamed';
  }

  stats(): PoolStats {
    const waiting = this.#waiting.size;
    const limit = this.#limits.maxConnections;
    return {
      open: this.#slots.length,
      busy: this.#slots.filter(isBusy).length,
      waiting,
      limit,
      saturated: waiting > 0 && (this.held >= limit || this.#budget.isShort),
    };
  }

  /** Waits for what is running, for a few seconds; refuses what waits. */
  async close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed.promise;
    this.#closed = Promise.withResolvers<void>();
    this.#waiting.refuseAll(new BulkheadError('shutting_down'));
    this.#requested -= this.#budget.withdraw(this);
    for (const { connection } of this.#slots) connection.retire();
    const force = setTimeout(() => {
      for (const { connection } of this.#slots) connection.abandon();
    }, closeGraceMs);
    this.#settleClosed();
    await this.#closed.promise;
    clearTimeout(force);
    clearInterval(this.#sweep);
    this.#budget.leave(this);
  }

  get held(): number {
    return this.#slots.length + this.#opening;
  }

  get lastUsedMs(): number {
    return this.#lastUsedMs;
  }

  closeIdle(): boolean {
    const idle = this.#slots.find(isFree);
    idle?.connection.retire();
    return idle !== undefined;
  }

  giveUpOne(): boolean {
    const nowMs = performance.now();
    const usable = this.#slots.filter(({ connection }) => connection.isUsable);
    const isSpare = (slot: Slot): boolean => usable.length > 1 || nowMs - slot.openedMs > holdMs;
    const spare = usable.find((slot) => slot.use === 'shared' && isSpare(slot));
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
        onDrift: (drifted) => this.#spoil(drifted),
        onClosed: (gone) => this.#gone(gone),
      });
      this.#opening -= 1;
      this.#opened(connection);
    } catch (cause) {
      this.#opening -= 1;
      this.#budget.release();
      // With other connections alive those who wait may yet have their turn; their wait is bounded.
      if (this.held === 0) this.#waiting.refuseAll(cause as BulkheadError);
      this.#settleClosed();
    }
  }

  #opened(connection: PipelinedConnection): void {
    const slot: Slot = {
      connection,
      use: 'shared',
      guest: undefined,
      lastLane: 'alone',
      isSpoilt: false,
      openedMs: performance.now(),
    };
    this.#slots = [...this.#slots, slot];
    this.#sweep ??= this.#startSweep();
    if (this.#closed === undefined) this.#room(slot);
    else connection.retire();
  }

  #spoil(connection: PipelinedConnection): void {
    const slot = this.#slotOf(connection);
    if (slot === undefined) return;
    slot.isSpoilt = true;
    if (slot.use !== 'alone') connection.retire();
  }

  #gone(connection: PipelinedConnection): void {
    this.#slots = this.#slots.filter((slot) => slot.connection !== connection);
    this.#budget.release();
    if (this.#allStartable() > 0) this.#openUpTo(this.#limits.maxConnections);
    this.#settleClosed();
  }

  #settleClosed(): void {
    if (this.held === 0) this.#closed?.resolve();
  }

  #slotOf(connection: PipelinedConnection): Slot | undefined {
    return this.#slots.find((slot) => slot.connection === connection);
  }

  #slotFor(turn: Turn): Slot | undefined {
    return turn.lane === 'alone'
      ? this.#roomFor(turn.tenantId) > 0
        ? this.#slots.findLast(isFree)
        : undefined
      : slotForShared(this.#slots, this.#reachOf(turn), this.#limits);
  }

  #roomIn(connection: PipelinedConnection): void {
    // Nobody waits, nothing is short: the usual case, and it comes with every statement.
    if (this.#waiting.size === 0 && !this.#budget.isShort) return;
    const slot = this.#slotOf(connection);
    if (slot !== undefined && slot.use !== 'alone') this.#room(slot);
  }

  /** A slot can take more: the next in turn gets it. */
  #room(slot: Slot): void {
    const { connection } = slot;
    if (!connection.isUsable || (slot.use === 'reserved' && connection.depth > 0)) return;
    slot.use = 'shared';
    const aloneFirst = this.#waiting.sizeOf('shared') === 0 || slot.lastLane === 'shared';
    const next = connection.depth === 0 && aloneFirst ? this.#nextAlone() : undefined;
    if (next !== undefined) return this.#start(slot, next);
    this.#fill(slot);
    this.#reserve();
    if (isFree(slot) && this.#budget.isShort) connection.retire();
    return undefined;
  }

  #fill(slot: Slot): void {
    const { connection } = slot;
    while (connection.isUsable && connection.depth < this.#limits.depth) {
      const next = this.#waiting.next('shared');
      if (next === undefined) return;
      this.#start(slot, next);
    }
  }

  /** Nothing more can be opened for those who wait for a connection of their own: let busy ones run empty. */
  #reserve(): void {
    const reserved = this.#slots.filter(({ use }) => use === 'reserved').length;
    if (this.#startable('alone') <= reserved || this.held < this.#limits.maxConnections) return;
    const candidate = this.#slots
      .filter((slot) => slot.use === 'shared' && isBusy(slot))
      .toSorted((a, b) => a.connection.depth - b.connection.depth)[0];
    if (candidate !== undefined) candidate.use = 'reserved';
  }

  #start(slot: Slot, turn: Turn): void {
    slot.lastLane = turn.lane;
    if (turn.lane === 'alone') {
      slot.use = 'alone';
      slot.guest = turn.tenantId;
      slot.connection.receivesGuest();
    }
    this.#lastUsedMs = performance.now();
    turn.start(slot.connection);
  }

  #wait(turn: Turn): void {
    if (!this.#waiting.join(turn)) return;
    if (this.#opening + this.#requested < this.#allStartable()) this.#openUpTo(this.#limits.maxConnections);
    if (turn.lane === 'alone') this.#reserve();
  }

  /** How many connections more the tenant may have to itself. */
  #roomFor(tenantId: string): number {
    const held = this.#slots.filter(({ use, guest }) => use === 'alone' && guest === tenantId).length;
    return Math.max(0, this.#limits.maxAlonePerTenant - held);
  }

  #nextAlone(): Turn | undefined {
    return this.#waiting.next('alone', (tenantId) => this.#roomFor(tenantId) > 0);
  }

  /** Those who wait in vain, because their tenant has its share, are not waited for. */
  #startable(lane: Turn['lane']): number {
    if (lane === 'shared' || this.#waiting.sizeOf('alone') === 0) return this.#waiting.sizeOf(lane);
    return this.#waiting.startableAlone((tenantId) => this.#roomFor(tenantId));
  }

  #allStartable(): number {
    return this.#waiting.sizeOf('shared') + this.#startable('alone');
  }

  /** Writes that wait for the disk do so together only when they come over different connections. */
  #reachOf({ effect }: Turn): Reach {
    return effect === 'writes' && this.#writeMs > waitsForDiskMs ? 'all' : 'few';
  }

  #shareOf(turn: Turn): number {
    const { sharedConnections, maxConnections } = this.#limits;
    return this.#reachOf(turn) === 'few' ? Math.min(sharedConnections, maxConnections) : maxConnections;
  }

  #openUpTo(limit: number): void {
    const total = this.held + this.#requested;
    // While other pools wait for their first connection nobody asks for a second one.
    const isGreedy = total > 0 && this.#budget.isShort;
    if (total >= limit || isGreedy || this.#closed !== undefined) return;
    this.#requested += 1;
    this.#budget.request(this);
  }

  #startSweep(): NodeJS.Timeout {
    const timer = setInterval(() => this.#sweepOnce(), Math.min(1_000, this.#limits.idleTimeoutMs));
    timer.unref();
    return timer;
  }

  #sweepOnce(): void {
    const nowMs = performance.now();
    const { idleTimeoutMs, maxLifetimeMs, minConnections, replyTimeoutMs } = this.#limits;
    let open = this.#slots.length;
    // The last first: the first ones are those that shared reads keep to.
    for (const slot of this.#slots.toReversed()) {
      const { connection, openedMs } = slot;
      if (connection.headAgeMs(nowMs) > replyTimeoutMs) connection.abandon();
      if (isBusy(slot)) continue;
      const isOld = nowMs - openedMs > maxLifetimeMs;
      const isIdle = connection.idleForMs(nowMs) > idleTimeoutMs && open > minConnections;
      if (!isOld && !isIdle) continue;
      connection.retire();
      open -= 1;
    }
  }
}
