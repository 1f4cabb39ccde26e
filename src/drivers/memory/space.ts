import type { Clock } from '../../core/clock.ts';
import type { Look } from '../key-value.ts';

interface Held {
  readonly value: string;
  readonly expiresAtMs: number;
  readonly sizeBytes: number;
  readonly isKept: boolean;
}

/** What an entry costs beyond its text: the map's slot and the object. */
const overheadBytes = 96;

/** The keys of one tenant, least recently used first. */
export class MemorySpace {
  gate: string | undefined;
  readonly #clock: Clock;
  readonly #limitBytes: number;
  // Maps keep the order of insertion: what is used is taken out and put in again, so the oldest stands in front.
  readonly #spare = new Map<string, Held>();
  readonly #kept = new Map<string, Held>();
  #spareBytes = 0;
  #keptBytes = 0;

  constructor(clock: Clock, limitBytes: number) {
    this.#clock = clock;
    this.#limitBytes = limitBytes;
  }

  get sizeBytes(): number {
    return this.#spareBytes + this.#keptBytes;
  }

  look(key: string): Look {
    return { gate: this.gate, value: this.get(key)?.value };
  }

  get(key: string): Held | undefined {
    const held = this.#spare.get(key) ?? this.#kept.get(key);
    if (held === undefined) return undefined;
    if (held.expiresAtMs <= this.#clock.monotonicMs()) {
      this.delete(key);
      return undefined;
    }
    if (!held.isKept) {
      this.#spare.delete(key);
      this.#spare.set(key, held);
    }
    return held;
  }

  set(
    key: string,
    entry: { readonly value: string; readonly ttlMs: number; readonly isKept: boolean },
  ): void {
    const { value, ttlMs, isKept } = entry;
    this.delete(key);
    const sizeBytes = 2 * (key.length + value.length) + overheadBytes;
    // It would empty the space and then not fit either.
    if (sizeBytes > this.#limitBytes / 2) return;
    const held = { value, expiresAtMs: this.#clock.monotonicMs() + ttlMs, sizeBytes, isKept };
    if (isKept) {
      this.#kept.set(key, held);
      this.#keptBytes += sizeBytes;
      while (this.#keptBytes > this.#limitBytes / 2) this.#dropOldest(this.#kept);
    } else {
      this.#spare.set(key, held);
      this.#spareBytes += sizeBytes;
    }
    this.shrinkTo(this.#limitBytes);
  }

  /** Gives up the least recently used until the space fits; what is kept goes last. */
  shrinkTo(limitBytes: number): void {
    while (this.sizeBytes > limitBytes && this.#spare.size > 0) this.#dropOldest(this.#spare);
    while (this.sizeBytes > limitBytes && this.#kept.size > 0) this.#dropOldest(this.#kept);
  }

  delete(key: string): boolean {
    const spare = this.#spare.get(key);
    const kept = this.#kept.get(key);
    if (spare !== undefined) {
      this.#spare.delete(key);
      this.#spareBytes -= spare.sizeBytes;
    }
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#keptBytes -= kept.sizeBytes;
    }
    return spare !== undefined || kept !== undefined;
  }

  /** Names of what has not run out; what has, goes. */
  names(): readonly string[] {
    const nowMs = this.#clock.monotonicMs();
    const all = [...this.#spare, ...this.#kept];
    for (const [key, { expiresAtMs }] of all) if (expiresAtMs <= nowMs) this.delete(key);
    return all.filter(([, { expiresAtMs }]) => expiresAtMs > nowMs).map(([key]) => key);
  }

  #dropOldest(from: ReadonlyMap<string, Held>): void {
    for (const key of from.keys()) {
      this.delete(key);
      return;
    }
  }
}
