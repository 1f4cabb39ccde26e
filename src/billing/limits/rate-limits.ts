import type { Clock } from '../../core/clock.ts';
import type { TenantId } from '../../core/ids.ts';
import { allowed, refused, type Verdict } from '../../core/verdict.ts';
import type { ResolvedTenant } from '../../registry/registry.ts';
import { toLimitHeaders, toNotices, type LimitNotice } from './headers.ts';
import type { Limited, Limiter } from './limiter.ts';
import { LocalDays } from './local-day.ts';
import { toLimitPolicy, type LimitPolicy } from './policy.ts';
import { toLimitPlan, type LimitPlan, type Subject } from './rules.ts';

/** Who asks, beside the tenant. */
export type Asker = Omit<Subject, 'tenant'>;

/** Where a check leaves what the answer shall say, whether it goes well or not. */
export interface Told {
  headers: Readonly<Record<string, string>>;
}

/** Rate limits of tenants, their keys, users and routes, as plan and settings have them. */
export interface RateLimits {
  /**
   * Takes one request from every limit it falls under, or from none. In the memory of the process: no promise.
   * @returns refused: rate_limited with the limit that bit · limits_unavailable where the tenant chose to be closed
   */
  admit(tenant: ResolvedTenant, asker: Asker, told: Told): Verdict<true> | Promise<Verdict<true>>;
  /** How the caller stands; takes nothing. @returns undefined while the store does not answer */
  standing(tenant: ResolvedTenant, asker: Asker): Promise<readonly LimitNotice[] | undefined>;
  /** One more request at a time. @returns refused: rate_limited */
  begin(tenant: ResolvedTenant): Verdict<true>;
  /** Once for each `begin` that was allowed. */
  end(tenant: TenantId): void;
  readonly isAway: boolean;
  close(): Promise<void>;
}

const passed = Object.freeze(allowed(true as const));
const unavailable = Object.freeze(
  refused('limits_unavailable', { reason: 'limits cannot be counted right now' }, 1_000),
);

export function createRateLimits(deps: { readonly limiter: Limiter; readonly clock: Clock }): RateLimits {
  const { limiter, clock } = deps;
  const days = new LocalDays();
  const policies = new WeakMap<ResolvedTenant, LimitPolicy>();
  const running = new Map<TenantId, number>();

  const policyOf = (tenant: ResolvedTenant): LimitPolicy => {
    const known = policies.get(tenant) ?? toLimitPolicy(tenant, tenant.planDetail);
    policies.set(tenant, known);
    return known;
  };
  const planOf = (tenant: ResolvedTenant, asker: Asker, cost: number): LimitPlan =>
    toLimitPlan(policyOf(tenant), { tenant: tenant.id, ...asker }, { nowMs: clock.nowMs(), days, cost });

  return {
    admit(tenant, asker, told) {
      const plan = planOf(tenant, asker, 1);
      const limited = limiter.decide(plan.asking, policyOf(tenant).whenUnavailable);
      if (limited instanceof Promise) return limited.then((each) => toVerdict(plan, each, told));
      return toVerdict(plan, limited, told);
    },
    async standing(tenant, asker) {
      const plan = planOf(tenant, asker, 0);
      const limited = await limiter.decide(plan.asking, 'closed');
      return limited.kind === 'unavailable' ? undefined : toNotices(plan.limits, limited.answer.standings);
    },
    begin(tenant) {
      const { concurrency } = policyOf(tenant);
      const count = running.get(tenant.id) ?? 0;
      if (concurrency !== undefined && count >= concurrency)
        return refused(
          'rate_limited',
          { limit: 'concurrency', reason: `more than ${concurrency} requests at a time` },
          1_000,
        );
      running.set(tenant.id, count + 1);
      return passed;
    },
    end(tenant) {
      const count = running.get(tenant) ?? 0;
      if (count <= 1) running.delete(tenant);
      else running.set(tenant, count - 1);
    },
    get isAway() {
      return limiter.isAway;
    },
    close: () => limiter.close(),
  };
}

function toVerdict(plan: LimitPlan, limited: Limited, told: Told): Verdict<true> {
  if (limited.kind === 'unavailable') return unavailable;
  const { isAllowed, standings } = limited.answer;
  const headers = toLimitHeaders(toNotices(plan.limits, standings));
  told.headers = headers;
  if (isAllowed) return passed;
  // The one that keeps the caller away longest: coming back earlier would be refused again.
  let biting = -1;
  for (const [index, standing] of standings.entries())
    if (!standing.isAllowed && (biting < 0 || standing.waitMs > (standings[biting]?.waitMs ?? 0)))
      biting = index;
  const limit = plan.limits[biting];
  const waitMs = standings[biting]?.waitMs ?? 0;
  return refused(
    'rate_limited',
    {
      limit: limit?.name ?? 'rate',
      reason:
        limit === undefined ? 'too many requests' : `more than ${limit.limit} requests (limit ${limit.name})`,
      limitHeaders: Object.entries(headers).flat(),
    },
    Number.isFinite(waitMs) ? waitMs : undefined,
  );
}
