import type { Scope } from '../core/scope.ts';
import { Counter, Gauge, Histogram, render } from './exposition.ts';

/** What one request of a tenant was. */
export interface TenantRequest {
  readonly scope: Pick<Scope, 'tenantId' | 'plan' | 'isolationLevel'>;
  readonly status: number;
  readonly durationMs: number;
}

export interface TenantMetrics {
  ended(request: TenantRequest): void;
  /** Prometheus text format 0.0.4. */
  render(): string;
}

interface Figures {
  readonly labels: Readonly<Record<string, string>>;
  readonly byClass: Map<string, number>;
  readonly durations: number[];
  count: number;
  sumS: number;
  /** Requests since the smallest one was last looked for, halved each time: what a place is kept by. */
  recent: number;
}

/** Few: each is a series more for every tenant shown. */
const bounds = [0.05, 0.25, 1, 5];
/** Newcomers that are counted beside the shown ones, to see who deserves a place. */
const candidatesPerPlace = 10;
const reviewEveryRequests = 1_000;

/**
 * Requests by tenant, for the `places` busiest ones; the others are one series named `other`, so that the sum is right
 * and what a scraper has to keep does not grow with the number of tenants. A tenant that gives up its place leaves what
 * it had to `other`; one that gets a place begins at zero, which scrapers take for a restart.
 */
export class BusiestTenants implements TenantMetrics {
  readonly #places: number;
  readonly #shown = new Map<string, Figures>();
  readonly #candidates = new Map<string, number>();
  readonly #other = newFigures({ tenant: 'other', plan: 'other', isolation: 'other' });
  #untilReview = reviewEveryRequests;

  constructor(places: number) {
    this.#places = places;
  }

  ended(request: TenantRequest): void {
    const { tenantId, plan, isolationLevel } = request.scope;
    let figures = this.#shown.get(tenantId);
    if (figures === undefined && this.#shown.size < this.#places) {
      figures = newFigures({ tenant: tenantId, plan, isolation: isolationLevel });
      this.#shown.set(tenantId, figures);
    }
    observe(figures ?? this.#other, request);
    if (figures === undefined) this.#nominate(tenantId);
    this.#untilReview -= 1;
    if (this.#untilReview === 0) this.#review();
  }

  render(): string {
    const requests = new Counter(
      'bulkhead_requests_by_tenant_total',
      'Requests by tenant and class of status.',
    );
    const durations = new Histogram(
      'bulkhead_request_duration_by_tenant_seconds',
      'Time to the last byte.',
      bounds,
    );
    const availability = new Gauge(
      'bulkhead_availability_by_tenant_ratio',
      'Requests that did not end in a fault of ours (5xx), of all of them since the start.',
    );
    for (const figures of [...this.#shown.values(), this.#other]) {
      if (figures.count === 0) continue;
      const { labels, byClass, count, sumS } = figures;
      for (const [status, amount] of byClass) requests.set({ ...labels, status }, amount);
      const distribution = durations.sample(labels);
      distribution.counts.splice(0, bounds.length, ...figures.durations);
      Object.assign(distribution, { count, sum: sumS });
      availability.set(labels, 1 - (byClass.get('5xx') ?? 0) / count);
    }
    return render([requests, durations, availability]);
  }

  #nominate(tenant: string): void {
    const seen = this.#candidates.get(tenant) ?? 0;
    if (seen === 0 && this.#candidates.size >= this.#places * candidatesPerPlace) return;
    this.#candidates.set(tenant, seen + 1);
  }

  /** Gives the places of those who have gone quiet to those who are busier by now; those begin with their next request. */
  #review(): void {
    this.#untilReview = reviewEveryRequests;
    const quiet = [...this.#shown].toSorted(([, a], [, b]) => a.recent - b.recent);
    const busy = [...this.#candidates].toSorted(([, a], [, b]) => b - a);
    for (const [index, [tenant, figures]] of quiet.entries()) {
      const [, requests] = busy[index] ?? [];
      // Twice as busy, or two that are alike would take turns for ever.
      if (requests === undefined || requests <= figures.recent * 2) break;
      merge(this.#other, figures);
      this.#shown.delete(tenant);
    }
    this.#candidates.clear();
    for (const figures of this.#shown.values()) figures.recent /= 2;
  }
}

function newFigures(labels: Figures['labels']): Figures {
  return { labels, byClass: new Map(), durations: bounds.map(() => 0), count: 0, sumS: 0, recent: 0 };
}

function observe(figures: Figures, { status, durationMs }: TenantRequest): void {
  const statusClass = `${Math.floor(status / 100)}xx`;
  const bucket = bounds.findIndex((bound) => durationMs / 1_000 <= bound);
  if (bucket !== -1) figures.durations[bucket] = (figures.durations[bucket] ?? 0) + 1;
  figures.byClass.set(statusClass, (figures.byClass.get(statusClass) ?? 0) + 1);
  figures.count += 1;
  figures.sumS += durationMs / 1_000;
  figures.recent += 1;
}

function merge(into: Figures, from: Figures): void {
  for (const [status, amount] of from.byClass)
    into.byClass.set(status, (into.byClass.get(status) ?? 0) + amount);
  for (const [index, amount] of from.durations.entries())
    into.durations[index] = (into.durations[index] ?? 0) + amount;
  into.count += from.count;
  into.sumS += from.sumS;
}
