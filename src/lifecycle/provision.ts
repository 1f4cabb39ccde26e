import type { Compartment } from '../core/compartment.ts';
import { BulkheadError } from '../core/errors.ts';
import type { Placement } from '../core/placement.ts';
import type { Plan } from '../core/plan.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { Operation, Registry } from '../registry/registry.ts';
import type { Starters } from './starter.ts';
import { runSteps, toCallerError, toFailure, type JournalDeps, type Step } from './journal.ts';

export interface ProvisionDeps extends JournalDeps {
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
  readonly starters: Starters;
}

interface Provisioning {
  readonly tenant: Tenant;
  readonly plan: Plan;
  readonly server: string | undefined;
  readonly template: string | undefined;
  readonly operation: Operation;
  readonly actor: Actor;
  /** What is done between the making of its places and the tenant's first day. Default: nothing. */
  readonly fill?: (placed: ReadonlyMap<string, Placement>) => readonly Step[];
}

const rollingBack = 'roll-back';

/** Places and provisions the tenant everywhere, or nowhere. @throws what the failing step threw, after everything is undone */
export async function provision(deps: ProvisionDeps, work: Provisioning): Promise<Tenant> {
  const alreadyFailed = work.operation.steps.some(({ name }) => name === rollingBack);
  try {
    if (alreadyFailed) throw new BulkheadError('internal', { reason: 'the provisioning failed before' });
    await runSteps(deps, work.operation, toSteps(deps, work));
  } catch (cause) {
    // Once active, a tenant may have been used already: what failed then was only the writing down of it.
    if ((await deps.registry.tenants.read(work.tenant.id))?.state !== 'active') {
      await undo(deps, work, cause);
      throw toCallerError(cause);
    }
  }
  await deps.operations.end(work.operation.id, { state: 'done' });
  const tenant = await deps.registry.tenants.read(work.tenant.id);
  if (tenant === undefined) throw new BulkheadError('internal', { reason: 'a provisioned tenant is gone' });
  return tenant;
}

function toSteps(deps: ProvisionDeps, work: Provisioning): readonly Step[] {
  const { tenant, plan, server, template } = work;
  const { tenants } = deps.registry;
  const placed = new Map(tenant.placements.map((placement) => [placement.compartment, placement]));
  const perCompartment = deps.compartments.flatMap((compartment): readonly Step[] => [
    {
      name: `place ${compartment.kind}`,
      run: async () => {
        const { id, isolation, region } = tenant;
        const placement = await compartment.place({ tenant: id, isolation, region, plan, server });
        await tenants.putPlacement(placement);
        placed.set(compartment.kind, placement);
        return { container: placement.container };
      },
    },
    {
      name: `provision ${compartment.kind}`,
      run: () => compartment.provision(placementOf(placed, compartment), plan),
    },
  ]);
  const activate: Step = {
    name: 'activate',
    run: async () => {
      const now = await tenants.read(tenant.id);
      // The step may have run to its end just before a crash.
      if (now?.state !== 'active') await tenants.transition(tenant.id, 'provisioned', work.actor);
    },
  };
  return [
    ...perCompartment,
    ...(template === undefined ? [] : toFilling(deps, placed, template)),
    ...(work.fill?.(placed) ?? []),
    activate,
  ];
}

/** Before the tenant is let in, so that it never sees half of it. */
function toFilling(
  { compartments, starters }: ProvisionDeps,
  placed: ReadonlyMap<string, Placement>,
  template: string,
): readonly Step[] {
  return compartments.map((compartment) => ({
    name: `fill ${compartment.kind}`,
    run: async () => {
      const records = await starters.read(template, compartment.kind);
      if (records === undefined) return { imported: 0 };
      const { imported } = await compartment.import(placementOf(placed, compartment), records);
      return { imported };
    },
  }));
}

function placementOf(placed: ReadonlyMap<string, Placement>, compartment: Compartment): Placement {
  const placement = placed.get(compartment.kind);
  if (placement === undefined)
    throw new BulkheadError('internal', { reason: 'provisioned before placed', kind: compartment.kind });
  return placement;
}

/** Erases what was made, in the opposite order. What cannot be undone now is left journalled, for `recover`. */
async function undo(deps: ProvisionDeps, work: Provisioning, cause: unknown): Promise<void> {
  const { operation, tenant, actor } = work;
  await deps.operations.recordStep(operation.id, rollingBack, { because: toFailure(cause).code });
  const now = await deps.registry.tenants.read(tenant.id);
  for (const compartment of deps.compartments.toReversed()) {
    const placement = now?.placements.find(({ compartment: kind }) => kind === compartment.kind);
    if (placement === undefined) continue;
    const { left } = await compartment.erase(placement);
    if (left !== 0n)
      throw new BulkheadError('internal', { reason: 'roll-back left data behind', kind: compartment.kind });
    await deps.registry.tenants.dropPlacement(tenant.id, compartment.kind);
  }
  if (now !== undefined && now.state !== 'deleted')
    await deps.registry.tenants.transition(tenant.id, 'erased', actor);
  await deps.operations.end(operation.id, { state: 'rolled_back', failure: toFailure(cause) });
}
