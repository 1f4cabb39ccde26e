import { BulkheadError } from '../../../core/errors.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Thrown by whatever looks at one statement; the compiler adds the place and makes it a BulkheadError. */
export class StatementRefused extends Error {
  readonly hint: string | undefined;

  constructor(reason: string, hint?: string) {
    super(reason);
    this.name = 'StatementRefused';
    this.hint = hint;
  }
}

/** A statement that would break the wall or leave the container. `reason` names objects of the migration, never rows. */
export function refuse(reason: string, hint?: string): never {
  throw new StatementRefused(reason, hint);
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
