import type { TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import { deriveEventId, type LedgerRecord, type UsageEvent, type UsageFact } from './event.ts';

/** Every time zone there is begins its hours, days and months on one of these. */
const quarterHourMs = 900_000;

interface Sum {
  readonly tenant: TenantId;
  readonly actor: Actor;
  readonly meter: string;
  atMs: number;
  amount: bigint;
  /** undefined once a second request has joined. */
  requestId: string | undefined;
}

/**
 * Events of one journal segment. Facts are summed by tenant, actor, meter and quarter of an hour, so that a thousand
 * requests a second are a few rows; the id of a sum comes from the segment, which never changes once it is closed, and so
 * a segment that is written twice is counted once.
 */
export function toEvents(segment: string, records: readonly LedgerRecord[]): readonly UsageEvent[] {
  const sums = new Map<string, Sum>();
  const events: UsageEvent[] = [];
  for (const record of records) {
    if (record.kind === 'event') events.push(record.event);
    else addFact(sums, record.fact);
  }
  for (const [key, { tenant, actor, meter, atMs, amount, requestId }] of sums)
    events.push({
      id: deriveEventId(atMs, ['facts', segment, key]),
      tenant,
      actor,
      atMs,
      meter,
      amount,
      model: '',
      rate: '',
      costNanoUsd: 0n,
      priceVersion: undefined,
      requestId,
      callId: undefined,
      corrects: undefined,
    });
  return events;
}

function addFact(sums: Map<string, Sum>, fact: UsageFact): void {
  const { tenant, actor, atMs, requestId } = fact;
  const fromMs = atMs - (atMs % quarterHourMs);
  for (const [meter, amount] of fact.amounts) {
    const key = `${fromMs} ${tenant} ${meter} ${actor.kind} ${actor.id}`;
    const sum = sums.get(key);
    if (sum === undefined) {
      sums.set(key, { tenant, actor, meter, atMs, amount: BigInt(amount), requestId });
      continue;
    }
    sum.amount += BigInt(amount);
    // The first one's time, whatever order they were written in: it names the sum.
    sum.atMs = Math.min(sum.atMs, atMs);
    if (sum.requestId !== requestId) sum.requestId = undefined;
  }
}
