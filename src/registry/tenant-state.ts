import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import {
  nextState,
  tenantStates,
  transitions,
  type Tenant,
  type TenantEvent,
  type TenantState,
} from '../core/tenant.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { readTenant } from './tenant-reads.ts';
import { parseTenantRow, tenantColumns } from './tenant-row.ts';
import { writeAudited, type Queryable } from './write.ts';

interface Transition {
  readonly id: TenantId;
  readonly event: TenantEvent;
  readonly actor: Actor;
}

// The lifecycle table travels with the statement, so that looking at the state and changing it are one.
// Of a tenant that is gone only what an audit needs is kept.
const moveText = `update bulkhead.tenant t set state = edge.after,
    name = case when edge.after = 'deleted' then t.slug else t.name end,
    settings = case when edge.after = 'deleted' then '{}'::jsonb else t.settings end,
    features = case when edge.after = 'deleted' then '{}'::text[] else t.features end
  from unnest($6::text[], $7::text[]) as edge (before, after)
  where t.id = $4::uuid and t.state = edge.before returning ${tenantColumns}`;

const MAX_TRIES = 5;

/**
 * Moves a tenant along the lifecycle table, once, whoever else tries at the same time.
 * @throws tenant_not_found, transition_refused
 */
export async function changeState(admin: AdminDatabase, transition: Transition): Promise<Tenant> {
  const edges = edgesOf(transition.event);
  const endsKeys = edges.some(({ after }) => after === 'offboarding' || after === 'deleted');
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const moved = endsKeys
      ? await admin.transaction((tx) => leave(tx, transition, edges))
      : await move(admin, transition, edges);
    if (moved !== undefined) return moved;
    const tenant = await readTenant(admin, transition.id);
    if (tenant === undefined) throw new BulkheadError('tenant_not_found', { tenant: transition.id });
    nextState(tenant.state, transition.event);
    // Allowed after all: another writer has changed the tenant between the two statements.
  }
  throw new BulkheadError('transition_refused', {
    event: transition.event,
    reason: 'others keep changing the tenant',
  });
}

interface Edge {
  readonly before: TenantState;
  readonly after: TenantState;
}

function edgesOf(event: TenantEvent): readonly Edge[] {
  return tenantStates.flatMap((before) => {
    const after = transitions[before][event];
    return after === undefined ? [] : [{ before, after }];
  });
}

async function move(
  database: Queryable,
  { id, event, actor }: Transition,
  edges: readonly Edge[],
): Promise<Tenant | undefined> {
  const note = { actor, action: `tenant.${event}`, tenant: id };
  const values = [edges.map(({ before }) => before), edges.map(({ after }) => after)];
  const [row] = await writeAudited(database, note, { write: moveText, values });
  return row === undefined ? undefined : parseTenantRow(row);
}

/** Keys die with the tenant's active life. A statement of its own: it must see a key issued a moment before. */
async function leave(
  database: Queryable,
  transition: Transition,
  edges: readonly Edge[],
): Promise<Tenant | undefined> {
  const moved = await move(database, transition, edges);
  if (moved !== undefined)
    await database.query(
      'update bulkhead.api_key set revoked_at = statement_timestamp() where tenant_id = $1::uuid and revoked_at is null',
      [transition.id],
    );
  return moved;
}
