import type { Billing } from './billing/billing.ts';
import type { Clock } from './core/clock.ts';
import type { Ladder } from './fleet/ladder/ladder.ts';
import type { Lifecycle } from './lifecycle/lifecycle.ts';

const everyMs = 15_000;
/** Where nobody lacks anything, only an older node beside this one makes tenants that do. */
const backfillAgainMs = 600_000;
/** An hour is sampled once, by whichever node asks first. */
const sampleAgainMs = 300_000;
/** A container that was restored from a backup is noticed by looking into all of them. */
const searchAgainMs = 3_600_000;
const sweepAgainMs = 3_600_000;
const climbAgainMs = 60_000;

/** What is looked after. */
export interface Kept {
  readonly lifecycle: Pick<
    Lifecycle,
    'recover' | 'replayErasures' | 'backfill' | 'stopBackfill' | 'sweepArchives' | 'backUpDue'
  >;
  readonly billing: Pick<Billing, 'sampleStorage'>;
  readonly ladder: Pick<Ladder, 'tick'> | undefined;
}

/** What a node does for tenants without being asked, from its start until it is stopped. */
export function startUpkeep(
  { lifecycle, billing, ladder }: Kept,
  options: { readonly clock: Clock; readonly log: (event: Readonly<Record<string, unknown>>) => void },
): { stop(): Promise<void> } {
  const { clock, log } = options;
  let restUntilMs = 0;
  // Not at the start: a command that opens a node for a moment measures nothing.
  let sampledMs = clock.monotonicMs();
  let searchAtMs = 0;
  let sweepAtMs = 0;
  let climbAtMs = clock.monotonicMs() + climbAgainMs;
  let backingUp: Promise<unknown> | undefined;

  const backfill = async (): Promise<void> => {
    if (clock.monotonicMs() < restUntilMs) return;
    const { filled, isComplete } = await lifecycle.backfill();
    if (isComplete) restUntilMs = clock.monotonicMs() + backfillAgainMs;
    if (filled > 0) log({ event: 'placements.filled', count: filled });
  };
  const sample = async (): Promise<void> => {
    if (clock.monotonicMs() < sampledMs + sampleAgainMs) return;
    sampledMs = clock.monotonicMs();
    await billing.sampleStorage();
  };
  const search = async (): Promise<void> => {
    if (clock.monotonicMs() < searchAtMs) return;
    searchAtMs = clock.monotonicMs() + searchAgainMs;
    await lifecycle.replayErasures('everywhere');
  };
  const sweep = async (): Promise<void> => {
    if (clock.monotonicMs() < sweepAtMs) return;
    sweepAtMs = clock.monotonicMs() + sweepAgainMs;
    await lifecycle.sweepArchives();
  };
  /** A large one takes longer than the time between two looks. */
  const backUp = (): Promise<unknown> => {
    backingUp ??= lifecycle.backUpDue().finally(() => {
      backingUp = undefined;
    });
    return backingUp;
  };
  let climbing: Promise<void> | undefined;
  /** An index may take longer to build than the time between two looks. */
  const climb = async (): Promise<void> => {
    if (ladder === undefined || clock.monotonicMs() < climbAtMs) return;
    climbing ??= ladder.tick().finally(() => {
      climbing = undefined;
      climbAtMs = clock.monotonicMs() + climbAgainMs;
    });
    await climbing;
  };
  const attempt = async (event: string, work: () => Promise<unknown>): Promise<void> => {
    await work().catch((cause: unknown) => log({ event, cause: String(cause) }));
  };

  void attempt('backfill.failed', backfill);
  // What another node left half done is taken up again, here or there, whoever claims it first.
  const timer = setInterval(() => {
    void attempt('recovery.failed', () => lifecycle.recover());
    void attempt('backfill.failed', backfill);
    void attempt('usage.sampling_failed', sample);
    void attempt('erasures.replay_failed', search);
    void attempt('archives.sweep_failed', sweep);
    void attempt('backups.failed', backUp);
    void attempt('vectors.ladder_failed', climb);
  }, everyMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all([lifecycle.stopBackfill(), climbing]);
    },
  };
}
