import { errorTable, isBulkheadError, type ErrorCode } from '../core/errors.ts';
import { cliFailures, isCliFailure } from './failure.ts';

/** What the program ends with. `docs/reference/cli.md` has the same table; a test compares. */
export const exitCodes = {
  ok: { code: 0, meaning: 'It worked; every check held.' },
  failed: { code: 1, meaning: 'It was refused or failed, or a check found something wrong.' },
  usage: {
    code: 2,
    meaning: 'The command line or the configuration is wrong, or the result is inconclusive.',
  },
  unreachable: { code: 3, meaning: 'The server or the database cannot be reached.' },
  not_found: { code: 4, meaning: 'There is no such tenant, key, operation or file.' },
  conflict: { code: 5, meaning: 'Something in use or in another state stands in the way.' },
} as const;

export type Exit = keyof typeof exitCodes;

const byCode: Partial<Record<ErrorCode, Exit>> = {
  config_invalid: 'usage',
  compartment_unreachable: 'unreachable',
  registry_stale: 'unreachable',
  shutting_down: 'unreachable',
  data_dir_in_use: 'conflict',
};

export function toExit(error: unknown): Exit {
  if (isCliFailure(error)) return cliFailures[error.code].exit;
  if (!isBulkheadError(error)) return 'failed';
  const known = byCode[error.code];
  if (known !== undefined) return known;
  const { status } = errorTable[error.code];
  if (status === 404) return 'not_found';
  return status === 409 ? 'conflict' : 'failed';
}
