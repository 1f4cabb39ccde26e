import { BulkheadError } from '../../core/errors.ts';

/** An archive is refused as a whole, with the reason. */
export function refused(reason: string, hint?: string): BulkheadError {
  return new BulkheadError('archive_refused', { reason, hint });
}

export const damaged = 'it is damaged, or was altered';
export const cutOff = 'it is cut off';
