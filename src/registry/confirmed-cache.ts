import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';

/** Known not to exist. */
export const absent = Symbol('absent');

export interface CacheLimits {
  readonly maxEntries: number;
  readonly ttlMs: number;
  /** Ids that do not exist are remembered too, but fewer and shorter: anybody can think of more of them. */
  readonly maxAbsent: number;
  readonly absentTtlMs: number;
}

export interface CacheSource<Id extends string, Value> {
  readonly clock: Clock;
  /** Whether what is remembered may be believed now. */
  readonly isConfirmed: () => boolean;
  /** Reads after the call, never before. */
  readonly load: (id: Id) => Promise<Value | undefined>;
}

interface Entry<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

interface Flight<Value> {
  readonly promise: Promise<Value | undefined>;
  readonly startedMs: number;
  /** Set by an invalidation: what it brings was perhaps read before the change. */
  readonly outdated: { is: boolean };
}

/** A caller joins a load in flight only while it is this young: older, it may have read before the caller came. */
const JOIN_MS = 500;

/** Values by id, believed only while the change feed confirms that nothing newer is unheard of. */
export class ConfirmedCache<Id extends string, Value extends object> {
  readonly #source: CacheSource<Id, Value>;
  readonly #limits: CacheLimits;
  readonly #entries: LRUCache<Id, Entry<Value>>;
  readonly #absent: LRUCache<Id, { readonly untilMs: number }>;
  readonly #flights = new Map<Id, Flight<Value>>();

  constructor(source: CacheSource<Id, Value>, limits: CacheLimits) {
    this.#source = source;
    this.#limits = limits;
    this.#entries = new LRUCache({ max: limits.maxEntries });
    this.#absent = new LRUCache({ max: limits.maxAbsent });
  }

  /** The value, `absent`, or undefined = not known here. No I/O. */
  peek(id: Id): Value | typeof absent | undefined {
    if (!this.#source.isConfirmed()) return undefined;
    const nowMs = this.#source.clock.monotonicMs();
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry.untilMs > nowMs ? entry.value : undefined;
    const missing = this.#absent.get(id);
    return missing !== undefined && missing.untilMs > nowMs ? absent : undefined;
  }

  /** From memory, from a load in flight, or by a new one. Throws what the load throws. */
  async get(id: Id): Promise<Value | undefined> {
    const known = this.peek(id);
    if (known !== undefined) return known === absent ? undefined : known;
    const flight = this.#flights.get(id);
    const young = flight !== undefined && this.#source.clock.monotonicMs() - flight.startedMs <= JOIN_MS;
    return young ? flight.promise : this.fresh(id);
  }

  /** Always a new load; its answer is remembered. */
  fresh(id: Id): Promise<Value | undefined> {
    const before = this.#flights.get(id);
    // Of two loads only the later one may write: they can return in any order.
    if (before !== undefined) before.outdated.is = true;
    const outdated = { is: false };
    const promise = this.#load(id, outdated);
    this.#flights.set(id, { promise, outdated, startedMs: this.#source.clock.monotonicMs() });
    return promise;
  }

  /** What is remembered of `id`, and what is being read now, is not used again. */
  forget(id: Id): void {
    this.#entries.delete(id);
    this.#absent.delete(id);
    const flight = this.#flights.get(id);
    if (flight === undefined) return;
    flight.outdated.is = true;
    this.#flights.delete(id);
  }

  forgetAll(): void {
    this.#entries.clear();
    this.#absent.clear();
    for (const flight of this.#flights.values()) flight.outdated.is = true;
    this.#flights.clear();
  }

  async #load(id: Id, outdated: { is: boolean }): Promise<Value | undefined> {
    try {
      const value = await this.#source.load(id);
      if (!outdated.is) this.#remember(id, value);
      return value;
    } finally {
      if (!outdated.is) this.#flights.delete(id);
    }
  }

  #remember(id: Id, value: Value | undefined): void {
    const nowMs = this.#source.clock.monotonicMs();
    if (value === undefined) {
      this.#entries.delete(id);
      this.#absent.set(id, { untilMs: nowMs + this.#limits.absentTtlMs });
    } else {
      this.#absent.delete(id);
      this.#entries.set(id, { value, untilMs: nowMs + this.#limits.ttlMs });
    }
  }
}
