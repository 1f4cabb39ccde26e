import type { RowShape } from './row-shape.ts';

/** One statement text under one role and search path, as one connection knows it. */
export interface CachedStatement {
  readonly name: string;
  readonly text: string;
  /** `parsing`: a batch in flight carries its Parse; until that is answered, other batches must not rely on it. */
  state: 'new' | 'parsing' | 'ready';
  /** Unknown until the server has described it once. */
  shape: RowShape | undefined;
  lastUse: number;
}

/**
 * The named statements of one connection, the least recently used given up above `limit`.
 * `domain` keeps what is run under different roles and search paths apart: a statement never meets another path than
 * the one it was parsed under, so that its plan is not thrown away each time and cannot end up at a neighbour's table.
 */
export class StatementCache {
  readonly #prefix: string;
  readonly #limit: number;
  readonly #domains = new Map<string, Map<string, CachedStatement>>();
  #size = 0;
  #uses = 0;
  #named = 0;

  /** `prefix` must be random: behind a pooler, connections of many processes share one server's names. */
  constructor(prefix: string, limit: number) {
    this.#prefix = prefix;
    this.#limit = limit;
  }

  get(domain: string, text: string): CachedStatement {
    let statements = this.#domains.get(domain);
    if (statements === undefined) this.#domains.set(domain, (statements = new Map()));
    let statement = statements.get(text);
    if (statement === undefined) {
      this.#named += 1;
      this.#size += 1;
      statement = { name: `${this.#prefix}${this.#named}`, text, state: 'new', shape: undefined, lastUse: 0 };
      statements.set(text, statement);
    }
    this.#uses += 1;
    statement.lastUse = this.#uses;
    return statement;
  }

  /** @returns names to Close, of statements that are forgotten with this call. */
  evict(): string[] {
    const names: string[] = [];
    while (this.#size > this.#limit) {
      const [domain, oldest] = this.#leastRecentlyUsed();
      if (oldest === undefined) break;
      this.#forget(domain, oldest);
      if (oldest.state !== 'new') names.push(oldest.name);
    }
    return names;
  }

  /** Forgets one statement; the next use parses it under another name. @returns the name to Close, if any. */
  drop(domain: string, text: string): string | undefined {
    const statement = this.#domains.get(domain)?.get(text);
    if (statement === undefined) return undefined;
    this.#forget(domain, statement);
    return statement.name;
  }

  /** For when the server has forgotten them all. */
  clear(): void {
    this.#domains.clear();
    this.#size = 0;
  }

  get size(): number {
    return this.#size;
  }

  #forget(domain: string, statement: CachedStatement): void {
    const statements = this.#domains.get(domain);
    if (statements?.delete(statement.text) !== true) return;
    this.#size -= 1;
    if (statements.size === 0) this.#domains.delete(domain);
  }

  /** A scan: it happens once per new statement of a full cache, when a Parse is to be paid anyway. */
  #leastRecentlyUsed(): [string, CachedStatement | undefined] {
    let found: [string, CachedStatement | undefined] = ['', undefined];
    for (const [domain, statements] of this.#domains)
      for (const statement of statements.values())
        if (found[1] === undefined || statement.lastUse < found[1].lastUse) found = [domain, statement];
    return found;
  }
}
