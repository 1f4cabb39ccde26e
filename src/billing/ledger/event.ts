import { hash } from 'node:crypto';
import { parseRowId, type RowId, type TenantId } from '../../core/ids.ts';
import type { NanoUsd } from '../../core/money.ts';
import type { Actor } from '../../core/scope.ts';

/** One thing that was used, once. Immutable: what was wrong is corrected by another event. */
export interface UsageEvent {
  /** UUID version 7. The same event has the same id, however often it is sent. */
  readonly id: RowId;
  readonly tenant: TenantId;
  readonly actor: Actor;
  readonly atMs: number;
  readonly meter: string;
  /** In the meter's unit; negative in corrections alone. */
  readonly amount: bigint;
  /** '' where the meter knows none. */
  readonly model: string;
  /** Which of the model's prices applied; '' where the meter has no price. */
  readonly rate: string;
  /** undefined = no price is known; the event is flagged and never taken for free of charge. */
  readonly costNanoUsd: NanoUsd | undefined;
  readonly priceVersion: number | undefined;
  readonly requestId: string | undefined;
  /** What belongs together, such as the tokens of one call of a model. */
  readonly callId: string | undefined;
  readonly corrects: RowId | undefined;
}

/** What one request has used of meters that only count. Facts are merged before they become events. */
export interface UsageFact {
  readonly tenant: TenantId;
  readonly actor: Actor;
  readonly atMs: number;
  readonly requestId: string;
  readonly amounts: readonly (readonly [meter: string, amount: number])[];
}

export type LedgerRecord =
  | { readonly kind: 'event'; readonly event: UsageEvent }
  | { readonly kind: 'fact'; readonly fact: UsageFact };

/**
 * An id that anybody who knows the parts makes again: RFC 9562 version 7 with the given time, and 74 bits of the
 * SHA-256 of the parts where others have random ones. Parts are written with their length, so that none runs into the next.
 */
export function deriveEventId(atMs: number, parts: readonly string[]): RowId {
  const digest = hash('sha256', parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''));
  const time = Math.max(0, Math.trunc(atMs)).toString(16).padStart(12, '0');
  const variant = (0x8 | (Number.parseInt(digest.charAt(3), 16) & 0x3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}` as RowId;
}

/** Milliseconds since the epoch that a UUID version 7 was made at; undefined for another version. */
export function readUuid7Ms(raw: string): number | undefined {
  const id = parseRowId(raw);
  return id === undefined || id.charAt(14) !== '7'
    ? undefined
    : Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
