import { runSteps, toCallerError, toFailure } from '../journal.ts';
import { confirmingSteps, cutOverSteps } from './steps.ts';
import { toRelocations, type MoveDeps, type MoveWork } from './work.ts';

/** Erases the source. Begun, it is carried through: a source that does not answer is erased when it does again. */
export async function runConfirm(deps: MoveDeps, work: MoveWork): Promise<void> {
  try {
    await runSteps(deps, work.operation, confirmingSteps(toRelocations(deps, work.order)));
  } catch (cause) {
    await endUnlessUnreachable(deps, work, cause);
    throw toCallerError(cause);
  }
  await deps.operations.end(work.operation.id, { state: 'done' });
}

/**
 * The change-over the other way round. The target has noted what was written to it; nothing is copied but that. Until the
 * switch a failure leaves the tenant where it is, and the move unconfirmed as before.
 */
export async function runRollBack(deps: MoveDeps, work: MoveWork): Promise<void> {
  const relocations = toRelocations(deps, work.order);
  try {
    await runSteps(deps, work.operation, [
      ...cutOverSteps(deps, work, relocations),
      ...confirmingSteps(relocations),
    ]);
  } catch (cause) {
    if (!(await hasSwitched(deps, work))) {
      for (const relocation of relocations) await relocation.resume();
      await endUnlessUnreachable(deps, work, cause);
    }
    throw toCallerError(cause);
  }
  await deps.operations.end(work.operation.id, { state: 'done' });
}

async function hasSwitched(deps: MoveDeps, { operation }: MoveWork): Promise<boolean> {
  const now = await deps.operations.read(operation.id);
  return now?.steps.some(({ name }) => name === 'switch' || name.startsWith('admit reads')) ?? true;
}

/** What the outage of a store interrupts stays running, for `recover`. */
async function endUnlessUnreachable(deps: MoveDeps, { operation }: MoveWork, cause: unknown): Promise<void> {
  const failure = toFailure(cause);
  if (failure.code === 'compartment_unreachable') return;
  await deps.operations.end(operation.id, { state: 'failed', failure });
}
