import {
  answerFrom,
  type LimitAnswer,
  type LimitAsking,
  type LimitRule,
  type LimitState,
} from '../../core/limit.ts';
import type { SharedLimitStore } from '../limit-store.ts';
import { limitScript } from './limit-script.ts';
import { RedisLink, type RedisLinkOptions } from './link.ts';
import { evaluate } from './scripts.ts';
import { slotOf } from './slot.ts';

export interface RedisLimitsOptions extends RedisLinkOptions {
  /** `cluster`: one call holds keys of one slot alone. */
  readonly topology: 'single' | 'cluster';
}

/** What one script call takes; more are several calls, pipelined. */
const askingsAtOnce = 500;

/** Limits that all processes share. One script call for all keys of a batch; on a cluster one for each slot. */
export function openRedisLimits(options: RedisLimitsOptions): SharedLimitStore {
  const link = new RedisLink(options);
  const groupsOf = options.topology === 'cluster' ? bySlot : inParts;

  const ask = async (asked: readonly Placed[], nowMs: number, answers: LimitAnswer[]): Promise<void> => {
    const keys = asked.flatMap(({ asking }) => asking.charges.map(({ key }) => key));
    const values = [String(nowMs), ...asked.flatMap(({ asking }) => toArguments(asking))];
    const reply = await link.run((redis) => evaluate(redis, limitScript, { keys, values }));
    if (!Array.isArray(reply)) throw new TypeError('not an answer of the script');
    let at = 0;
    for (const { asking, index } of asked) {
      const states = reply.slice(at + 1, at + 1 + asking.charges.length).map(parseState);
      // Redis has decided; the arithmetic here only says how the caller stands. The conformance test holds them together.
      answers[index] = { ...answerFrom(asking, states, nowMs), isAllowed: reply[at] === 1 };
      at += 1 + asking.charges.length;
    }
  };

  return {
    isLocal: false,
    async decide(askings, nowMs) {
      const answers: LimitAnswer[] = [];
      await Promise.all(groupsOf(askings).map((group) => ask(group, nowMs, answers)));
      return answers;
    },
    state: () => link.state,
    close: () => link.close(),
  };
}

interface Placed {
  readonly asking: LimitAsking;
  readonly index: number;
}

function inParts(askings: readonly LimitAsking[]): readonly (readonly Placed[])[] {
  const placed = askings.map((asking, index) => ({ asking, index }));
  return Array.from({ length: Math.ceil(placed.length / askingsAtOnce) }, (_, part) =>
    placed.slice(part * askingsAtOnce, (part + 1) * askingsAtOnce),
  );
}

/** Keys of one asking share their slot: they are of one tenant, whose id stands in braces. */
export function bySlot(askings: readonly LimitAsking[]): readonly (readonly Placed[])[] {
  const slots = new Map<number, Placed[]>();
  askings.forEach((asking, index) => {
    const slot = slotOf(asking.charges[0]?.key ?? '');
    const group = slots.get(slot) ?? [];
    group.push({ asking, index });
    slots.set(slot, group);
  });
  return [...slots.values()];
}

function toArguments({ charges }: LimitAsking): readonly string[] {
  return [
    String(charges.length),
    ...charges.flatMap(({ rule, cost }) => [rule.kind, String(cost), ...toNumbers(rule).map(String)]),
  ];
}

function toNumbers(rule: LimitRule): readonly [number, number, number] {
  switch (rule.kind) {
    case 'bucket':
      return [rule.limit, rule.periodMs, rule.burst];
    case 'window':
      return [rule.limit, rule.startMs, rule.endMs];
    case 'sliding':
      return [rule.limit, rule.periodMs, 0];
  }
}

function parseState(text: unknown): LimitState | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  const [a = Number.NaN, b = Number.NaN, c = Number.NaN] = text.split(' ').map(Number);
  return [a, b, c];
}
