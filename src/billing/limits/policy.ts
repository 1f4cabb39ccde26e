import type { Plan } from '../../core/plan.ts';
import type { Tenant } from '../../core/tenant.ts';
import { isTimeZone } from './local-day.ts';

export type Unit = 'second' | 'minute' | 'hour' | 'day';

/** Requests in one unit of time. */
export type Rates = Readonly<Partial<Record<Unit, number>>>;

/** What one tenant may do, plan and settings together. */
export interface LimitPolicy {
  readonly tenant: Rates;
  /** At once; refilled at the rate of a minute. */
  readonly burst: number | undefined;
  /** For each key of the tenant, and for each user. */
  readonly key: Rates;
  readonly user: Rates;
  /** By class of route: the first part of the path after `/v1/`. */
  readonly routes: ReadonlyMap<string, Rates>;
  readonly counting: 'window' | 'sliding';
  readonly timeZone: string;
  /** What happens while the store of limits does not answer. */
  readonly whenUnavailable: 'closed' | 'local';
  /** Requests of the tenant that one node serves at a time. */
  readonly concurrency: number | undefined;
}

const units: readonly Unit[] = ['second', 'minute', 'hour', 'day'];
const ROUTE = /^limits\.route\.([a-z0-9_-]{1,64})\.(second|minute|hour|day)$/;

/**
 * Settings win over the plan: `limits.<unit>`, `limits.burst`, `limits.key.<unit>`, `limits.user.<unit>`,
 * `limits.route.<class>.<unit>`, `limits.counting`, `limits.time_zone`, `limits.when_unavailable`, `limits.concurrency`.
 * A setting that is no whole number of at least 1, or none of the words, is as if it were not there: it lifts no limit.
 */
export function toLimitPolicy(tenant: Pick<Tenant, 'settings'>, plan: Pick<Plan, 'rates'>): LimitPolicy {
  const { settings } = tenant;
  const { perMinute, perDay, burst } = plan.rates;
  const routes = new Map<string, Rates>();
  for (const key of Object.keys(settings)) {
    const [, name, unit] = ROUTE.exec(key) ?? [];
    const limit = toLimit(settings[key]);
    if (name === undefined || unit === undefined || limit === undefined) continue;
    routes.set(name, { ...routes.get(name), [unit]: limit });
  }
  const zone = settings['limits.time_zone'];
  return Object.freeze({
    tenant: { minute: perMinute, day: perDay, ...ratesAt(settings, 'limits') },
    burst: toLimit(settings['limits.burst']) ?? burst,
    key: ratesAt(settings, 'limits.key'),
    user: ratesAt(settings, 'limits.user'),
    routes,
    counting: settings['limits.counting'] === 'sliding' ? 'sliding' : 'window',
    timeZone: typeof zone === 'string' && isTimeZone(zone) ? zone : 'UTC',
    whenUnavailable: settings['limits.when_unavailable'] === 'closed' ? 'closed' : 'local',
    concurrency: toLimit(settings['limits.concurrency']),
  });
}

function ratesAt(settings: Readonly<Record<string, unknown>>, prefix: string): Rates {
  const rates: Partial<Record<Unit, number>> = {};
  for (const unit of units) {
    const limit = toLimit(settings[`${prefix}.${unit}`]);
    if (limit !== undefined) rates[unit] = limit;
  }
  return rates;
}

function toLimit(raw: unknown): number | undefined {
  return typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 1 ? raw : undefined;
}
