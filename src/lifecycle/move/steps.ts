import type { Compartment } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import { namesIsolation, type Placement } from '../../core/placement.ts';
import type { Plan } from '../../core/plan.ts';
import type { Relocation } from '../../core/relocation.ts';
import type { Stage, Step } from '../journal.ts';
import { CopyProgress } from './progress.ts';
import { isAt, toMoved, type MoveDeps, type MoveWork } from './work.ts';

/** Everything up to the copy; afterwards the relocations are known. */
export function preparingSteps(
  deps: MoveDeps,
  work: MoveWork,
  plan: Plan,
): { readonly steps: readonly Step[]; readonly placed: Map<string, Placement> } {
  const { tenant, order } = work;
  const placed = new Map<string, Placement>();
  const steps = toMoved(deps, order).flatMap((compartment): readonly Step[] => [
    {
      name: `place ${compartment.kind}`,
      run: async () => {
        const { id, region } = tenant;
        const { isolation, server } = order;
        const placement = await compartment.place({ tenant: id, isolation, region, plan, server });
        // Not what the survey foresaw. Its data would be taken for the target's, and erased.
        if (isAt(placement, order.from))
          throw new BulkheadError('isolation_unavailable', {
            reason: `${compartment.kind}: it is there already`,
          });
        placed.set(compartment.kind, placement);
        return placement;
      },
    },
    {
      name: `provision ${compartment.kind}`,
      run: async () => {
        const placement = toPlaced(placed, compartment);
        await compartment.provision(placement, plan);
        await compartment.seal(placement, 'sealed');
      },
    },
  ]);
  return { steps, placed };
}

function toPlaced(placed: ReadonlyMap<string, Placement>, { kind }: Compartment): Placement {
  const placement = placed.get(kind);
  if (placement === undefined)
    throw new BulkheadError('internal', { reason: 'provisioned before placed', kind });
  return placement;
}

export function copyingSteps(
  deps: MoveDeps,
  work: MoveWork,
  counts: { readonly done: number; readonly total: number },
  relocations: readonly Relocation[],
): readonly Step[] {
  const progress = new CopyProgress(deps, work.operation.id, counts);
  return [
    ...each(relocations, 'capture', (relocation) => relocation.capture()),
    ...relocations.flatMap((relocation) =>
      relocation.parts.map((part) => ({
        name: `copy ${relocation.from.compartment} ${part}`,
        run: async () => {
          const copied = await relocation.copy(part, progress);
          await progress.tell();
          return copied;
        },
      })),
    ),
  ];
}

/**
 * From the last catching up to the tenant's life at the target, in an order in which nobody ever reads what is outdated:
 * both containers refuse writes and hold the same rows while readers change over, and the source has gone silent before
 * the target takes its first write.
 */
export function cutOverSteps(
  deps: MoveDeps,
  work: MoveWork,
  relocations: readonly Relocation[],
): readonly Stage[] {
  return [
    ...each(relocations, 'catch up', (relocation) => catchUp(deps, work, relocation)),
    ...each(relocations, 'compare', (relocation) => relocation.compare()),
    each(relocations, 'catch up again', (relocation) => catchUp(deps, work, relocation)),
    // Writers wait from here on: whatever the compartments do, they do at once.
    each(relocations, 'pause', (relocation) => relocation.pause()),
    each(relocations, 'settle', (relocation) => relocation.settle()),
    each(relocations, 'admit reads', (relocation) => relocation.admit('reads')),
    {
      name: 'switch',
      run: async () => {
        const { tenant, operation, order, actor } = work;
        await deps.registry.tenants.switchPlacements(
          {
            tenant: tenant.id,
            isolation: order.from.some(namesIsolation) ? order.isolation : tenant.isolation,
            placements: relocations.map(({ to }) => to),
            operation: { id: operation.id, owner: deps.operations.owner },
          },
          actor,
        );
      },
    },
    each(relocations, 'retire', (relocation) => relocation.retire()),
    each(relocations, 'admit writes', (relocation) => relocation.admit('writes')),
  ];
}

export function confirmingSteps(relocations: readonly Relocation[]): readonly Step[] {
  return each(relocations, 'confirm', (relocation) => relocation.confirm());
}

function each(
  relocations: readonly Relocation[],
  name: string,
  run: (relocation: Relocation) => Promise<unknown>,
): readonly Step[] {
  return relocations.map((relocation) => ({
    name: `${name} ${relocation.from.compartment}`,
    run: () => run(relocation),
  }));
}

/** So few that bringing them over in the pause is no matter. */
const fewChanges = 200;
const patienceMs = 300_000;

async function catchUp(deps: MoveDeps, work: MoveWork, relocation: Relocation): Promise<{ changes: number }> {
  const startedMs = deps.clock.monotonicMs();
  for (let changes = 0; ;) {
    const brought = await relocation.catchUp();
    changes += brought;
    if (brought <= fewChanges) return { changes };
    if (deps.clock.monotonicMs() - startedMs > patienceMs)
      throw new BulkheadError('operation_in_progress', {
        tenant: work.tenant.id,
        reason: 'the tenant writes faster than it can be caught up with; move it in a quieter hour',
      });
    if ((await deps.operations.read(work.operation.id))?.cancelRequested === true)
      throw new BulkheadError('aborted', { reason: 'the move was cancelled' });
  }
}
