import type { EraseReceipt } from '../../core/compartment.ts';
import type { Placement } from '../../core/placement.ts';
import type { Operation } from '../../registry/registry.ts';
import type { ConfirmedMove, MoveReceipt } from '../moves.ts';

/** Read back from the journal: so it is the same whoever asks, and also where another process has finished the work. */
export function toMoveReceipt(
  operation: Operation,
  way: { readonly from: readonly Placement[]; readonly to: readonly Placement[] },
): MoveReceipt {
  const { steps } = operation;
  const settled = steps.filter(({ name }) => /^(?:compare|settle) /.test(name)).map(({ result }) => result);
  return {
    operation: operation.id,
    ...way,
    rows: settled.flatMap((result) => Object.values(field(result, 'counts'))).reduce(addCount, 0n),
    hashes: Object.fromEntries(
      steps
        .filter(({ name }) => name.startsWith('copy '))
        .map(({ name, result }) => [name.slice('copy '.length).replace(' ', '.'), text(result, 'hash')]),
    ),
    writePauseMs: between(operation, 'catch up ', 'admit writes '),
    durationMs: (operation.endedAt ?? new Date()).getTime() - operation.startedAt.getTime(),
  };
}

function addCount(sum: bigint, count: unknown): bigint {
  return sum + BigInt(String(count));
}

/** From the end of the last step of the one name to that of the other, by the database's clock. */
function between({ steps }: Operation, first: string, last: string): number {
  const end = (prefix: string): number | undefined =>
    steps.findLast(({ name }) => name.startsWith(prefix))?.at.getTime();
  const [from, to] = [end(first), end(last)];
  return from === undefined || to === undefined ? 0 : to - from;
}

export function toConfirmedMove(operation: Operation): ConfirmedMove {
  const confirmed = operation.steps.filter(({ name }) => name.startsWith('confirm '));
  return {
    operation: operation.id,
    erased: Object.fromEntries(
      confirmed.map(({ name, result }) => [name.slice('confirm '.length), toEraseReceipt(result)]),
    ),
  };
}

/** Counts are kept as decimal text. */
function toEraseReceipt(result: unknown): EraseReceipt {
  const notCovered = field(result, 'notCovered');
  return {
    removed: BigInt(text(result, 'removed') || '0'),
    left: BigInt(text(result, 'left') || '0'),
    notCovered: Array.isArray(notCovered) ? notCovered.map(String) : [],
  };
}

function field(result: unknown, name: string): object {
  const value: unknown =
    typeof result === 'object' && result !== null ? Reflect.get(result, name) : undefined;
  return typeof value === 'object' && value !== null ? value : {};
}

function text(result: unknown, name: string): string {
  const value: unknown =
    typeof result === 'object' && result !== null ? Reflect.get(result, name) : undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
