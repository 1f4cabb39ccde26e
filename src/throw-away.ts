import type { Bulkhead } from './bulkhead.ts';
import { BulkheadError } from './core/errors.ts';
import type { TenantId } from './core/ids.ts';
import type { Actor } from './core/scope.ts';

/**
 * Removes a tenant that was made for a check or a demo, with everything it has.
 * @throws internal where something of it is left
 */
export async function throwAway(node: Bulkhead, id: TenantId, actor: Actor): Promise<void> {
  const { tenants } = node.registry;
  const tenant = await tenants.read(id);
  if (tenant === undefined || tenant.state === 'deleted') return;
  if (tenant.state !== 'offboarding' && tenant.state !== 'provisioning')
    await tenants.transition(id, 'offboarded', actor);
  for (const compartment of node.compartments.toReversed()) {
    const placement = tenant.placements.find(({ compartment: kind }) => kind === compartment.kind);
    if (placement === undefined) continue;
    const { left } = await compartment.erase(placement);
    if (left !== 0n)
      throw new BulkheadError('internal', {
        tenant: id,
        reason: 'a throw-away tenant was not removed whole',
      });
    await tenants.dropPlacement(id, compartment.kind);
  }
  await tenants.transition(id, 'erased', actor);
}
