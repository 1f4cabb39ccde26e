import { z } from 'zod';
import { compartmentKinds } from '../../core/placement.ts';
import { pageOf, pageQuery, timestamp } from './common.ts';

export const OffboardBody = z
  .strictObject({
    retentionDays: z
      .int()
      .min(1)
      .max(3_650)
      .optional()
      .describe(
        'Days until its data may be erased; default the setting `offboarding.retention_days`, else 30.',
      ),
  })
  .default({});

export const EraseBody = z.strictObject({
  confirm: z.string().max(64).describe('The slug of the tenant, typed again: nothing brings it back.'),
});

const HuntView = z.object({
  looked: z.array(z.string()),
  found: z.array(z.object({ place: z.string(), records: z.int(), holds: z.array(z.string()) })),
  notSeen: z
    .array(z.object({ place: z.string(), reason: z.string() }))
    .describe('What could not be looked at, and why.'),
});

const ErasedPlaceView = z.object({
  compartment: z.enum(compartmentKinds),
  container: z.string(),
  before: z
    .int()
    .nullable()
    .describe('Counted by another query than the one that removed; null = it could not be asked.'),
  removed: z.int(),
  after: z.int().nullable().describe('Counted afterwards, by yet another query.'),
  problem: z.string().nullable().describe('Code of what went wrong.'),
});

const ErasureReceiptView = z.object({
  format: z.literal('bulkhead erasure receipt 1'),
  state: z.enum(['partial', 'complete']).describe('A partial one is gone on with until it is complete.'),
  tenant: z.uuid(),
  slug: z.string(),
  operation: z.uuid(),
  because: z.enum(['retention_ended', 'requested', 'came_back']),
  requestedBy: z.string(),
  startedAt: timestamp,
  writtenAt: timestamp,
  credentials: z.object({ apiKeys: z.int(), secrets: z.int() }),
  places: z.array(ErasedPlaceView),
  hunt: HuntView,
  kept: z
    .record(z.string(), z.int())
    .describe('Rows of the registry that stay, by table: ids, counts and codes.'),
  notCovered: z.array(z.string()),
});

export const ErasureView = z.object({
  phase: z.enum(['none', 'offboarding', 'erasing', 'partial', 'complete', 'failed']),
  erasesAt: timestamp.nullable(),
  operation: z.string().nullable(),
  failure: z.object({ code: z.string(), step: z.string(), reason: z.string() }).nullable(),
  receipt: ErasureReceiptView.nullable(),
  proof: z
    .object({
      body: z.string().describe('What was signed, byte for byte: the receipt as JSON.'),
      sha256: z.string(),
      signature: z.string().describe('Ed25519 over `body`, base64url.'),
      publicKey: z.string().describe('Of this installation; raw, base64url.'),
    })
    .nullable(),
});
export type ErasureView = z.output<typeof ErasureView>;

export const TracesView = HuntView;
export type TracesView = z.output<typeof TracesView>;

/** An entry of the ledger of erasures, as it is exported. */
const LedgerEntry = z.strictObject({
  tenant: z.uuid(),
  slug: z.string().max(64),
  operation: z.uuid(),
  actor: z.strictObject({ kind: z.enum(['key', 'user', 'operator', 'system']), id: z.string().max(200) }),
  at: timestamp,
  signature: z.string().max(200),
});
export type LedgerEntry = z.output<typeof LedgerEntry>;

export const ErasureQuery = z.strictObject(pageQuery);
export const ErasurePageView = pageOf(LedgerEntry);

export const LedgerBody = z.strictObject({ entries: z.array(LedgerEntry).max(1_000) });

export const ReplayView = z.object({
  adopted: z.int().describe('Entries that were not known here.'),
  erasedAgain: z.array(z.uuid()),
  stillThere: z
    .array(z.uuid())
    .describe('Erased tenants that are back and could not be erased now; it is tried again.'),
});
export type ReplayView = z.output<typeof ReplayView>;

export const OrphansView = z.object({
  orphans: z.array(
    z.object({
      name: z.string(),
      kind: z
        .enum(['unknown', 'erased', 'misplaced'])
        .describe('Whose tenant was never heard of, is gone, or lives elsewhere.'),
      tenant: z.uuid(),
      compartment: z.enum(compartmentKinds),
      holds: z.array(z.string()),
    }),
  ),
  missing: z
    .array(z.object({ tenant: z.uuid(), compartment: z.enum(compartmentKinds), container: z.string() }))
    .describe('Placements of living tenants where there is nothing.'),
  notSeen: HuntView.shape.notSeen,
});
export type OrphansView = z.output<typeof OrphansView>;

export const RemoveOrphanBody = z.strictObject({
  name: z.string().max(200),
  confirm: z.string().max(200).describe('The name again: what is there is lost.'),
});
export const RemovedOrphanView = ErasedPlaceView;
