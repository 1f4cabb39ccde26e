import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { maxHierarchyDepth } from '../core/tenant.ts';
import type { AdminTransaction } from '../drivers/sql.ts';

// The bound ends the walk also in a cycle, which only somebody with the owner's password could have made.
const ancestorsText = `with recursive line (id, parent_id, depth) as (
    select id, parent_id, 1 from bulkhead.tenant where id = $1::uuid
    union all
    select t.id, t.parent_id, line.depth + 1 from bulkhead.tenant t join line on t.id = line.parent_id
      where line.depth <= $2::int)
  select max(depth)::int as depth from line`;

/**
 * The parent stays as it is until the transaction ends: it is locked against a change of state.
 * @throws hierarchy_refused where it does not exist, is not active, or has too many levels above it
 */
export async function assertParent(tx: AdminTransaction, parent: TenantId): Promise<void> {
  const refuse = (reason: string): never => {
    throw new BulkheadError('hierarchy_refused', { field: 'parent', parent, reason });
  };
  const { rows: locked } = await tx.query('select state from bulkhead.tenant where id = $1::uuid for share', [
    parent,
  ]);
  if (locked[0] === undefined) return refuse('there is no such tenant');
  if (locked[0]['state'] !== 'active') return refuse('it is not active');
  const { rows } = await tx.query<{ depth: number }>(ancestorsText, [parent, maxHierarchyDepth]);
  if ((rows[0]?.depth ?? 0) + 1 > maxHierarchyDepth)
    refuse(`at most ${maxHierarchyDepth} levels, the new tenant counted`);
}

const belowText = `with recursive line (id, parent_id, depth) as (
    select id, parent_id, 1 from bulkhead.tenant where id = $1::uuid
    union all
    select t.id, t.parent_id, line.depth + 1 from bulkhead.tenant t join line on t.id = line.parent_id
      where line.depth <= $3::int)
  select exists (select from line where id = $2::uuid and depth > 1) as below`;

/**
 * That the reader stands above the child; without a child, that the reader is there. Both stay until the transaction ends.
 * @throws hierarchy_refused, tenant_not_found
 */
export async function assertBelow(
  tx: AdminTransaction,
  { reader, child }: { readonly reader: TenantId; readonly child: TenantId | undefined },
): Promise<void> {
  // The grant is part of the reader and will change it: sharing the lock first, two at once would wait for each other.
  await assertThere(tx, reader, 'for update');
  if (child === undefined) return;
  await assertThere(tx, child, 'for share');
  const { rows } = await tx.query<{ below: boolean }>(belowText, [child, reader, maxHierarchyDepth]);
  if (rows[0]?.below !== true)
    throw new BulkheadError('hierarchy_refused', {
      field: 'child',
      reason: 'it is not below the tenant that shall read it',
    });
}

async function assertThere(
  tx: AdminTransaction,
  id: TenantId,
  lock: 'for update' | 'for share',
): Promise<void> {
  const { rows } = await tx.query(
    `select from bulkhead.tenant where id = $1::uuid and state <> 'deleted' ${lock}`,
    [id],
  );
  if (rows.length === 0) throw new BulkheadError('tenant_not_found', { tenant: id });
}
