import { randomBytes } from 'node:crypto';
import type { TenantId } from '../../core/ids.ts';

/** A value as it stands in the store: it names its tenant, whatever key it is found under. */
export interface Envelope {
  readonly kind: 'entry' | 'session';
  readonly tenant: string;
  /** Generation of the tenant's space when it was written; the same for all where the kind does not go by it. */
  readonly epoch: string;
  readonly expiresAtMs: number;
  /** JSON. */
  readonly text: string;
}

/** Tag, epoch and tenant have their length; the expiry ends with a colon. */
const ENVELOPE = /^[es]1:[0-9a-f]{16}:[0-9a-f-]{36}:[0-9a-z]{1,11}:/;
const TOMBSTONE = /^t1:[0-9a-f]{16}$/;

/** Sessions outlive the generations of the cache. */
export const sessionEpoch = '0'.repeat(16);

export function toEnvelopeText(envelope: Envelope & { readonly tenant: TenantId }): string {
  const { kind, tenant, epoch, expiresAtMs, text } = envelope;
  const tag = kind === 'entry' ? 'e' : 's';
  return `${tag}1:${epoch}:${tenant}:${Math.round(expiresAtMs).toString(36)}:${text}`;
}

/** @returns undefined for text that names no tenant */
export function parseEnvelope(stored: string): Envelope | undefined {
  if (!ENVELOPE.test(stored)) return undefined;
  const end = stored.indexOf(':', 57);
  return {
    kind: stored.startsWith('e') ? 'entry' : 'session',
    tenant: stored.slice(20, 56),
    epoch: stored.slice(3, 19),
    expiresAtMs: Number.parseInt(stored.slice(57, end), 36),
    text: stored.slice(end + 1),
  };
}

/**
 * Stands for a while where a key was invalidated. Each is another: whoever looked before, and loads since, finds that
 * what they saw is no longer there and does not store what may be outdated.
 */
export function newTombstone(): string {
  return `t1:${randomBytes(8).toString('hex')}`;
}

export function isTombstone(stored: string): boolean {
  return TOMBSTONE.test(stored);
}
