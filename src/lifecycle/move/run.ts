import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Plan } from '../../core/plan.ts';
import type { Placement } from '../../core/placement.ts';
import type { Relocation } from '../../core/relocation.ts';
import type { Operation } from '../../registry/registry.ts';
import { runSteps, StepFailed, toCallerError, toFailure, type Step } from '../journal.ts';
import { previewTargets, surveyMove } from './plan.ts';
import { copyingSteps, cutOverSteps, preparingSteps } from './steps.ts';
import { isAt, placedBy, toRelocations, type MoveDeps, type MoveWork } from './work.ts';

const undoing = 'undo';

/** Moves the tenant, or leaves it where it was. @throws what the failing step threw, after everything is undone */
export async function runMove(deps: MoveDeps, work: MoveWork, plan: Plan): Promise<void> {
  const { operation } = work;
  const isUndone = operation.steps.some(({ name }) => name === undoing);
  try {
    if (isUndone) throw new BulkheadError('internal', { reason: 'the move failed before' });
    await goForward(deps, work, plan);
  } catch (cause) {
    await giveUp(deps, work, cause);
    throw toCallerError(cause);
  }
  await deps.operations.end(operation.id, { state: 'done' });
}

async function goForward(deps: MoveDeps, work: MoveWork, plan: Plan): Promise<void> {
  const { operation, order } = work;
  let total = surveyed(operation);
  const survey: Step = {
    name: 'survey',
    run: async () => {
      const to = await previewTargets(deps, { ...work, plan });
      const found = await surveyMove(deps, { from: order.from, to });
      const [refusal] = found.refusals;
      if (refusal !== undefined) throw new BulkheadError('isolation_unavailable', { reason: refusal });
      total = Number(found.rows);
      return { rows: found.rows };
    },
  };
  const { steps, placed } = preparingSteps(deps, work, plan);
  for (const placement of placedBy(operation)) placed.set(placement.compartment, placement);
  await runSteps(deps, operation, [survey, ...steps]);
  const relocations = toRelocations(deps, { from: order.from, to: [...placed.values()] });
  await runSteps(deps, operation, [
    ...copyingSteps(deps, work, { done: copied(operation), total }, relocations),
    ...cutOverSteps(deps, work, relocations),
  ]);
}

function surveyed({ steps }: Operation): number {
  const result = steps.find(({ name }) => name === 'survey')?.result;
  return typeof result === 'object' && result !== null && 'rows' in result ? Number(result.rows) : 0;
}

function copied({ steps }: Operation): number {
  return steps.reduce((sum, { name, result }) => {
    const isCopy = name.startsWith('copy ') && typeof result === 'object' && result !== null;
    return isCopy && 'count' in result ? sum + Number(result.count) : sum;
  }, 0);
}

/** Where the tenant is served decides what is done about a failure: at its source all is undone, at its target it is finished later. */
async function giveUp(deps: MoveDeps, work: MoveWork, cause: unknown): Promise<void> {
  const { operation, order } = work;
  if (await isLost(deps, operation.id)) return;
  const now = await deps.operations.read(operation.id);
  const tenant = await deps.registry.tenants.read(work.tenant.id);
  if (now === undefined || tenant === undefined) return;
  const to = placedBy(now);
  // Stays running: its lease ends and `recover` takes it up.
  if (livesIn(tenant.placements, to)) return;
  await deps.operations.recordStep(operation.id, undoing, null);
  const leftBehind: string[] = [];
  for (const relocation of toRelocations(deps, { from: order.from, to })) {
    await relocation.abandon();
    if (!(await discarded(relocation))) leftBehind.push(relocation.to.container);
  }
  const failure = toFailure(cause);
  const isCancelled = cause instanceof StepFailed && isBulkheadError(cause.cause, 'aborted');
  if (leftBehind.length > 0)
    await deps.operations.recordStep(operation.id, 'left behind', { containers: leftBehind });
  await deps.operations.end(operation.id, { state: isCancelled ? 'cancelled' : 'rolled_back', failure });
}

/** Whether another process has this operation now, so that nothing of it may be touched any more. */
async function isLost(deps: MoveDeps, id: string): Promise<boolean> {
  try {
    await deps.operations.heartbeat(id);
    return false;
  } catch (cause) {
    if (isBulkheadError(cause, 'operation_in_progress')) return true;
    throw cause;
  }
}

function livesIn(placements: readonly Placement[], to: readonly Placement[]): boolean {
  return to.some((target) => isAt(target, placements));
}

/** A target that does not answer must not keep the tenant from working: what is there is named, and erased by the next move. */
async function discarded(relocation: Relocation): Promise<boolean> {
  try {
    await relocation.discard();
    return true;
  } catch (cause) {
    if (isBulkheadError(cause, 'compartment_unreachable')) return false;
    throw cause;
  }
}
