import type { ProbeTarget } from '../../../core/compartment.ts';
import { isBulkheadError, type ErrorCode } from '../../../core/errors.ts';
import type { Row } from '../../../drivers/sql.ts';
import type { RowsHandle } from '../rows.ts';

/** A row of the victim that nobody else may see, change or learn of. */
export interface PlantedRow {
  readonly id: string;
  readonly externalId: string;
  /** A user of the victim, for rows to refer to. */
  readonly user: string;
  /** SHA-256 of its content. */
  readonly digest: string;
}

export interface ProbeInput {
  readonly attacker: RowsHandle;
  readonly canary: PlantedRow;
  readonly target: ProbeTarget;
}

/** One attempt of a tenant on its neighbour's rows. */
export interface Probe {
  readonly name: string;
  readonly attack: string;
  /** @returns what leaked, or undefined where the wall held · @throws where nothing can be said */
  run(input: ProbeInput): Promise<string | undefined>;
}

/** Errors that say no. Any other, a pool that is full for instance, says nothing about the wall. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'value_invalid',
  'capability_refused',
  'reference_invalid',
  'conflict',
]);

export function found(rows: readonly Row[]): string | undefined {
  return rows.length === 0 ? undefined : `${rows.length} foreign rows were visible`;
}

/** A refusal holds as well as an empty answer does. */
export async function attempted(statement: () => Promise<readonly Row[]>): Promise<string | undefined> {
  return (await isRefused(statement, found)) ?? undefined;
}

/** For what must be refused outright. */
export function refusedOnly(statement: () => Promise<unknown>): Promise<string | undefined> {
  return isRefused(statement, () => 'the statement was accepted');
}

async function isRefused<T>(
  statement: () => Promise<T>,
  judge: (result: T) => string | undefined,
): Promise<string | undefined> {
  try {
    return judge(await statement());
  } catch (cause) {
    if (isBulkheadError(cause) && refusals.has(cause.code)) return undefined;
    if (isBulkheadError(cause, 'foreign_row'))
      return 'a foreign row came back and only the last check saw it';
    throw cause;
  }
}

class Undo extends Error {}

/** Inside a transaction that is taken back: an attack that succeeds does no lasting harm. */
export async function undone<T>(handle: RowsHandle, body: (tx: RowsHandle) => Promise<T>): Promise<T> {
  const outcome: { value?: T } = {};
  const undo = new Undo('undo');
  try {
    await handle.transaction(async (tx) => {
      outcome.value = await body(tx);
      throw undo;
    });
  } catch (cause) {
    if (cause !== undo) throw cause;
  }
  return outcome.value as T;
}
