import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Bulkhead } from '../bulkhead.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Scope } from '../core/scope.ts';
import { Counter, Gauge, Histogram, render } from './exposition.ts';

/** What one request was, in labels of which there are few: never an id, a name or a path as it was typed. */
export interface Served {
  readonly method: string;
  /** The route's pattern; `unmatched` where there is none. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly scope: Pick<Scope, 'plan' | 'isolationLevel'> | undefined;
  readonly overheadMs: number | undefined;
}

export interface Metrics {
  began(): void;
  ended(served: Served): void;
  refused(code: ErrorCode): void;
  /** Prometheus text format 0.0.4. */
  render(): string;
  close(): void;
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Down to microseconds: that is what a warm request pays. The last bound is the limit of R169. */
const overheadSeconds = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.003, 0.007, 0.015, 0.03,
];

export function createMetrics(bulkhead: Pick<Bulkhead, 'rows' | 'cache'>): Metrics {
  const requests = new Counter('bulkhead_http_requests_total', 'Requests by route and class of status.');
  const durations = new Histogram(
    'bulkhead_http_request_duration_seconds',
    'Time to the last byte.',
    seconds,
  );
  const tenantRequests = new Counter('bulkhead_tenant_requests_total', 'Requests inside a tenant, by plan.');
  const overhead = new Histogram(
    'bulkhead_isolation_overhead_seconds',
    'Identifying, admitting and opening the scope.',
    overheadSeconds,
  );
  const refusals = new Counter('bulkhead_refusals_total', 'Requests refused at the door, by error code.');
  const inFlight = new Gauge('bulkhead_http_requests_in_flight', 'Requests being served.');
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  let running = 0;
  const routeSamples = kept((method: string, route: string, status: string) => ({
    requests: requests.sample({ method, route, status }),
    durations: durations.sample({ method, route }),
  }));
  const tenantSamples = kept((plan: string, isolation: string, status: string) => ({
    requests: tenantRequests.sample({ plan, isolation, status }),
    overhead: overhead.sample({ isolation }),
  }));
  return {
    began() {
      running += 1;
    },
    ended({ method, route, status, durationMs, scope, overheadMs }) {
      running -= 1;
      const statusClass = `${Math.floor(status / 100)}xx`;
      const served = routeSamples(method, route, statusClass);
      served.requests.amount += 1;
      served.durations.observe(durationMs / 1_000);
      if (scope === undefined || overheadMs === undefined) return;
      const inTenant = tenantSamples(scope.plan, scope.isolationLevel, statusClass);
      inTenant.requests.amount += 1;
      inTenant.overhead.observe(overheadMs / 1_000);
    },
    refused(code) {
      refusals.add({ code }, 1);
    },
    render() {
      inFlight.set({}, running);
      return render([
        requests,
        durations,
        tenantRequests,
        overhead,
        refusals,
        inFlight,
        ...poolGauges(bulkhead.rows.stats()),
        ...cacheSeries(bulkhead.cache.stats()),
        ...processGauges(lag.percentile(99) / 1e9),
      ]);
    },
    close() {
      lag.disable();
    },
  };
}

/** Remembers what was made for three labels. Of the labels that are used here there are few. */
function kept<Value>(make: (a: string, b: string, c: string) => Value): typeof make {
  const known = new Map<string, Value>();
  return (a, b, c) => {
    const key = `${a} ${b} ${c}`;
    const found = known.get(key) ?? make(a, b, c);
    known.set(key, found);
    return found;
  };
}

/** One line a server and kind of pool. Databases of single tenants are added up: their names are the tenants'. */
function poolGauges(stats: ReturnType<Bulkhead['rows']['stats']>): readonly Gauge[] {
  const connections = new Gauge(
    'bulkhead_pool_connections',
    'Database connections by server, kind and state.',
  );
  const saturated = new Gauge('bulkhead_pool_saturated', 'Pools in which nothing is free.');
  const pools = new Gauge('bulkhead_pools', 'Pools that are open.');
  for (const [name, pool] of stats) {
    const [server = name, database] = name.split('/', 2);
    const labels = { server, kind: database === undefined ? 'shared' : 'tenant' };
    for (const state of ['open', 'busy', 'waiting', 'limit'] as const)
      connections.add({ ...labels, state }, pool[state]);
    saturated.add(labels, pool.saturated ? 1 : 0);
    pools.add(labels, 1);
  }
  return [connections, saturated, pools];
}

/** By store and outcome; which tenant missed is nobody's business here. */
function cacheSeries(stats: ReturnType<Bulkhead['cache']['stats']>): readonly (Counter | Gauge)[] {
  const reads = new Counter('bulkhead_cache_reads_total', 'Reads of tenants’ caches by outcome.');
  for (const outcome of ['hits', 'misses', 'bypassed', 'foreign'] as const)
    reads.add({ outcome }, stats[outcome]);
  const up = new Gauge(
    'bulkhead_cache_up',
    'Whether a cache store answers; without it tenants are served all the same.',
  );
  for (const [store, state] of Object.entries(stats.stores)) up.set({ store }, state === 'up' ? 1 : 0);
  return [reads, up];
}

function processGauges(lagSeconds: number): readonly Gauge[] {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    gaugeOf('process_resident_memory_bytes', 'Resident memory.', rss),
    gaugeOf('nodejs_heap_used_bytes', 'Heap in use.', heapUsed),
    gaugeOf('process_cpu_seconds', 'User and system time so far.', (user + system) / 1e6),
    gaugeOf('process_uptime_seconds', 'Time since the start.', process.uptime()),
    gaugeOf(
      'nodejs_eventloop_lag_p99_seconds',
      'Delay of the event loop.',
      Number.isFinite(lagSeconds) ? lagSeconds : 0,
    ),
  ];
}

function gaugeOf(name: string, help: string, value: number): Gauge {
  return new Gauge(name, help).set({}, value);
}
