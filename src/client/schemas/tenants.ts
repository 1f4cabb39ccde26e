import { z } from 'zod';
import { isolations } from '../../core/placement.ts';
import { tenantStates } from '../../core/tenant.ts';
import { JsonObject, JsonValue, text } from './json.ts';
import { pageOf, pageQuery, timestamp } from './common.ts';

const isolation = z.enum(isolations).describe('What the tenant shares with others, from a table to nothing.');
const features = z.array(z.string().max(64)).max(100).describe('On top of those of the plan.');

export const NewTenantBody = z.strictObject({
  slug: z
    .string()
    .max(64)
    .describe('3 to 48 of a-z, 0-9 and single inner hyphens. Unique, and never given out twice.'),
  name: text({ max: 200 }),
  plan: z.string().max(64).optional().describe('Id or alias of a plan; default `free`.'),
  isolation: isolation.optional().describe("Default: the plan's."),
  region: z.string().max(40).optional(),
  parent: z.string().max(64).optional().describe('Id or slug of the parent tenant.'),
  template: z
    .string()
    .max(40)
    .optional()
    .describe('Data to begin with: the name of a template on the server.'),
  server: z.string().max(63).optional().describe('Name of a dedicated server; default: any free one.'),
  features: features.optional(),
  settings: JsonObject.optional(),
});
export type NewTenantBody = z.output<typeof NewTenantBody>;

export const TenantChange = z
  .strictObject({
    name: text({ max: 200 }).optional(),
    plan: z.string().max(64).optional(),
    features: features.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'nothing to change: give name, plan or features');
export type TenantChange = z.output<typeof TenantChange>;

export const TenantView = z.object({
  id: z.uuid(),
  slug: z.string(),
  name: z.string(),
  plan: z.string(),
  state: z.enum(tenantStates),
  isolation,
  region: z.string().nullable(),
  parent: z.uuid().nullable(),
  features: z.array(z.string()),
  containers: z
    .record(z.string(), z.string())
    .describe('Where the tenant’s data is, by compartment: server, database, schema.'),
  erasesAt: timestamp.nullable().describe('When its data is due to be erased, while it is offboarding.'),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type TenantView = z.output<typeof TenantView>;

export const CreatedTenantView = TenantView.extend({
  operation: z.string().describe('Id of the operation that provisioned it.'),
  readyInMs: z.number(),
});
export type CreatedTenantView = z.output<typeof CreatedTenantView>;

export const TenantQuery = z.strictObject({ ...pageQuery, state: z.enum(tenantStates).optional() });
export const TenantPageView = pageOf(TenantView);
export type TenantPageView = z.output<typeof TenantPageView>;

export const SettingsView = z.object({
  settings: z.record(
    z.string(),
    z.object({ value: z.unknown(), from: z.enum(['tenant', 'plan', 'default']) }),
  ),
});
export type SettingsView = z.output<typeof SettingsView>;

export const SettingsChange = z
  .record(z.string().max(128), JsonValue)
  .refine((change) => Object.keys(change).length <= 100, 'at most 100 settings at once')
  .describe(
    'Settings to set, by key; null takes the tenant’s own value away, so that the plan’s shows again.',
  );
export type SettingsChange = z.output<typeof SettingsChange>;
