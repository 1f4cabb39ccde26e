import { z } from 'zod';
import { isolations } from '../../core/placement.ts';
import { pageOf, pageQuery, timestamp } from './common.ts';

const operationState = z.enum(['running', 'done', 'failed', 'rolled_back', 'cancelled']);

export const PlanView = z.object({
  id: z.string(),
  name: z.string(),
  aliases: z.array(z.string()),
  isolations: z.array(z.enum(isolations)),
  defaultIsolation: z.enum(isolations),
  features: z.array(z.string()),
  quotas: z.record(z.string(), z.number()).describe('By resource; one that is absent has no limit.'),
  rates: z.object({ perMinute: z.number(), perDay: z.number(), burst: z.number() }),
  connections: z.int(),
  priceUsd: z.string().describe('A month, in US dollars.'),
});
export type PlanView = z.output<typeof PlanView>;

export const PlanListView = z.object({ items: z.array(PlanView) });
export type PlanListView = z.output<typeof PlanListView>;

export const OperationView = z.object({
  id: z.string(),
  tenant: z.uuid(),
  kind: z.string(),
  state: operationState,
  steps: z.array(z.object({ name: z.string(), at: timestamp })),
  progress: z
    .object({ done: z.number(), total: z.number() })
    .nullable()
    .describe('Of whatever the operation counts.'),
  failure: z.object({ code: z.string(), step: z.string(), reason: z.string() }).nullable(),
  startedAt: timestamp,
  endedAt: timestamp.nullable(),
});
export type OperationView = z.output<typeof OperationView>;

export const OperationQuery = z.strictObject({ ...pageQuery, state: operationState.optional() });
export const OperationPageView = pageOf(OperationView);
export type OperationPageView = z.output<typeof OperationPageView>;

export const NewServerBody = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'up to 40 characters of a-z, 0-9 and hyphens')
    .describe('What the server is called from now on.'),
  url: z
    .url({ protocol: /^postgres(ql)?$/, message: 'a postgres:// URL' })
    .max(2_048)
    .describe('With the credentials of an owner. Kept encrypted; never returned.'),
  role: z.enum(['pool', 'dedicated']).default('dedicated').describe('`dedicated` takes exactly one tenant.'),
  region: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'up to 40 characters of a-z, 0-9 and hyphens')
    .optional(),
  maxConnections: z.int().min(1).max(10_000).default(100),
});
export type NewServerBody = z.input<typeof NewServerBody>;

export const ServerView = z.object({
  name: z.string(),
  role: z.enum(['pool', 'dedicated']),
  region: z.string().nullable(),
  maxConnections: z.int(),
});
export type ServerView = z.output<typeof ServerView>;

export const ServerListView = z.object({ items: z.array(ServerView) });
export type ServerListView = z.output<typeof ServerListView>;
