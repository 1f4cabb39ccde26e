import type { TenantId } from '../../core/ids.ts';
import type { LimitAsking, LimitRule } from '../../core/limit.ts';
import type { LocalDays } from './local-day.ts';
import type { LimitPolicy, Rates, Unit } from './policy.ts';

/** One limit by the name that callers see: `minute`, `burst`, `key.minute`, `route.search.day`. */
export interface NamedLimit {
  readonly name: string;
  readonly limit: number;
  /** Seconds that it is counted over; nominal for days that the clocks make shorter or longer. */
  readonly windowS: number;
}

/** Who asks, as far as limits care. */
export interface Subject {
  readonly tenant: TenantId;
  readonly keyId: string | undefined;
  readonly userId: string | undefined;
  readonly route: string | undefined;
}

export interface LimitPlan {
  readonly asking: LimitAsking;
  readonly limits: readonly NamedLimit[];
}

const unitMs: Readonly<Record<Unit, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** Every limit that the request falls under, and the charges that ask for them. */
export function toLimitPlan(
  policy: LimitPolicy,
  subject: Subject,
  at: { readonly nowMs: number; readonly days: LocalDays; readonly cost: number },
): LimitPlan {
  const { cost } = at;
  const prefix = `limit:{${subject.tenant}}`;
  const charges: { key: string; rule: LimitRule; cost: number }[] = [];
  const limits: NamedLimit[] = [];
  const add = (name: string, key: string, rates: Rates): void => {
    for (const unit of ['second', 'minute', 'hour', 'day'] as const) {
      const limit = rates[unit];
      if (limit === undefined) continue;
      charges.push({ key: `${key}:${unit}`, rule: toRule(policy, { unit, limit, ...at }), cost });
      limits.push({ name: `${name}${unit}`, limit, windowS: unitMs[unit] / 1_000 });
    }
  };
  add('', prefix, policy.tenant);
  const { minute } = policy.tenant;
  if (policy.burst !== undefined && minute !== undefined) {
    const rule = { kind: 'bucket', limit: minute, periodMs: unitMs.minute, burst: policy.burst } as const;
    charges.push({ key: `${prefix}:burst`, rule, cost });
    limits.push({ name: 'burst', limit: policy.burst, windowS: (60 * policy.burst) / minute });
  }
  const { keyId, userId, route } = subject;
  if (keyId !== undefined) add('key.', `${prefix}:key:${encodeURIComponent(keyId)}`, policy.key);
  if (userId !== undefined) add('user.', `${prefix}:user:${encodeURIComponent(userId)}`, policy.user);
  const ofRoute = route === undefined ? undefined : policy.routes.get(route);
  if (ofRoute !== undefined) add(`route.${route}.`, `${prefix}:route:${route}`, ofRoute);
  return { asking: { charges }, limits };
}

function toRule(
  policy: LimitPolicy,
  wanted: { readonly unit: Unit; readonly limit: number; readonly nowMs: number; readonly days: LocalDays },
): LimitRule {
  const { unit, limit, nowMs, days } = wanted;
  if (unit === 'day') return { kind: 'window', limit, ...days.at(nowMs, policy.timeZone) };
  const periodMs = unitMs[unit];
  if (policy.counting === 'sliding') return { kind: 'sliding', limit, periodMs };
  const startMs = Math.floor(nowMs / periodMs) * periodMs;
  return { kind: 'window', limit, startMs, endMs: startMs + periodMs };
}

/** The part that one node takes while it cannot ask the others; at least one, so that nobody is shut out by rounding. */
export function toShare(rule: LimitRule, share: number): LimitRule {
  const limit = Math.max(1, Math.floor(rule.limit * share));
  return rule.kind === 'bucket'
    ? { ...rule, limit, burst: Math.max(1, Math.floor(rule.burst * share)) }
    : { ...rule, limit };
}
