import { z } from 'zod';

/** CloudEvents 1.0 in JSON, as far as usage needs it; attributes that are not named here are let through and not read. */
const envelope = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1).max(256),
  source: z.string().min(1).max(512),
  type: z.string().min(1).max(256),
  subject: z.string().min(1).max(256).nullish(),
  time: z.iso.datetime({ offset: true }).nullish(),
  datacontenttype: z.string().nullish(),
  data: z.looseObject({
    meter: z.string(),
    /** A number, or digits where it is larger than a number holds exactly. */
    amount: z.union([z.number(), z.string()]),
    model: z.string().max(200).nullish(),
    tier: z.string().max(64).nullish(),
    requestId: z.string().max(128).nullish(),
  }),
});

export type UsageCloudEvent = z.output<typeof envelope>;

/** The type of the events we read. */
export const usageEventType = 'bulkhead.usage';

export const refusals = [
  'malformed',
  'type_unknown',
  'time_missing',
  'too_old',
  'from_the_future',
  'amount_invalid',
  'meter_unknown',
  'meter_not_yours',
  'tenant_unknown',
  'tenant_conflict',
] as const;
export type IngestRefusal = (typeof refusals)[number];

export type ReadEvent =
  | { readonly kind: 'read'; readonly event: UsageCloudEvent; readonly amount: bigint; readonly atMs: number }
  | { readonly kind: 'refused'; readonly reason: IngestRefusal };

const maxAmount = 2n ** 63n - 1n;

/** Everything that can be said of an event without asking anybody. */
export function readCloudEvent(raw: unknown): ReadEvent {
  const parsed = envelope.safeParse(raw);
  if (!parsed.success) return { kind: 'refused', reason: 'malformed' };
  const event = parsed.data;
  if (event.type !== usageEventType) return { kind: 'refused', reason: 'type_unknown' };
  // The time is a part of what tells an event from another: without it a replay could not be known.
  if (event.time === undefined || event.time === null) return { kind: 'refused', reason: 'time_missing' };
  const amount = toAmount(event.data.amount);
  if (amount === undefined) return { kind: 'refused', reason: 'amount_invalid' };
  return { kind: 'read', event, amount, atMs: Date.parse(event.time) };
}

/** Whole and not negative: what was wrong is cancelled by the operator, not by an event that anybody may send. */
function toAmount(raw: number | string): bigint | undefined {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) && raw >= 0 ? BigInt(raw) : undefined;
  if (!/^\d{1,19}$/.test(raw)) return undefined;
  const amount = BigInt(raw);
  return amount <= maxAmount ? amount : undefined;
}
