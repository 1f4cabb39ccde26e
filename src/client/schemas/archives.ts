import { z } from 'zod';
import { isolations } from '../../core/placement.ts';
import { timestamp } from './common.ts';
import { TenantView } from './tenants.ts';

const passphrase = z.string().min(12, 'at least 12 characters').max(1_024);
const progress = z.object({ done: z.number(), total: z.number() }).nullable().describe('Records.');
const failure = z.object({ code: z.string(), step: z.string(), reason: z.string() }).nullable();
const operationState = z.enum(['running', 'done', 'failed', 'rolled_back', 'cancelled']);

export const ExportBody = z.strictObject({
  passphrase: passphrase.optional().describe('The archive is sealed with it. It is not kept.'),
});

export const ExportView = z.object({
  operation: z.string(),
  tenant: z.uuid(),
  state: operationState,
  progress,
  records: z.int().nullable(),
  sizeBytes: z.int().nullable(),
  sha256: z.string().nullable().describe('Of the file.'),
  sets: z.array(z.object({ compartment: z.string(), set: z.string(), count: z.int(), hash: z.string() })),
  isKept: z.boolean().describe('Whether the file can still be taken; it is kept for a day.'),
  failure,
});
export type ExportView = z.output<typeof ExportView>;

export const ReceivedView = z.object({
  archive: z.string().describe('Its name for the import.'),
  sizeBytes: z.int(),
});

const masks = ['keep', 'null', 'hash', 'email', 'name', 'text', 'json'] as const;
const Masking = z
  .record(z.string().max(200), z.enum(masks))
  .describe(
    'By field: `users.email`, `users.*`, `*.email` or `*`. Every field needs a rule, but ids and times.',
  );

const newTenant = {
  slug: z.string().max(48).optional(),
  name: z.string().max(200).optional(),
  plan: z.string().max(63).optional(),
  isolation: z.enum(isolations).optional(),
  region: z.string().max(40).optional(),
  parent: z.string().max(48).optional().describe('Id or slug.'),
  server: z.string().max(40).optional().describe('A server by name, for `dedicated`.'),
};

export const ImportBody = z.strictObject({
  archive: z.string().max(64).describe('As it was named when it was sent.'),
  ...newTenant,
  passphrase: z.string().max(1_024).optional(),
  trust: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'a public key: 43 characters'))
    .max(20)
    .optional()
    .describe('Public keys of other installations whose archives are taken.'),
  masking: Masking.optional(),
  erased: z.enum(['accept']).optional().describe('Take the archive of a tenant that was erased here.'),
});

export const CloneBody = z.strictObject({ ...newTenant, slug: z.string().max(48), masking: Masking });

export const MakingView = z.object({
  tenant: TenantView,
  operation: z.string().describe('Show it to see how far it is.'),
});

export const ArchiveKeyView = z.object({
  publicKey: z.string().describe('Ed25519, 32 bytes as base64url: what other installations trust.'),
});

export const BackupView = z.object({
  id: z.uuid(),
  tenant: z.uuid(),
  state: z.enum(['writing', 'ready', 'damaged', 'failed']),
  reason: z.enum(['schedule', 'request']),
  records: z.int().nullable(),
  sizeBytes: z.int().nullable(),
  createdAt: timestamp,
  readyAt: timestamp.nullable(),
  verifiedAt: timestamp.nullable().describe('When it was last read and found whole.'),
  drilledAt: timestamp.nullable().describe('When it was last restored, compared and thrown away.'),
  failure: z.object({ code: z.string(), reason: z.string() }).nullable(),
});
export type BackupView = z.output<typeof BackupView>;

export const BackupQuery = z.strictObject({
  tenant: z.string().max(48).optional().describe('Id or slug.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const BackupListView = z.object({ items: z.array(BackupView) });
export const BegunBackupView = z.object({ backup: BackupView, operation: z.string() });

export const RestoreAsBody = z.strictObject({ ...newTenant, slug: z.string().max(48) });

const Place = z.object({ compartment: z.string(), isolation: z.enum(isolations), container: z.string() });

export const RestoreView = z.object({
  phase: z.enum([
    'none',
    'staging',
    'staged',
    'swapping',
    'swapped',
    'confirming',
    'confirmed',
    'rolling_back',
    'rolled_back',
    'failed',
  ]),
  backup: z.string().nullable(),
  operation: z.string().nullable(),
  from: z.array(Place),
  to: z.array(Place),
  differences: z.array(
    z.object({
      compartment: z.string(),
      set: z.string(),
      now: z.int(),
      backup: z.int(),
      added: z.int().nullable().describe('Records a swap brings back; null = too many to say.'),
      removed: z.int().nullable(),
      changed: z.int().nullable(),
      isEqual: z.boolean(),
    }),
  ),
  untouched: z.array(z.string()).describe('Stores that cannot hold a tenant twice, and keep what they have.'),
  progress,
  failure,
});
export type RestoreView = z.output<typeof RestoreView>;

export const DrillView = z.object({
  backup: z.uuid(),
  tenant: z.uuid(),
  operation: z.string(),
  records: z.int(),
  durationMs: z.int(),
});
