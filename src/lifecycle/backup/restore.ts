import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import { isPassing, type ArchiveDeps } from '../archive/work.ts';
import { runSteps, StepFailed, toCallerError, toFailure, type Step } from '../journal.ts';
import { isAt, placedBy } from '../move/work.ts';
import { parseRestoreOrder, type RestoreOrder } from './order.ts';
import { differingSteps, discardStaged, relocationsOf, stage, stagedOf, type Staging } from './stage.ts';

export interface RestoreWork {
  readonly tenant: Tenant;
  readonly operation: Operation;
  readonly order: RestoreOrder;
  readonly actor: Actor;
}

const undoing = 'undo';

/** Stages and compares, or leaves nothing. @throws what the failing step threw, after everything is undone */
export async function runStage(deps: ArchiveDeps, work: Staging): Promise<void> {
  await staging(deps, work, async () => {
    const to = await stage(deps, work);
    await runSteps(deps, work.operation, differingSteps(deps, { from: work.tenant.placements, to }));
  });
}

/** A restore into a place of its own that is thrown away again. */
export async function runDrill(deps: ArchiveDeps, work: Staging): Promise<void> {
  const from = work.tenant.placements;
  await staging(deps, work, async () => {
    const to = await stage(deps, work);
    await runSteps(deps, work.operation, [
      { name: 'discard', run: () => discardStaged(deps, { from, to }) },
      { name: 'record', run: () => deps.registry.backups.drilled(work.backup.id) },
    ]);
  });
}

async function staging(deps: ArchiveDeps, work: Staging, body: () => Promise<void>): Promise<void> {
  const { operation } = work;
  try {
    if (operation.steps.some(({ name }) => name === undoing))
      throw new BulkheadError('internal', { reason: 'it failed before' });
    await body();
  } catch (cause) {
    await giveUp(deps, work, cause);
    throw toCallerError(cause);
  }
  await deps.operations.end(operation.id, { state: 'done' });
}

/** What does not answer meanwhile stays running: its lease ends, and `recover` undoes it then. */
async function giveUp(deps: ArchiveDeps, { operation, tenant }: Staging, cause: unknown): Promise<void> {
  const inner = cause instanceof StepFailed ? cause.cause : cause;
  if (isBulkheadError(inner, 'operation_in_progress')) return;
  await deps.operations.recordStep(operation.id, undoing, null);
  const now = await deps.operations.read(operation.id);
  const from = tenant.placements;
  await discardStaged(deps, { from, to: stagedOf(from, now === undefined ? [] : placedBy(now)) });
  const state = isBulkheadError(inner, 'aborted') ? 'cancelled' : 'rolled_back';
  await deps.operations.end(operation.id, { state, failure: toFailure(cause) });
}

/**
 * First nobody can use what the tenant had, then the tenant is elsewhere, then that opens. What is in between is refused,
 * as while a tenant is sealed; it takes three statements.
 */
export async function runSwap(deps: ArchiveDeps, work: RestoreWork): Promise<void> {
  await runFollowing(deps, work, switching(deps, work, work.order));
}

/** Erases what the tenant had before. Begun, it is carried through. */
export async function runConfirm(deps: ArchiveDeps, work: RestoreWork): Promise<void> {
  const { from, to } = work.order;
  await runFollowing(
    deps,
    work,
    relocationsOf(deps, { from, to }).map((relocation) => ({
      name: `erase ${relocation.from.compartment}`,
      run: () => relocation.confirm(),
    })),
  );
}

/** Back to what was before, from either side of the swap. */
export async function runRollBack(deps: ArchiveDeps, work: RestoreWork): Promise<void> {
  const { from, to } = work.order;
  const back = { from: to, to: from };
  const isSwapped = work.operation.input['swapped'] === true;
  await runFollowing(deps, work, [
    ...(isSwapped ? switching(deps, work, back) : []),
    { name: 'discard', run: () => discardStaged(deps, { from, to }) },
  ]);
}

function switching(
  deps: ArchiveDeps,
  work: RestoreWork,
  { from, to }: Pick<RestoreOrder, 'from' | 'to'>,
): readonly Step[] {
  const { tenant, operation, actor } = work;
  return [
    ...sealing(deps, from, 'sealed'),
    {
      name: 'switch',
      run: async () => {
        const now = await deps.registry.tenants.read(tenant.id);
        if (now !== undefined && to.every((place) => isAt(place, now.placements))) return;
        await deps.registry.tenants.switchPlacements(
          {
            tenant: tenant.id,
            isolation: tenant.isolation,
            placements: to,
            operation: { id: operation.id, owner: deps.operations.owner },
          },
          actor,
        );
      },
    },
    ...forgetting(deps, tenant),
    ...(tenant.state === 'active' ? sealing(deps, to, 'open') : []),
  ];
}

/** What was remembered of the data before. A store of a tenant's own is not given back for it: there it runs out by itself. */
function forgetting(deps: ArchiveDeps, tenant: Tenant): readonly Step[] {
  return deps.compartments.flatMap((compartment): readonly Step[] => {
    const { kind } = compartment;
    const place = tenant.placements.find((each) => each.compartment === kind);
    if (!isPassing(kind) || place === undefined || place.isolation === 'dedicated') return [];
    return [
      {
        name: `forget ${kind}`,
        run: async () => {
          const plan = await deps.registry.plans.read(tenant.plan);
          if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: tenant.plan });
          await compartment.erase(place);
          await compartment.provision(place, plan);
          if (tenant.state !== 'active') await compartment.seal(place, 'sealed');
        },
      },
    ];
  });
}

function sealing(
  deps: ArchiveDeps,
  placements: RestoreOrder['to'],
  state: 'sealed' | 'open',
): readonly Step[] {
  return placements.flatMap((placement) => {
    const compartment = deps.compartments.find(({ kind }) => kind === placement.compartment);
    if (compartment === undefined) return [];
    return [{ name: `${state} ${placement.compartment}`, run: () => compartment.seal(placement, state) }];
  });
}

/** These can be repeated until they are through: what stops one of them is taken up by `recover`. */
async function runFollowing(deps: ArchiveDeps, work: RestoreWork, steps: readonly Step[]): Promise<void> {
  try {
    await runSteps(deps, work.operation, steps);
  } catch (cause) {
    throw toCallerError(cause);
  }
  await deps.operations.end(work.operation.id, { state: 'done' });
}

export function toRestoreWork(operation: Operation, tenant: Tenant, actor: Actor): RestoreWork {
  return { tenant, operation, order: parseRestoreOrder(operation), actor };
}
