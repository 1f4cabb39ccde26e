import { crc32 } from 'node:zlib';
import type { RowId, TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import type { LedgerRecord } from './event.ts';

/** One line of the journal: what was written at once, after its CRC-32, which tells a torn line from a whole one. */
export function toFrame(records: readonly LedgerRecord[]): string {
  const text = `[${records.map(toText).join(',')}]`;
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
}

export interface ReadFrames {
  readonly records: readonly LedgerRecord[];
  /** Lines that are damaged and are not the torn end that a crash leaves. */
  readonly damaged: number;
}

/** A torn last line was never acknowledged, and is passed over. */
export function readFrames(text: string): ReadFrames {
  const lines = text.split('\n');
  const torn = lines.pop();
  const records: LedgerRecord[] = [];
  let damaged = 0;
  for (const [index, line] of lines.entries()) {
    const found = readFrame(line);
    if (found !== undefined) records.push(...found);
    else if (index < lines.length - 1 || torn !== '') damaged += 1;
  }
  return { records, damaged };
}

function readFrame(line: string): readonly LedgerRecord[] | undefined {
  const [sum, text] = [line.slice(0, 8), line.slice(9)];
  if (line.charAt(8) !== ' ' || crc32(text).toString(16).padStart(8, '0') !== sum) return undefined;
  return (JSON.parse(text) as readonly Stored[]).map(fromStored);
}

type StoredEvent = readonly [
  id: string,
  tenant: string,
  actorKind: string,
  actorId: string,
  atMs: number,
  meter: string,
  amount: string,
  model: string,
  rate: string,
  costNanoUsd: string | null,
  priceVersion: number | null,
  requestId: string | null,
  callId: string | null,
  corrects: string | null,
];
type StoredFact = readonly [
  tenant: string,
  actorKind: string,
  actorId: string,
  atMs: number,
  requestId: string,
  amounts: readonly (readonly [string, number])[],
];
type Stored = { readonly e: StoredEvent } | { readonly f: StoredFact };

function toText(record: LedgerRecord): string {
  if (record.kind === 'fact') {
    const { tenant, actor, atMs, requestId, amounts } = record.fact;
    return JSON.stringify({ f: [tenant, actor.kind, actor.id, atMs, requestId, amounts] });
  }
  const { event } = record;
  const stored: StoredEvent = [
    event.id,
    event.tenant,
    event.actor.kind,
    event.actor.id,
    event.atMs,
    event.meter,
    event.amount.toString(),
    event.model,
    event.rate,
    event.costNanoUsd?.toString() ?? null,
    event.priceVersion ?? null,
    event.requestId ?? null,
    event.callId ?? null,
    event.corrects ?? null,
  ];
  return JSON.stringify({ e: stored });
}

/** The line's sum is right, so it is what we wrote. */
function fromStored(stored: Stored): LedgerRecord {
  if ('f' in stored) {
    const [tenant, kind, id, atMs, requestId, amounts] = stored.f;
    const actor = { kind: kind as Actor['kind'], id };
    return { kind: 'fact', fact: { tenant: tenant as TenantId, actor, atMs, requestId, amounts } };
  }
  const [id, tenant, actorKind, actorId, atMs, meter, amount, model, rate, cost, version, ...rest] = stored.e;
  const [requestId, callId, corrects] = rest;
  return {
    kind: 'event',
    event: {
      id: id as RowId,
      tenant: tenant as TenantId,
      actor: { kind: actorKind as Actor['kind'], id: actorId },
      atMs,
      meter,
      amount: BigInt(amount),
      model,
      rate,
      costNanoUsd: cost === null ? undefined : BigInt(cost),
      priceVersion: version ?? undefined,
      requestId: requestId ?? undefined,
      callId: callId ?? undefined,
      corrects: (corrects as RowId | null) ?? undefined,
    },
  };
}
