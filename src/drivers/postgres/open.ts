import type { AdminDatabase, TenantDatabase } from '../sql.ts';
import { WireAdminDatabase } from '../wire/admin-database.ts';
import { ConnectionBudget } from '../wire/connection-budget.ts';
import { defaultLimits, type PoolLimits } from '../wire/limits.ts';
import { Pool } from '../wire/pool.ts';
import { WireTenantDatabase } from '../wire/tenant-database.ts';
import { toConnectionTarget, type Credentials } from './connection-target.ts';
import { openConnection } from './open-connection.ts';
import { loginSteps } from './login-steps.ts';

export interface PostgresOptions extends Partial<PoolLimits> {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Shared by all pools of one server; without it the pool's own maximum is the ceiling. */
  readonly budget?: ConnectionBudget | undefined;
  /** Wins over the login in the URL. */
  readonly credentials?: Credentials | undefined;
}

/**
 * A database reached as the weak login. Connects when first used.
 * Its calls throw: SqlError for what the database answers; compartment_unreachable, statement_timeout, pool_saturated,
 * row_cap_exceeded, aborted, value_invalid, request_invalid, shutting_down.
 */
export function openPostgres(options: PostgresOptions): TenantDatabase {
  return new WireTenantDatabase(toPool(options, {}), loginSteps);
}

/** A database reached as the owner. Connects when first used; throws as `openPostgres` does, save for the caps. */
export function openPostgresAdmin(options: PostgresOptions): AdminDatabase {
  return new WireAdminDatabase(
    'postgres',
    toPool(options, {
      maxConnections: 3,
      sharedConnections: 1,
      waitTimeoutMs: 60_000,
      // Building an index takes as long as it takes.
      replyTimeoutMs: Number.POSITIVE_INFINITY,
    }),
  );
}

function toPool(options: PostgresOptions, defaults: Partial<PoolLimits>): Pool {
  const { url, applicationName, budget, credentials, ...given } = options;
  const limits: PoolLimits = { ...defaultLimits, ...defaults, ...withoutUndefined(given) };
  const { connectTimeoutMs } = limits;
  const target = toConnectionTarget({ url, applicationName, connectTimeoutMs, credentials });
  return new Pool(
    (events) => openConnection(target, limits.statements, events),
    limits,
    budget ?? new ConnectionBudget(limits.maxConnections),
  );
}

function withoutUndefined(limits: Partial<PoolLimits>): Partial<PoolLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
