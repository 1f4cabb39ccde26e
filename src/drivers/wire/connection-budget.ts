/** A pool, as the budget sees it. */
export interface BudgetMember {
  /** Connections it holds, open or being opened. */
  readonly held: number;
  readonly lastUsedMs: number;
  /** Closes an idle connection. @returns false where there is none. */
  closeIdle(): boolean;
  /** Lets one connection finish what it does, and closes it then. @returns false where none can be spared. */
  giveUpOne(): boolean;
  /** One more connection may be opened; the member calls `release` when it is closed, or could not be opened. */
  granted(): void;
}

/** A busy pool keeps its only connection this long before another pool's request may have it. */
export const holdMs = 50;

/**
 * One ceiling on the connections of all pools of a server. When it is reached, an idle connection of the pool least
 * recently used makes room; with none idle, the pool with most connections gives one up; and pools wait in turn.
 */
export class ConnectionBudget {
  readonly limit: number;
  readonly #members = new Set<BudgetMember>();
  /** Members that wait, in turn, and for how many connections. */
  readonly #waiting = new Map<BudgetMember, number>();
  #open = 0;
  #closing = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Connections that are open or being opened. Never above `limit`. */
  get open(): number {
    return this.#open;
  }

  /** Whether a pool waits for a connection: others should not keep idle ones. */
  get isShort(): boolean {
    return this.#waiting.size > this.#closing;
  }

  join(member: BudgetMember): void {
    this.#members.add(member);
  }

  leave(member: BudgetMember): void {
    this.#members.delete(member);
    this.#waiting.delete(member);
  }

  /** `member.granted()` is called once for each request, now or later. */
  request(member: BudgetMember): void {
    if (this.#open < this.limit && this.#waiting.size === 0) {
      this.#open += 1;
      member.granted();
      return;
    }
    this.#waiting.set(member, (this.#waiting.get(member) ?? 0) + 1);
    this.#makeRoom();
  }

  /** Takes back the requests of a member that are not granted yet. @returns how many. */
  withdraw(member: BudgetMember): number {
    const count = this.#waiting.get(member) ?? 0;
    this.#waiting.delete(member);
    return count;
  }

  /** A connection is closed. */
  release(): void {
    this.#open -= 1;
    this.#closing = Math.max(0, this.#closing - 1);
    this.#grant();
    if (this.isShort) this.#makeRoom();
  }

  #grant(): void {
    for (const [member, count] of this.#waiting) {
      if (this.#open >= this.limit) return;
      this.#waiting.delete(member);
      if (count > 1) this.#waiting.set(member, count - 1);
      this.#open += 1;
      member.granted();
    }
  }

  #makeRoom(): void {
    while (this.isShort && this.#closeOne()) this.#closing += 1;
    // What was asked to close may take long, and what is busy now may be idle soon: look again while anybody waits.
    if (this.#waiting.size === 0 || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#closing = 0;
      this.#makeRoom();
    }, holdMs);
  }

  #closeOne(): boolean {
    const holders = [...this.#members].filter((member) => member.held > 0);
    const byUse = holders.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
    if (byUse.some((member) => member.closeIdle())) return true;
    const bySize = holders.toSorted((a, b) => b.held - a.held);
    return bySize.some((member) => member.giveUpOne());
  }
}
