import type { Clock } from '../core/clock.ts';
import type { Compartment, Usage } from '../core/compartment.ts';
import type { TenantId } from '../core/ids.ts';
import type { Placement } from '../core/placement.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { Registry } from '../registry/registry.ts';
import { deriveEventId, type UsageEvent } from './ledger/event.ts';
import type { Ledger } from './ledger/ledger.ts';

const hourMs = 3_600_000;
const actor = { kind: 'system', id: 'storage' } as const;

/** The hour is one node's until its lease ends, or for good once it is done. */
const claimText = `insert into bulkhead.usage_sample as s (hour, lease_until)
  values ($1::timestamptz, statement_timestamp() + interval '10 minutes')
  on conflict (hour) do update set lease_until = excluded.lease_until
    where s.done_at is null and s.lease_until < statement_timestamp()
  returning 1 as claimed`;
const doneText =
  'update bulkhead.usage_sample set done_at = statement_timestamp() where hour = $1::timestamptz';

export interface SamplerDeps {
  readonly admin: AdminDatabase;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly tenants: Registry['tenants'];
  readonly compartments: readonly Compartment[];
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

const meters: Readonly<Partial<Record<Usage['unit'], string>>> = {
  bytes: 'storage.byte_hours',
  rows: 'storage.row_hours',
};

/**
 * Once an hour, on whichever node comes first: what each tenant keeps in each store, as an hour of it. Ids are made of
 * tenant, store and hour, so that an hour that two nodes took is counted once.
 * @returns how many events were recorded; 0 where another node has the hour
 */
export async function sampleStorage(deps: SamplerDeps): Promise<number> {
  const { admin, clock, ledger, tenants } = deps;
  const atMs = clock.nowMs() - (clock.nowMs() % hourMs);
  const hour = new Date(atMs).toISOString();
  const { rows } = await admin.query(claimText, [hour]);
  if (rows.length === 0) return 0;
  let recorded = 0;
  let cursor: string | undefined;
  do {
    const page = await tenants.list({ limit: 200, cursor });
    const live = page.tenants.filter(({ state }) => state !== 'provisioning' && state !== 'deleted');
    const events: UsageEvent[] = [];
    for (const { id, placements } of live)
      for (const placement of placements) events.push(...(await sampleOne(deps, { id, placement, atMs })));
    await ledger.append(events);
    recorded += events.length;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  await admin.query(doneText, [hour]);
  return recorded;
}

async function sampleOne(
  { compartments, log }: SamplerDeps,
  one: { readonly id: TenantId; readonly placement: Placement; readonly atMs: number },
): Promise<readonly UsageEvent[]> {
  const { id, placement, atMs } = one;
  const compartment = compartments.find(({ kind }) => kind === placement.compartment);
  if (compartment === undefined) return [];
  try {
    const usages = await compartment.usage(placement);
    return usages.flatMap(({ resource, unit, amount }): UsageEvent[] => {
      const meter = meters[unit];
      if (meter === undefined || amount === 0n) return [];
      const model = `${compartment.kind}.${resource}`;
      return [
        {
          id: deriveEventId(atMs, ['storage', id, model]),
          tenant: id,
          actor,
          atMs,
          meter,
          amount,
          model,
          rate: '',
          costNanoUsd: 0n,
          priceVersion: undefined,
          requestId: undefined,
          callId: undefined,
          corrects: undefined,
        },
      ];
    });
  } catch (cause) {
    // One store that is down is no reason not to look at the others; the hour of this one is missing, and said to be.
    log({ event: 'usage.not_sampled', tenant: id, compartment: placement.compartment, cause: String(cause) });
    return [];
  }
}
