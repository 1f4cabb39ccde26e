import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import { nextState, type Tenant, type TenantEvent, type TenantState } from '../core/tenant.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { readTenant } from './tenant-reads.ts';
import { parseTenantRow, tenantColumns } from './tenant-row.ts';
import { writeAudited, type Queryable } from './write.ts';

interface Transition {
  readonly id: TenantId;
  readonly event: TenantEvent;
  readonly actor: Actor;
}

// Of a tenant that is gone only what an audit needs is kept.
const compareAndSetText = `update bulkhead.tenant t set state = $6,
    name = case when $6 = 'deleted' then t.slug else t.name end,
    settings = case when $6 = 'deleted' then '{}'::jsonb else t.settings end,
    features = case when $6 = 'deleted' then '{}'::text[] else t.features end
  where t.id = $4::uuid and t.state = $7 returning ${tenantColumns}`;

const MAX_TRIES = 5;

/**
 * Moves a tenant along the lifecycle table, once, whoever else tries at the same time.
 * @throws tenant_not_found, transition_refused
 */
export async function changeState(admin: AdminDatabase, transition: Transition): Promise<Tenant> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const before = await readTenant(admin, transition.id);
    if (before === undefined) throw new BulkheadError('tenant_not_found', { tenant: transition.id });
    const change = { ...transition, from: before.state, to: nextState(before.state, transition.event) };
    const after = endsKeys(change.to)
      ? await admin.transaction((tx) => leave(tx, change))
      : await compareAndSet(admin, change);
    if (after !== undefined) return after;
    // Another writer was faster: the table is asked again, about the state it left.
  }
  throw new BulkheadError('transition_refused', {
    event: transition.event,
    reason: 'others keep changing the tenant',
  });
}

type Change = Transition & { readonly from: TenantState; readonly to: TenantState };

function endsKeys(state: TenantState): boolean {
  return state === 'offboarding' || state === 'deleted';
}

async function compareAndSet(database: Queryable, change: Change): Promise<Tenant | undefined> {
  const note = { actor: change.actor, action: `tenant.${change.event}`, tenant: change.id };
  const [row] = await writeAudited(database, note, {
    write: compareAndSetText,
    values: [change.to, change.from],
  });
  return row === undefined ? undefined : parseTenantRow(row);
}

/** Keys die with the tenant's active life. A statement of its own: it must see a key issued a moment before. */
async function leave(database: Queryable, change: Change): Promise<Tenant | undefined> {
  const after = await compareAndSet(database, change);
  if (after !== undefined)
    await database.query(
      'update bulkhead.api_key set revoked_at = statement_timestamp() where tenant_id = $1::uuid and revoked_at is null',
      [change.id],
    );
  return after;
}
