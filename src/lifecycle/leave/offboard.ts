import { BulkheadError } from '../../core/errors.ts';
import type { Actor } from '../../core/scope.ts';
import { nextState, type Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import type { Step } from '../journal.ts';
import { sealing } from '../suspend.ts';
import type { LeaveDeps } from './work.ts';

const maxRetentionDays = 3_650;

/** @throws value_invalid */
export function assertRetention(days: number | undefined): void {
  if (days === undefined || (Number.isInteger(days) && days >= 1 && days <= maxRetentionDays)) return;
  throw new BulkheadError('value_invalid', {
    field: 'retentionDays',
    reason: `a whole number of days from 1 to ${maxRetentionDays}`,
  });
}

/** First the registry: state, deadline and keys in one transaction. Then the stores, which need no node to refuse. */
export function offboardSteps(deps: LeaveDeps, tenant: Tenant, operation: Operation): readonly Step[] {
  const { registry } = deps;
  const days = operation.input['retentionDays'];
  return [
    {
      name: 'offboarded',
      run: async () => {
        const now = await registry.tenants.read(tenant.id);
        if (now?.state === 'offboarding') return;
        const retentionDays = typeof days === 'number' ? days : undefined;
        await registry.tenants.offboard(tenant.id, retentionDays, operation.actor);
      },
    },
    ...sealing(deps, tenant, 'sealed'),
  ];
}

/** The stores stay sealed: a tenant that comes back is suspended, and its keys are dead. */
export function reinstateSteps({ registry }: LeaveDeps, { id }: Tenant, actor: Actor): readonly Step[] {
  return [
    {
      name: 'reinstated',
      run: async () => {
        const now = await registry.tenants.read(id);
        if (now?.state !== 'suspended') await registry.tenants.transition(id, 'reinstated', actor);
      },
    },
  ];
}

/** @throws transition_refused */
export async function assertReinstatable({ registry }: LeaveDeps, tenant: Tenant): Promise<void> {
  nextState(tenant.state, 'reinstated');
  const parent = tenant.parent === undefined ? undefined : await registry.tenants.read(tenant.parent);
  if (parent === undefined || parent.state === 'active' || parent.state === 'suspended') return;
  throw new BulkheadError('transition_refused', {
    state: tenant.state,
    reason: `its parent ${parent.slug} is ${parent.state}`,
    hint: 'cancel the offboarding of the parent first',
  });
}
