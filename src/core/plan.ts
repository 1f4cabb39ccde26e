import type { Isolation } from './placement.ts';

/** Limits of one request or transaction (R125, R126). */
export interface Governor {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Rows one statement may return. */
  readonly maxRows: number;
  /** Statements one scope may run. */
  readonly maxQueries: number;
}

/** What a tenant bought, as data. */
export interface Plan {
  readonly id: string;
  readonly name: string;
  /** Other names the plan answers to, such as `starter`. */
  readonly aliases: readonly string[];
  readonly isolations: readonly Isolation[];
  readonly defaultIsolation: Isolation;
  readonly features: readonly string[];
  readonly governor: Governor;
  /** Counted things, by resource name; absent = without limit. */
  readonly quotas: Readonly<Record<string, number>>;
  readonly rates: { readonly perMinute: number; readonly perDay: number; readonly burst: number };
  /** Connections of the tenant's own pool, on tiers that have one. */
  readonly connections: number;
  /** A decimal amount of dollars a month. */
  readonly priceUsd: string;
}

/** What a login may do where its plan says nothing else; also the default of the database roles themselves. */
export const defaultGovernor: Governor = Object.freeze({
  statementTimeoutMs: 10_000,
  lockTimeoutMs: 2_000,
  idleTimeoutMs: 10_000,
  maxRows: 50_000,
  maxQueries: 100,
});
