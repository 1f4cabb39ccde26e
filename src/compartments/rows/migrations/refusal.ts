import { BulkheadError } from '../../../core/errors.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Thrown by whatever looks at one statement; the compiler adds the place and makes it a BulkheadError. */
export class StatementRefused extends Error {
  readonly hint: string | undefined;
  /** Character of the statement's text where the refused part begins. */
  readonly offset: number;

  constructor(reason: string, hint: string | undefined, offset = 0) {
    super(reason);
    this.name = 'StatementRefused';
    this.hint = hint;
    this.offset = offset;
  }
}

/** A statement that would break the wall or leave the container. `reason` names objects of the migration, never rows. */
export function refuse(reason: string, hint?: string): never {
  throw new StatementRefused(reason, hint);
}

/** Runs `body`; what it refuses is said of the part of the statement that begins at `offset`. */
export async function refusedFrom<T>(offset: number, body: () => T | Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof StatementRefused && error.offset === 0)
      throw new StatementRefused(error.message, error.hint, offset);
    throw error;
  }
}

/** The error that the outside sees. */
export function refusedAt(place: Place, reason: string, options: RefusalOptions = {}): BulkheadError {
  return new BulkheadError(
    'migration_refused',
    { file: place.file, line: place.line, reason, hint: options.hint },
    options.cause === undefined ? undefined : { cause: options.cause },
  );
}

interface RefusalOptions {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}
