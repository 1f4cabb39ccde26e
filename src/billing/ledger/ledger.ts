import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import type { LedgerRecord, UsageEvent, UsageFact } from './event.ts';
import { Journal, readLeftSegments, readSegment, removeSegment, setAside } from './journal.ts';
import type { Durability, Segment } from './journal.ts';
import { toEvents } from './merge.ts';
import { takeFromDead, takeSlot, type Slot } from './slot.ts';
import { UsageStore } from './store.ts';

const flushAfterMs = 250;
const flushAtCount = 10_000;
const retryMs = 1_000;
const maxRetryMs = 30_000;
const maintainEveryMs = 3_600_000;
/** Closed segments that wait for a database that is away. Beyond it nothing more is taken on. */
const maxWaitingSegments = 2_000;
const maxUnwritten = 10_000;

export interface LedgerOptions {
  readonly admin: AdminDatabase;
  readonly clock: Clock;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
  /** Folder of the journal; made where it is missing. Each process takes a part of it. */
  readonly folder: string;
  readonly durability: Durability;
  readonly retentionDays: number;
}

/**
 * Who used what. Events are journalled before anybody is told that they were recorded, and written to the database in
 * batches afterwards; a process that dies leaves its journal to the next one that starts on the folder.
 */
export class Ledger implements AsyncDisposable {
  readonly #options: LedgerOptions;
  readonly #store: UsageStore;
  readonly #journal: Journal;
  readonly #slot: Slot;
  /** Facts that the disk would not take. */
  readonly #unwritten: LedgerRecord[] = [];
  readonly #closed: Segment[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #failures = 0;
  #isClosed = false;
  #maintainedMs = Number.NEGATIVE_INFINITY;

  private constructor(options: LedgerOptions, slot: Slot) {
    this.#options = options;
    this.#store = new UsageStore(options.admin);
    this.#journal = new Journal({ folder: slot.folder, durability: options.durability });
    this.#slot = slot;
  }

  /** Takes a part of the journal's folder, with what processes before this one left in it. */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const ledger = new Ledger(options, await takeSlot(options.folder));
    await ledger.#takeLeft();
    if (ledger.#closed.length > 0) {
      options.log({ event: 'ledger.recovered', segments: ledger.#closed.length });
      ledger.#flushSoon(0);
    }
    return ledger;
  }

  /** Whether more can be taken on. A node that cannot record what is used does not give it away. */
  get isOpen(): boolean {
    return this.#unwritten.length < maxUnwritten && this.#closed.length < maxWaitingSegments;
  }

  /** Events and segments that the database does not have yet. */
  get waiting(): { readonly records: number; readonly segments: number } {
    return { records: this.#journal.count + this.#unwritten.length, segments: this.#closed.length };
  }

  /** What a request used. In the journal when this returns; never throws: a request that was served has been served. */
  meter(fact: UsageFact): void {
    this.#unwritten.push({ kind: 'fact', fact });
    // Once the disk has refused, the retry sets the pace, and everything goes in one piece.
    if (this.#unwritten.length === 1) this.#writeFacts();
    this.#flushSoon(flushAfterMs);
  }

  #writeFacts(): void {
    if (this.#unwritten.length === 0) return;
    try {
      this.#journal.write(this.#unwritten);
      this.#unwritten.length = 0;
    } catch (cause) {
      this.#options.log({
        event: 'ledger.journal_failed',
        cause: String(cause),
        waiting: this.#unwritten.length,
      });
    }
  }

  /**
   * Resolves when the events are in the journal for good; those that were recorded before are recorded once.
   * @throws ledger_unavailable: none of them was recorded, or nobody knows; the same events may be sent again
   */
  async append(events: readonly UsageEvent[]): Promise<void> {
    if (events.length === 0) return;
    if (!this.isOpen) throw new BulkheadError('ledger_unavailable', { reason: 'the journal is full' });
    try {
      this.#journal.write(events.map((event) => ({ kind: 'event', event })));
      await this.#journal.settle();
    } catch (cause) {
      throw new BulkheadError('ledger_unavailable', { reason: 'the journal cannot be written' }, { cause });
    } finally {
      this.#flushSoon(this.#journal.count >= flushAtCount ? 0 : flushAfterMs);
    }
  }

  /**
   * Writes all that is in the journal to the database.
   * @throws what the database says; everything is kept and tried again
   */
  async flush(): Promise<void> {
    // The one that runs may have begun before what the caller has recorded.
    await this.#flushing?.catch(() => undefined);
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    this.#writeFacts();
    const segment = await this.#journal.rotate();
    if (segment !== undefined) this.#closed.push(segment);
    try {
      if (this.#closed.length > 0) await this.#maintain();
      for (let next = this.#closed[0]; next !== undefined; next = this.#closed[0]) {
        await this.#writeSegment(next);
        this.#closed.shift();
      }
      this.#failures = 0;
    } catch (cause) {
      // They are in their files, and may be many before the database is back.
      this.#closed.splice(0, Infinity, ...this.#closed.map((each) => ({ ...each, records: undefined })));
      throw cause;
    }
  }

  async #writeSegment(segment: Segment): Promise<void> {
    const { records, damaged } = await readSegment(segment);
    const { aside } = await this.#store.insert(toEvents(segment.name, records));
    if (aside > 0) this.#options.log({ event: 'ledger.quarantined', count: aside });
    if (damaged === 0) return await removeSegment(segment);
    this.#options.log({ event: 'ledger.journal_damaged', path: segment.path, lines: damaged });
    await setAside(segment);
  }

  #flushSoon(afterMs: number): void {
    if (this.#isClosed || (this.#timer !== undefined && afterMs > 0)) return;
    clearTimeout(this.#timer);
    // During an outage the retry sets the pace, not the events.
    const pauseMs =
      this.#failures === 0 ? afterMs : Math.min(maxRetryMs, retryMs * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#flushOrRetry();
    }, pauseMs);
    this.#timer.unref();
  }

  async #flushOrRetry(): Promise<void> {
    try {
      await this.flush();
      if (this.#unwritten.length > 0) this.#flushSoon(retryMs);
    } catch (cause) {
      this.#failures += 1;
      this.#options.log({ event: 'ledger.flush_failed', cause: String(cause), waiting: this.#closed.length });
      this.#flushSoon(retryMs);
    }
  }

  /** Once an hour: partitions, and what dead processes of other parts of the folder left. */
  async #maintain(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#maintainedMs < maintainEveryMs) return;
    await this.#store.maintain(this.#options.retentionDays);
    this.#maintainedMs = nowMs;
    await this.#takeLeft();
  }

  async #takeLeft(): Promise<void> {
    const known = new Set(this.#closed.map(({ name }) => name));
    await takeFromDead(this.#options.folder, this.#slot.folder);
    const open = this.#journal.openName;
    for (const segment of await readLeftSegments(this.#slot.folder))
      if (!known.has(segment.name) && segment.name !== open) this.#closed.push(segment);
  }

  /** Writes what is left; what the database does not take now stays in the journal for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.flush().catch((cause: unknown) => {
      this.#options.log({ event: 'ledger.flush_failed', cause: String(cause), waiting: this.#closed.length });
    });
    await this.#slot.lock[Symbol.asyncDispose]();
  }
}
