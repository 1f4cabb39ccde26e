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
import { isAbout, tenantTables } from './tenant-tables.ts';
import { parseTenantRow, tenantColumns } from './tenant-row.ts';
import { writeAudited, type Queryable } from './write.ts';

interface Transition {
  readonly id: TenantId;
  readonly event: TenantEvent;
  readonly actor: Actor;
  /** Of an offboarding; undefined = what the settings say. */
  readonly retentionDays?: number | undefined;
}

// The lifecycle table travels with the statement, so that looking at the state and changing it are one.
// Of a tenant that is gone only what an audit needs is kept.
const moveText = `update bulkhead.tenant t set state = edge.after,
    name = case when edge.after = 'deleted' then t.slug else t.name end,
    settings = case when edge.after = 'deleted' then '{}'::jsonb else t.settings end,
    features = case when edge.after = 'deleted' then '{}'::text[] else t.features end,
    erases_at = case when edge.after = 'offboarding' then
      statement_timestamp() + make_interval(days => coalesce($8::int, bulkhead.retention_days(t))) end
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
  { id, event, actor, retentionDays }: Transition,
  edges: readonly Edge[],
): Promise<Tenant | undefined> {
  const note = { actor, action: `tenant.${event}`, tenant: id };
  const values = [edges.map(({ before }) => before), edges.map(({ after }) => after), retentionDays ?? null];
  const [row] = await writeAudited(database, note, { write: moveText, values });
  return row === undefined ? undefined : parseTenantRow(row);
}

/**
 * Keys die with the tenant's active life. Each statement is of its own: it must see a key or a child made a moment
 * before, and the lock keeps any more from being made.
 */
async function leave(
  database: Queryable,
  transition: Transition,
  edges: readonly Edge[],
): Promise<Tenant | undefined> {
  const { id, event } = transition;
  await database.query('select from bulkhead.tenant where id = $1::uuid for update', [id]);
  await assertNoChildren(database, transition);
  const moved = await move(database, transition, edges);
  if (moved === undefined) return undefined;
  if (event === 'erased') return await bury(database, moved);
  await database.query(
    'update bulkhead.api_key set revoked_at = statement_timestamp() where tenant_id = $1::uuid and revoked_at is null',
    [id],
  );
  return moved;
}

// Who leaves takes nobody along, and who is gone is nobody's parent.
const childrenText = `select c.slug from bulkhead.tenant c where c.parent_id = $1::uuid
  and c.state <> 'deleted' and ($2 = 'erased' or c.state <> 'offboarding') order by c.slug limit 6`;

async function assertNoChildren(database: Queryable, { id, event }: Transition): Promise<void> {
  const { rows } = await database.query<{ slug: string }>(childrenText, [id, event]);
  if (rows.length === 0) return;
  const named = rows.slice(0, 5).map(({ slug }) => slug);
  throw new BulkheadError('transition_refused', {
    event,
    children: named,
    reason: `it has children that have not left: ${named.join(', ')}${rows.length > 5 ? ' and more' : ''}`,
    hint: event === 'erased' ? 'erase them first' : 'offboard them first',
  });
}

/** The row stays as a tombstone. */
async function bury(database: Queryable, gone: Tenant): Promise<Tenant> {
  for (const [table, about] of Object.entries(tenantTables))
    if (about.onErasure === 'delete')
      await database.query(`delete from bulkhead.${table} where ${isAbout(about)}`, [gone.id]);
  return (await readTenant(database, gone.id)) ?? gone;
}
