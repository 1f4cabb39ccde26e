import { z } from 'zod';
import { timestamp } from './common.ts';

const version = z.string().max(200).describe('Last migration of each set, as `app/3 bulkhead/1`.');
const names = z.array(z.string().min(1).max(64)).min(1).max(1_000);

const Unreachable = z.object({ container: z.string(), reason: z.string() });

export const FleetVersionsView = z.object({
  head: version,
  containers: z.array(
    z.object({
      container: z.string(),
      kind: z.enum(['shared', 'schema', 'database']),
      tenant: z.uuid().nullable(),
      slug: z.string().nullable(),
      version,
      missing: z.int().describe('Migrations it has not got.'),
      problem: z.string().nullable(),
      frozenAt: version.nullable(),
    }),
  ),
  unreachable: z.array(Unreachable),
});
export type FleetVersionsView = z.output<typeof FleetVersionsView>;

export const MigrateBody = z.strictObject({
  dryRun: z.boolean().default(false).describe('Answer with the plan and change nothing.'),
  to: version.optional().describe('Sets that are not named go to their end. Default: everything to its end.'),
  tenants: names.optional().describe('Ids or slugs; only tenants with a container of their own.'),
  retry: z.uuid().optional().describe('Only the containers that failed in this run.'),
  canary: z
    .union([z.int().min(1).max(10_000), names])
    .optional()
    .describe('Who goes first, one at a time.'),
  shared: z.enum(['first', 'last']).optional(),
  abortAfter: z
    .union([z.int().min(0), z.templateLiteral([z.number().min(0).max(100), '%'])])
    .optional()
    .describe('Pause when more have failed: a number, or a share such as `5%`.'),
  workers: z.int().min(1).max(64).optional(),
});
export type MigrateBody = z.input<typeof MigrateBody>;

const PlannedContainer = z.object({
  container: z.string(),
  tenant: z.uuid().nullable(),
  slug: z.string().nullable(),
  ring: z.enum(['canary', 'rest']),
  from: z.string(),
  to: z.string(),
  migrations: z.array(z.string()),
});

const outcomes = ['pending', 'done', 'failed', 'frozen', 'skipped'] as const;

export const FleetRunView = z.object({
  id: z.uuid(),
  target: version,
  state: z.enum(['running', 'paused', 'done', 'failed', 'cancelled']),
  reason: z.string().nullable(),
  counts: z.record(z.enum(outcomes), z.int()),
  startedAt: timestamp,
  endedAt: timestamp.nullable(),
});
export type FleetRunView = z.output<typeof FleetRunView>;

export const MigrateView = z.object({
  run: FleetRunView.nullable().describe('What was begun; null for a dry run.'),
  plan: z
    .object({
      target: version,
      containers: z.array(PlannedContainer),
      frozen: z.array(PlannedContainer),
      upToDate: z.int(),
      unreachable: z.array(Unreachable),
      sql: z.array(z.object({ from: z.string(), containers: z.int(), sql: z.string() })),
    })
    .nullable()
    .describe('What would be done; null where it is being done.'),
});
export type MigrateView = z.output<typeof MigrateView>;

export const FleetRunDetailView = FleetRunView.extend({
  containers: z
    .array(
      z.object({
        container: z.string(),
        tenant: z.uuid().nullable(),
        ring: z.enum(['canary', 'rest']),
        state: z.enum(outcomes),
        from: z.string(),
        to: z.string().nullable(),
        code: z.string().nullable(),
        reason: z.string().nullable(),
        durationMs: z.number().nullable(),
      }),
    )
    .describe('Those that failed come first; at most 10,000.'),
});
export type FleetRunDetailView = z.output<typeof FleetRunDetailView>;
