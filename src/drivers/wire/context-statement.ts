import type { WallContext } from '../sql.ts';
import type { Step } from './batch.ts';
import type { WireValue } from './wire-writer.ts';

/**
 * The statement that gives a transaction its tenant: settings that end with it. One text per variant, so that it is
 * prepared once. `app.tenant_id` and `app.current_tenant` inform code that reads these names; the wall does not.
 * The role comes last: what follows must not run with more rights than the statement it prepares.
 */
export function toContextStatement(context: WallContext): Step {
  const { tenantId, capability } = context;
  const optional: readonly (readonly [string, string | undefined])[] = [
    ['statement_timeout', toMilliseconds(context.statementTimeoutMs)],
    ['lock_timeout', toMilliseconds(context.lockTimeoutMs)],
    ['idle_in_transaction_session_timeout', toMilliseconds(context.idleTimeoutMs)],
    ['search_path', context.searchPath],
    ...Object.entries(context.settings ?? {}),
    ['transaction_read_only', context.access === undefined ? undefined : 'on'],
  ];
  const values: WireValue[] = [capability, tenantId, context.role ?? 'none'];
  let calls = base;
  for (const [name, value] of optional) {
    if (value === undefined) continue;
    values.push(value);
    calls += `, pg_catalog.set_config('${name}', $${values.length}, true)`;
  }
  return { text: `${calls}, pg_catalog.set_config('role', $3, true)`, domain: '', values };
}

const base = `select pg_catalog.set_config('bulkhead.capability', $1, true), pg_catalog.set_config('app.tenant_id', $2, true), pg_catalog.set_config('app.current_tenant', $2, true)`;

function toMilliseconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(Math.max(1, Math.ceil(value)));
}
