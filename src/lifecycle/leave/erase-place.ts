import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { EraseReceipt, Resident } from '../../core/compartment.ts';
import type { Placement } from '../../core/placement.ts';
import type { Operation } from '../../registry/registry.ts';
import { runSteps, StepFailed, toFailure } from '../journal.ts';
import type { ErasedPlace } from '../leaving.ts';
import { keyOf, type LeaveDeps } from './work.ts';

/** A place and what was seen there. undefined = something could not be looked at, perhaps this. */
export interface PlaceToErase {
  readonly placement: Placement;
  readonly seen: Pick<Resident, 'records' | 'holds'> | undefined;
}

export function hasSomething({ seen }: PlaceToErase): boolean {
  return seen !== undefined && (seen.records > 0n || seen.holds.length > 0);
}

/**
 * Counts and erases one place, both journalled. What goes wrong there is the place's and does not stop the others.
 * @throws operation_in_progress where the operation is another process's by now
 */
export async function erasePlace(
  deps: LeaveDeps,
  operation: Operation,
  place: PlaceToErase,
): Promise<ErasedPlace> {
  const { placement, seen } = place;
  try {
    const attempt = attemptsAt(await reread(deps, operation), placement) + 1;
    // Something that was erased and is there again, as after a restore in the middle, is erased again.
    if (attempt === 1 || hasSomething(place)) {
      const suffix = `${keyOf(placement)}${attempt === 1 ? '' : ` #${attempt}`}`;
      await runSteps(deps, operation, [
        ...(seen === undefined
          ? []
          : [{ name: `count ${suffix}`, run: async () => ({ before: seen.records }) }]),
        { name: `erase ${suffix}`, run: () => eraseWhole(deps, placement) },
      ]);
    }
    return readPlace(await reread(deps, operation), placement, null);
  } catch (cause) {
    if (isLost(cause)) throw cause;
    const { code, reason } = toFailure(cause);
    const problem = code === 'internal' ? `${code}: ${reason}` : code;
    return readPlace(await reread(deps, operation), placement, problem);
  }
}

async function reread({ operations }: LeaveDeps, operation: Operation): Promise<Operation> {
  return (await operations.read(operation.id)) ?? operation;
}

/** Results of the steps of one name at one place, attempt by attempt. */
function resultsAt({ steps }: Operation, verb: 'count' | 'erase', placement: Placement): readonly unknown[] {
  const step = `${verb} ${keyOf(placement)}`;
  return steps
    .filter(({ name }) => name === step || name.startsWith(`${step} #`))
    .map(({ result }) => result);
}

function attemptsAt(operation: Operation, placement: Placement): number {
  return resultsAt(operation, 'erase', placement).length;
}

/** A process that is thought dead must stop: another one is at the same work. */
export function isLost(cause: unknown): boolean {
  return isBulkheadError(cause instanceof StepFailed ? cause.cause : cause, 'operation_in_progress');
}

async function eraseWhole({ compartments }: LeaveDeps, placement: Placement): Promise<EraseReceipt> {
  const compartment = compartments.find(({ kind }) => kind === placement.compartment);
  if (compartment === undefined)
    throw new BulkheadError('compartment_unreachable', { kind: placement.compartment });
  const receipt = await compartment.erase(placement);
  if (receipt.left !== 0n) throw new BulkheadError('internal', { reason: 'the erasure left data behind' });
  return receipt;
}

/** As the journal has it: so it is the same whichever process has done which step. */
function readPlace(operation: Operation, placement: Placement, problem: string | null): ErasedPlace {
  const numbers = (verb: 'count' | 'erase', field: string): readonly number[] =>
    resultsAt(operation, verb, placement).flatMap((result): number[] => {
      const value: unknown =
        typeof result === 'object' && result !== null ? Reflect.get(result, field) : undefined;
      return value === undefined ? [] : [Number(value)];
    });
  const sum = (all: readonly number[]): number => all.reduce((total, n) => total + n, 0);
  const before = numbers('count', 'before');
  return {
    compartment: placement.compartment,
    container: placement.container,
    before: before.length === 0 ? null : sum(before),
    removed: sum(numbers('erase', 'removed')),
    after: problem === null ? (numbers('erase', 'left').at(-1) ?? null) : null,
    problem,
  };
}

/** What the stores say that they do not reach, from the journal. */
export function notCoveredBy({ steps }: Operation): readonly string[] {
  const said = steps.flatMap(({ name, result }): unknown[] => {
    if (!name.startsWith('erase ') || typeof result !== 'object' || result === null) return [];
    const listed: unknown = Reflect.get(result, 'notCovered');
    return Array.isArray(listed) ? listed : [];
  });
  return [...new Set(said.map(String))];
}
