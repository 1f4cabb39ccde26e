import { InvalidArgumentError } from 'commander';
import { parseDuration } from './when.ts';

/** `90d` or a time. @returns RFC 3339 */
export function parseExpiry(raw: string): string {
  const seconds = parseDuration(raw);
  if (seconds !== undefined) return new Date(Date.now() + seconds * 1_000).toISOString();
  const at = new Date(raw);
  if (Number.isNaN(at.getTime()))
    throw new InvalidArgumentError('give a time such as 24h, 90d or 2027-01-31');
  return at.toISOString();
}
