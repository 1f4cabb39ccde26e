import type { Clock } from '../core/clock.ts';
import { invalidInput } from './validate.ts';

/** @throws request_invalid for a time that has passed */
export function parseExpiry(raw: string | undefined, clock: Clock): Date | undefined {
  if (raw === undefined) return undefined;
  const expiresAt = new Date(raw);
  if (expiresAt.getTime() <= clock.nowMs())
    throw invalidInput([{ field: 'expiresAt', reason: 'is in the past' }]);
  return expiresAt;
}
