import type { Compartment } from '../core/compartment.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { Operation, Registry } from '../registry/registry.ts';
import { runSteps, toCallerError, toFailure, type JournalDeps, type Stage, type Step } from './journal.ts';

export interface SuspendDeps extends JournalDeps {
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
}

/**
 * First the registry, which every node follows within a second; then the stores themselves, so that not even a node that
 * has lost touch can go on. All of them at once: one that is down meanwhile keeps no other open, and is sealed by `recover`
 * when it is back.
 */
export function suspendSteps(deps: SuspendDeps, tenant: Tenant, actor: Actor): readonly Stage[] {
  return [
    transition(deps, tenant.id, { event: 'suspended', reaches: 'suspended' }, actor),
    sealing(deps, tenant, 'sealed'),
  ];
}

/** The other way round: a tenant is active when everything serves it again. */
export function resumeSteps(deps: SuspendDeps, tenant: Tenant, actor: Actor): readonly Stage[] {
  return [
    sealing(deps, tenant, 'open'),
    transition(deps, tenant.id, { event: 'resumed', reaches: 'active' }, actor),
  ];
}

/** What the outage of a store interrupts stays journalled as running: its lease ends and `recover` takes it up. */
export async function runToEnd(
  deps: SuspendDeps,
  operation: Operation,
  stages: readonly Stage[],
): Promise<void> {
  try {
    await runSteps(deps, operation, stages);
  } catch (cause) {
    const failure = toFailure(cause);
    if (failure.code !== 'compartment_unreachable')
      await deps.operations.end(operation.id, { state: 'failed', failure });
    throw toCallerError(cause);
  }
  await deps.operations.end(operation.id, { state: 'done' });
}

function transition(
  deps: SuspendDeps,
  id: TenantId,
  change: { readonly event: 'suspended' | 'resumed'; readonly reaches: Tenant['state'] },
  actor: Actor,
): Step {
  return {
    name: change.event,
    run: async () => {
      const now = await deps.registry.tenants.read(id);
      if (now?.state !== change.reaches) await deps.registry.tenants.transition(id, change.event, actor);
    },
  };
}

export function sealing(
  deps: Pick<SuspendDeps, 'compartments'>,
  tenant: Tenant,
  state: 'sealed' | 'open',
): readonly Step[] {
  return tenant.placements.flatMap((placement) => {
    const compartment = deps.compartments.find(({ kind }) => kind === placement.compartment);
    if (compartment === undefined) return [];
    return [{ name: `${state} ${placement.compartment}`, run: () => compartment.seal(placement, state) }];
  });
}
