import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseSlug, parseTenantId, type RowId, type TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import type { Registry } from '../../registry/registry.ts';
import { deriveEventId, type UsageEvent } from '../ledger/event.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { maxLateDays } from '../ledger/store.ts';
import type { MeterStore } from '../meter-store.ts';
import type { PriceStore } from '../prices/price-store.ts';
import { readCloudEvent, type IngestRefusal } from './cloud-event.ts';
import type { Quarantine, QuarantinedEvent } from './quarantine.ts';

const maxBatch = 10_000;
const dayMs = 86_400_000;
/** A sender's clock may be a little ahead. */
const maxAheadMs = 300_000;

/** Who sends: a tenant, by its own key, for itself; or the operator, for the tenant that `subject` names. */
export type Sender =
  | { readonly kind: 'tenant'; readonly tenant: TenantId; readonly actor: Actor }
  | { readonly kind: 'operator'; readonly actor: Actor };

export interface IngestReceipt {
  /** In the journal for good. An event that was sent before is among them, and is counted once. */
  readonly accepted: number;
  /** Kept apart and listed, in the order of the batch. */
  readonly quarantined: readonly {
    readonly index: number;
    readonly id: RowId;
    readonly reason: IngestRefusal;
  }[];
}

export interface IngestDeps {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly meters: MeterStore;
  readonly prices: PriceStore;
  readonly quarantine: Quarantine;
  readonly tenants: Pick<Registry['directory'], 'peek' | 'byId' | 'bySlug'>;
}

/**
 * Takes a batch: what is right is recorded, what is not is kept apart, and the sender is told which is which. Sent again,
 * nothing is counted twice.
 * @throws request_invalid where the batch is no list, or has more than 10,000 events; ledger_unavailable
 */
export async function ingest(deps: IngestDeps, sender: Sender, batch: unknown): Promise<IngestReceipt> {
  const raws: readonly unknown[] = Array.isArray(batch) ? batch : [batch];
  if (raws.length > maxBatch)
    throw new BulkheadError('request_invalid', { reason: `at most ${maxBatch} events in a batch` });
  const judged = await Promise.all(raws.map((raw) => judge(deps, sender, raw)));
  const events = judged.flatMap((each) => (each.kind === 'event' ? [each.event] : []));
  const refused = judged.flatMap((each, index) => (each.kind === 'refused' ? [{ ...each, index }] : []));
  // Kept apart before the rest is acknowledged: a sender that hears of success has lost nothing.
  await deps.quarantine.put(refused);
  await deps.ledger.append(events);
  return {
    accepted: events.length,
    quarantined: refused.map(({ index, id, reason }) => ({ index, id, reason })),
  };
}

type Judged =
  | { readonly kind: 'event'; readonly event: UsageEvent }
  | (QuarantinedEvent & { readonly kind: 'refused'; readonly reason: IngestRefusal });

/** What becomes of one event; nothing is written. */
export async function judge(deps: IngestDeps, sender: Sender, raw: unknown): Promise<Judged> {
  const known = sender.kind === 'tenant' ? sender.tenant : undefined;
  const refuse = (reason: IngestRefusal, tenant = known): Judged => ({
    kind: 'refused',
    id: deriveEventId(deps.clock.nowMs() - (deps.clock.nowMs() % dayMs), [
      'refused',
      tenant ?? '',
      JSON.stringify(raw) ?? '',
    ]),
    tenant,
    reason,
    event: raw,
  });
  const read = readCloudEvent(raw);
  if (read.kind === 'refused') return refuse(read.reason);
  const { event, amount, atMs } = read;
  const named = await findSubject(deps, event.subject ?? undefined);
  // A tenant that names another is mistaken or worse; believing it would put the bill on the other one.
  if (known !== undefined && event.subject !== undefined && event.subject !== null && named !== known)
    return refuse('tenant_conflict');
  const tenant = known ?? named;
  if (tenant === undefined) return refuse('tenant_unknown');
  const nowMs = deps.clock.nowMs();
  if (atMs < nowMs - (maxLateDays - 1) * dayMs) return refuse('too_old', tenant);
  if (atMs > nowMs + maxAheadMs) return refuse('from_the_future', tenant);
  const { data } = event;
  const meter = (await deps.meters.all()).get(data.meter);
  if (meter === undefined) return refuse('meter_unknown', tenant);
  const isTheirs = meter.reporter === 'tenant' || (meter.reporter === 'operator' && known === undefined);
  if (!isTheirs) return refuse('meter_not_yours', tenant);
  const question = { meter: data.meter, model: data.model ?? '', tier: data.tier ?? undefined };
  const table = (await deps.prices.book()).at('cost', atMs);
  const rated =
    meter.kind === 'counted'
      ? { rate: '', costNanoUsd: 0n, priceVersion: undefined }
      : (table?.rate(amount, question) ?? {
          rate: question.tier ?? 'standard',
          costNanoUsd: undefined,
          priceVersion: undefined,
        });
  return {
    kind: 'event',
    event: {
      ...rated,
      // A tenant's ids are its own: none can be taken for another's.
      id: deriveEventId(atMs, ['cloudevent', tenant, event.source, event.id]),
      tenant,
      actor: sender.actor,
      atMs,
      meter: data.meter,
      amount,
      model: question.model,
      requestId: data.requestId ?? undefined,
      callId: `${event.source} ${event.id}`,
      corrects: undefined,
    },
  };
}

async function findSubject(
  { tenants }: IngestDeps,
  subject: string | undefined,
): Promise<TenantId | undefined> {
  if (subject === undefined) return undefined;
  const id = parseTenantId(subject);
  const slug = parseSlug(subject);
  const found =
    id !== undefined
      ? (tenants.peek(id) ?? (await tenants.byId(id)))
      : slug === undefined
        ? undefined
        : await tenants.bySlug(slug);
  return found?.id;
}
