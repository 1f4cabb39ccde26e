import { answerFrom, type LimitAnswer, type LimitAsking, type LimitState } from '../../core/limit.ts';
import type { LocalLimitStore } from '../limit-store.ts';

interface Kept {
  readonly state: LimitState;
  readonly untilMs: number;
}

const sweepEvery = 65_536;

/** Limits of this process alone: several processes admit several times as much. */
export function openMemoryLimits(): LocalLimitStore {
  const kept = new Map<string, Kept>();
  let writes = 0;

  const decideOne = (asking: LimitAsking, nowMs: number): LimitAnswer => {
    const { charges } = asking;
    const answer = answerFrom(
      asking,
      charges.map(({ key }) => kept.get(key)?.state),
      nowMs,
    );
    if (!answer.isAllowed) return answer;
    for (let index = 0; index < charges.length; index += 1) {
      const [charge, standing] = [charges[index], answer.standings[index]];
      if (charge === undefined || standing === undefined || charge.cost === 0) continue;
      kept.set(charge.key, { state: standing.next, untilMs: nowMs + standing.keepMs });
      writes += 1;
    }
    if (writes >= sweepEvery) {
      writes = 0;
      for (const [key, { untilMs }] of kept) if (untilMs < nowMs) kept.delete(key);
    }
    return answer;
  };

  const decideNow = (askings: readonly LimitAsking[], nowMs: number): readonly LimitAnswer[] =>
    askings.map((asking) => decideOne(asking, nowMs));
  return {
    isLocal: true,
    decideNow,
    decide: async (askings, nowMs) => decideNow(askings, nowMs),
    state: () => 'up',
    close: async () => kept.clear(),
  };
}
