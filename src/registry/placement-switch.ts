import { BulkheadError } from '../core/errors.ts';
import type { Isolation, Placement } from '../core/placement.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { TenantId } from '../core/ids.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { parseTenantRow, tenantColumns } from './tenant-row.ts';
import { assertRow, writeAudited } from './write.ts';

/** From one moment to the next a tenant lives elsewhere. */
export interface PlacementSwitch {
  readonly tenant: TenantId;
  /** What the tenant's is called from then on. */
  readonly isolation: Isolation;
  readonly placements: readonly Placement[];
  /** The operation that does it, which must still be its process's own. */
  readonly operation: { readonly id: string; readonly owner: string };
}

const fenceText = `select 1 as held from bulkhead.operation
  where id = $1::uuid and state = 'running' and owner_node = $2 for update`;

const placeText = `update bulkhead.placement p set isolation = w.isolation, container = w.container
  from unnest($2::text[], $3::text[], $4::text[]) as w (compartment, isolation, container)
  where p.tenant_id = $1::uuid and p.compartment = w.compartment`;

const isolateText = `update bulkhead.tenant t set isolation = $6 where t.id = $4::uuid returning ${tenantColumns}`;

/**
 * All placements in one transaction, and with them the tenant's epoch. A process that was thought dead, and whose work
 * another has taken over, must not do it any more: it does not know what the other has decided.
 */
export async function switchPlacements(
  admin: AdminDatabase,
  change: PlacementSwitch,
  actor: Actor,
): Promise<Tenant> {
  const { tenant, isolation, placements, operation } = change;
  return await admin.transaction(async (tx) => {
    const { rows } = await tx.query(fenceText, [operation.id, operation.owner]);
    if (rows.length === 0)
      throw new BulkheadError('operation_in_progress', {
        operation: operation.id,
        reason: 'it has ended, or another node has taken it over',
      });
    await tx.query(placeText, [
      tenant,
      placements.map(({ compartment }) => compartment),
      placements.map((placement) => placement.isolation),
      placements.map(({ container }) => container),
    ]);
    const note = {
      actor,
      action: 'tenant.moved',
      tenant,
      detail: {
        isolation,
        compartments: placements.map(({ compartment }) => compartment),
        operation: operation.id,
      },
    };
    const [row] = await writeAudited(tx, note, { write: isolateText, values: [isolation] });
    return parseTenantRow(assertRow(row, 'tenant_not_found', tenant));
  });
}
