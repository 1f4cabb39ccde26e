import type { ErrorCode, Retry } from '../core/errors.ts';

/** What to do about an error where the error itself says nothing better. Written for the person at the terminal. */
const byCode: Partial<Record<ErrorCode, string>> = {
  capability_refused: 'try again; if it stays, look with: bulkhead doctor',
  compartment_unreachable: 'start the database or correct its URL, then look with: bulkhead doctor',
  config_invalid: 'correct the settings named above; docs/reference/configuration.md lists them all',
  conflict: 'choose another name, or look at what exists with the list command',
  credential_unreadable:
    'the master key is not the one this data was written with: restore <data folder>/master-key or BULKHEAD_MASTER_KEY',
  data_dir_in_use:
    'talk to the server that uses it (--url), stop it, or choose another folder with --data-dir',
  foreign_row: 'stop the server and report this: run bulkhead doctor and keep its output',
  hierarchy_refused: 'name an existing tenant as parent, at most five levels deep',
  internal: 'run it again with --verbose and look into the server’s log for the request id',
  isolation_unavailable:
    'see what the plan allows with: bulkhead plan list; dedicated servers are added with: bulkhead server add',
  migration_refused: 'correct the file at the line named above; nothing of it was applied',
  operation_in_progress: 'wait for it; watch it with: bulkhead operation list --tenant TENANT',
  plan_unknown: 'see the plans with: bulkhead plan list',
  pool_saturated: 'try again in a moment, or raise BULKHEAD_POOL_MAX',
  registry_stale: 'the server has lost touch with its database: look with bulkhead doctor',
  request_invalid: 'correct the value named above',
  slug_taken: 'choose another slug; slugs are never given out twice',
  table_unwalled:
    'put the table into a numbered migration file, or declare it in BULKHEAD_SHARED_TABLES if it holds no tenant’s data',
  tenant_inactive: 'let it in again with: bulkhead tenant resume TENANT',
  tenant_not_found: 'see the tenants with: bulkhead tenant list',
  transition_refused: 'see its state with: bulkhead tenant show TENANT',
  unauthenticated:
    'pass the operator token: --token, BULKHEAD_OPERATOR_TOKEN or <data folder>/operator-token',
  value_invalid: 'correct the value named above',
};

const byRetry: Record<Retry, string> = {
  never: 'check the name or id; the list commands show what exists',
  after_change: 'change the request and try again',
  later: 'try again in a moment; if it stays, look with: bulkhead doctor',
};

export function adviceFor(code: ErrorCode, retry: Retry): string {
  return byCode[code] ?? byRetry[retry];
}
