import type { Governor, Plan } from '../core/plan.ts';

const governor: Governor = {
  statementTimeoutMs: 10_000,
  lockTimeoutMs: 2_000,
  idleTimeoutMs: 10_000,
  maxRows: 50_000,
  maxQueries: 100,
};

const GIB = 1024 ** 3;

/** What a new installation sells. Rows after that: change them with `plans.put`, not here. */
export const defaultPlans: readonly Plan[] = [
  {
    id: 'free',
    name: 'Free',
    aliases: [],
    isolations: ['shared'],
    defaultIsolation: 'shared',
    features: [],
    governor,
    quotas: { documents: 1_000, daily_queries: 1_000, storage_bytes: GIB, api_keys: 5 },
    rates: { perMinute: 60, perDay: 1_000, burst: 10 },
    connections: 2,
    priceUsd: '0.00',
  },
  {
    id: 'pro',
    name: 'Pro',
    aliases: ['standard', 'starter', 'business'],
    // The operator chooses; what a customer of this plan gets unasked is below.
    isolations: ['shared', 'schema', 'database', 'dedicated'],
    defaultIsolation: 'shared',
    features: ['export', 'webhooks'],
    governor,
    quotas: { documents: 100_000, daily_queries: 100_000, storage_bytes: 50 * GIB, api_keys: 50 },
    rates: { perMinute: 1_000, perDay: 100_000, burst: 100 },
    connections: 5,
    priceUsd: '49.00',
  },
  {
    id: 'enterprise',
    name: 'Enterprise',
    aliases: [],
    isolations: ['shared', 'schema', 'database', 'dedicated'],
    defaultIsolation: 'database',
    features: ['export', 'webhooks', 'audit_export', 'sso', 'custom_region'],
    governor,
    // No entry for documents: without limit.
    quotas: { daily_queries: 1_000_000, api_keys: 1_000 },
    rates: { perMinute: 5_000, perDay: 1_000_000, burst: 500 },
    connections: 10,
    priceUsd: '499.00',
  },
];
