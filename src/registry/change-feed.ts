import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import type { RegistryLog } from './log.ts';
import { parseRow } from './row-parts.ts';

const changeKinds = ['tenant', 'slug', 'key', 'catalog', 'container'] as const;
type ChangeKind = (typeof changeKinds)[number];

export interface ChangeListener {
  changed(kind: ChangeKind, subject: string): void;
  /** Too much may have been missed to say what: forget everything. */
  lost(): void;
}

export interface ChangeFeedOptions {
  readonly admin: AdminDatabase;
  readonly clock: Clock;
  readonly pollMs: number;
  readonly maxStaleMs: number;
  readonly answerTimeoutMs: number;
  readonly retentionMs: number;
  readonly log: RegistryLog;
}

/** More than this in one poll: dropping the cache is cheaper than walking through them. */
const MAX_CHANGES = 10_000;
const PURGE_EVERY_MS = 60_000;
const START_TIMEOUT_MS = 15_000;

/**
 * One statement, so one snapshot: what it sees and the snapshot it reports belong together. A row comes exactly once:
 * visible now, and not visible in the snapshot before. Commit order, clocks and gaps in numbers do not matter.
 */
const pollText = `select pg_current_snapshot()::text as snapshot,
  extract(epoch from statement_timestamp())::float8 * 1000 as "atMs",
  coalesce((select jsonb_agg(jsonb_build_array(c.kind, c.subject) order by c.id) from (
    select id, kind, subject from bulkhead.change
      where xact >= pg_snapshot_xmin($1::text::pg_snapshot)
        and not pg_visible_in_snapshot(xact, $1::text::pg_snapshot)
      limit ${MAX_CHANGES + 1}) c), '[]'::jsonb) as changes`;

const pollShape = z.object({
  snapshot: z.string().regex(/^\d+:\d+:[\d,]*$/),
  atMs: z.number(),
  changes: z.array(z.tuple([z.string(), z.string()])),
});
type Poll = z.infer<typeof pollShape>;

/** Tells this node what others changed, and how sure it may be that it has heard everything. */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  #listener: ChangeListener | undefined;
  #last: Poll | undefined;
  #confirmedMonotonicMs = Number.NEGATIVE_INFINITY;
  #confirmedWallMs = Number.NEGATIVE_INFINITY;
  #purgedAtMs = Number.NEGATIVE_INFINITY;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  /**
   * Whether every change up to `maxStaleMs` ago is known here. The wall clock counts as well, forwards only: the
   * monotonic one stands still while a machine sleeps.
   */
  isConfirmed(): boolean {
    const { clock, maxStaleMs } = this.#options;
    return (
      clock.monotonicMs() - this.#confirmedMonotonicMs <= maxStaleMs &&
      clock.nowMs() - this.#confirmedWallMs <= maxStaleMs
    );
  }

  /** First poll, then one every `pollMs`. @throws registry_stale where the database does not answer */
  async start(listener: ChangeListener): Promise<void> {
    this.#listener = listener;
    // Nothing depends on it yet, and a database that is only starting is slow.
    await this.#poll(Math.max(START_TIMEOUT_MS, this.#options.answerTimeoutMs));
    this.#schedule(this.#options.pollMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(afterMs: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#turn();
    }, afterMs);
    this.#timer.unref();
  }

  async #turn(): Promise<void> {
    const { clock, pollMs } = this.#options;
    const startedMs = clock.monotonicMs();
    await this.#pollAndReport();
    // From start to start, so that a slow answer does not make the next one late as well.
    this.#schedule(Math.max(10, pollMs - (clock.monotonicMs() - startedMs)));
  }

  async #pollAndReport(): Promise<void> {
    try {
      await this.#poll(this.#options.answerTimeoutMs);
      await this.#purge();
      if (this.#failing) this.#options.log({ event: 'registry.feed_recovered' });
      this.#failing = false;
    } catch (cause) {
      if (!this.#failing) this.#options.log({ event: 'registry.feed_failed', cause });
      this.#failing = true;
    }
  }

  async #poll(answerTimeoutMs: number): Promise<void> {
    const { admin, clock } = this.#options;
    const monotonicMs = clock.monotonicMs();
    const wallMs = clock.nowMs();
    const { rows } = await answerOf(admin.query(pollText, [this.#last?.snapshot ?? null]), answerTimeoutMs);
    const poll = parseRow('change', pollShape, rows[0]);
    this.#tell(poll);
    this.#last = poll;
    // When the poll began, not when it ended: a change committed while it ran may be missing from it.
    this.#confirmedMonotonicMs = monotonicMs;
    this.#confirmedWallMs = wallMs;
  }

  #tell(poll: Poll): void {
    const last = this.#last;
    if (last === undefined) return;
    const awayMs = poll.atMs - last.atMs;
    // A snapshot that went backwards is another history: a restored backup, or a standby that lacked the end.
    const missed =
      awayMs > this.#options.retentionMs / 2 ||
      awayMs < -this.#options.retentionMs / 2 ||
      xmaxOf(poll) < xmaxOf(last) ||
      poll.changes.length > MAX_CHANGES;
    if (missed) {
      this.#listener?.lost();
      this.#options.log({ event: 'registry.cache_dropped' });
      return;
    }
    for (const [name, subject] of poll.changes) {
      // A newer program may announce what this one has never heard of, and so remembers nothing of.
      const kind = changeKinds.find((known) => known === name);
      if (kind !== undefined) this.#listener?.changed(kind, subject);
    }
  }

  /** Every node does it; rows that are gone already cost nothing. */
  async #purge(): Promise<void> {
    const { admin, clock, retentionMs, answerTimeoutMs } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#purgedAtMs < PURGE_EVERY_MS) return;
    this.#purgedAtMs = nowMs;
    await answerOf(
      admin.query(
        'delete from bulkhead.change where at < statement_timestamp() - make_interval(secs => $1::float8)',
        [retentionMs / 1000],
      ),
      answerTimeoutMs,
    );
  }
}

function xmaxOf(poll: Poll): bigint {
  return BigInt(poll.snapshot.split(':')[1] ?? '0');
}
