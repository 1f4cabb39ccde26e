/**
 * Rate limits as arithmetic: no clock, no store. Every store of limits gives what `judge` gives; the one in Redis repeats
 * it in Lua, and a conformance test compares them.
 *
 * - `bucket`: GCRA (ITU-T I.371, the leaky bucket as a meter): `limit` in `periodMs` on average, up to `burst` at once.
 * - `window`: a count between two instants, such as a day in a tenant's time zone.
 * - `sliding`: a count over the last `periodMs`, the part of the window before weighted by its share.
 */
export type LimitRule =
  | {
      readonly kind: 'bucket';
      readonly limit: number;
      readonly periodMs: number;
      readonly burst: number;
    }
  | {
      readonly kind: 'window';
      readonly limit: number;
      readonly startMs: number;
      readonly endMs: number;
    }
  | {
      readonly kind: 'sliding';
      readonly limit: number;
      readonly periodMs: number;
    };

/**
 * What a store remembers of one rule and key: three numbers whose meaning is the rule's. Bucket: the theoretical arrival
 * time. Window: its start, and the count. Sliding: start of the window, its count, the count of the one before.
 */
export type LimitState = readonly [number, number, number];

export interface LimitQuestion {
  readonly nowMs: number;
  /** 0 asks without taking anything. */
  readonly cost: number;
}

export interface LimitStanding {
  readonly isAllowed: boolean;
  /** What may still be taken, were it taken now. */
  readonly remaining: number;
  /** Until the same cost would be allowed; 0 where it is. Infinity: never, it is more than the limit. */
  readonly waitMs: number;
  /** Until nothing of the limit is used any more. */
  readonly resetMs: number;
  /** What to remember where the cost is taken. */
  readonly next: LimitState;
  /** How long that must be remembered. */
  readonly keepMs: number;
}

/** A thousandth of a millisecond: rounding must not refuse what arrives exactly in time. */
const hairMs = 0.001;
/** Of clocks that differ, and of clocks that are set back. */
export const marginMs = 2_000;

export function judge(
  rule: LimitRule,
  state: LimitState | undefined,
  question: LimitQuestion,
): LimitStanding {
  switch (rule.kind) {
    case 'bucket':
      return judgeBucket(rule, state, question);
    case 'window':
      return judgeWindow(rule, state, question);
    case 'sliding':
      return judgeSliding(rule, state, question);
  }
}

type RuleOf<Kind extends LimitRule['kind']> = Extract<LimitRule, { kind: Kind }>;

function judgeBucket(
  { limit, periodMs, burst }: RuleOf<'bucket'>,
  state: LimitState | undefined,
  { nowMs, cost }: LimitQuestion,
): LimitStanding {
  const intervalMs = periodMs / limit;
  const depthMs = burst * intervalMs;
  // Further ahead than a full bucket it can only be where the clock was set back: then the bucket counts as full.
  const arrivalMs = Math.min(Math.max(state?.[0] ?? nowMs, nowMs), nowMs + depthMs);
  const nextMs = arrivalMs + cost * intervalMs;
  const aheadMs = nextMs - depthMs - nowMs;
  const isAllowed = aheadMs <= hairMs;
  const usedMs = (isAllowed ? nextMs : arrivalMs) - nowMs;
  return {
    isAllowed,
    remaining: Math.max(0, Math.floor((depthMs - usedMs) / intervalMs + 1e-6)),
    waitMs: isAllowed ? 0 : cost > burst ? Number.POSITIVE_INFINITY : aheadMs,
    resetMs: usedMs,
    next: [nextMs, 0, 0],
    keepMs: nextMs - nowMs + marginMs,
  };
}

function judgeWindow(
  { limit, startMs, endMs }: RuleOf<'window'>,
  state: LimitState | undefined,
  { nowMs, cost }: LimitQuestion,
): LimitStanding {
  // A count of a later window is one that the clock was set back from: it is not forgotten for that.
  const count = state === undefined || state[0] < startMs ? 0 : state[1];
  const isAllowed = count + cost <= limit;
  const leftMs = endMs - nowMs;
  return {
    isAllowed,
    remaining: Math.max(0, Math.floor(limit - count - (isAllowed ? cost : 0))),
    waitMs: isAllowed ? 0 : cost > limit ? Number.POSITIVE_INFINITY : leftMs,
    resetMs: leftMs,
    next: [startMs, count + cost, 0],
    keepMs: leftMs + marginMs,
  };
}

function judgeSliding(
  { limit, periodMs }: RuleOf<'sliding'>,
  state: LimitState | undefined,
  { nowMs, cost }: LimitQuestion,
): LimitStanding {
  const startMs = Math.floor(nowMs / periodMs) * periodMs;
  const [count, before] = countsAt(state, startMs, periodMs);
  const used = count + before * (1 - (nowMs - startMs) / periodMs);
  const isAllowed = used + cost <= limit + 1e-9;
  return {
    isAllowed,
    remaining: Math.max(0, Math.floor(limit - used - (isAllowed ? cost : 0) + 1e-9)),
    waitMs: isAllowed ? 0 : waitOfSliding({ limit, periodMs, startMs, nowMs, cost, count, before }),
    resetMs: startMs + 2 * periodMs - nowMs,
    next: [startMs, count + cost, before],
    keepMs: startMs + 2 * periodMs - nowMs + marginMs,
  };
}

function countsAt(
  state: LimitState | undefined,
  startMs: number,
  periodMs: number,
): readonly [number, number] {
  if (state === undefined || state[0] < startMs - periodMs) return [0, 0];
  return state[0] < startMs ? [0, state[1]] : [state[1], state[2]];
}

function waitOfSliding(at: {
  readonly limit: number;
  readonly periodMs: number;
  readonly startMs: number;
  readonly nowMs: number;
  readonly cost: number;
  readonly count: number;
  readonly before: number;
}): number {
  const { limit, periodMs, startMs, nowMs, cost, count, before } = at;
  if (cost > limit) return Number.POSITIVE_INFINITY;
  // In this window, when enough of the one before has slid out; else in the next, when enough of this one has.
  const [room, weighted, fromMs] =
    count + cost <= limit
      ? [limit - count - cost, before, startMs]
      : [limit - cost, count, startMs + periodMs];
  return Math.max(hairMs, fromMs + periodMs * (1 - Math.min(1, room / weighted)) - nowMs);
}

/** One rule with the key it counts under. */
export interface LimitCharge {
  readonly key: string;
  readonly rule: LimitRule;
  readonly cost: number;
}

/** All of its charges are taken, or none. Its keys are of one tenant. */
export interface LimitAsking {
  readonly charges: readonly LimitCharge[];
}

/** One standing a charge, in their order; allowed where every charge is. */
export interface LimitAnswer {
  readonly isAllowed: boolean;
  readonly standings: readonly LimitStanding[];
}

/** What one asking comes to, from what is remembered of each of its keys. */
export function answerFrom(
  { charges }: LimitAsking,
  states: readonly (LimitState | undefined)[],
  nowMs: number,
): LimitAnswer {
  const standings = charges.map(({ rule, cost }, index) => judge(rule, states[index], { nowMs, cost }));
  if (standings.every(({ isAllowed }) => isAllowed)) return { isAllowed: true, standings };
  // Nothing was taken: what was allowed stands where it stood.
  return {
    isAllowed: false,
    standings: standings.map((standing, index) => {
      const charge = charges[index];
      if (!standing.isAllowed || charge === undefined) return standing;
      return { ...judge(charge.rule, states[index], { nowMs, cost: 0 }), isAllowed: true };
    }),
  };
}
