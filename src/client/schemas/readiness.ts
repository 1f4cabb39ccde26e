import { z } from 'zod';
import { isolations } from '../../core/placement.ts';

const Check = z.object({
  id: z.string(),
  name: z.string(),
  state: z
    .enum(['ok', 'fail', 'not_yet'])
    .describe('`not_yet`: the part does not exist, so that there is nothing to look at.'),
  found: z.string(),
});

export const readinessGroups = ['security', 'capacity', 'cost', 'performance'] as const;

export const ReadinessView = z.object({
  ready: z.boolean().describe('Whether no check failed. What does not exist yet is counted apart.'),
  groups: z.array(z.object({ group: z.enum(readinessGroups), checks: z.array(Check) })),
  checklist: z.array(Check).describe('The security checklist, line by line.'),
  counts: z.object({ ok: z.int(), fail: z.int(), notYet: z.int() }),
  metrics: z.object({
    tenants: z.int(),
    tenantsByIsolation: z.partialRecord(z.enum(isolations), z.int()),
    containers: z.int(),
    largestContainerTenants: z.int(),
    tenantsWithCost: z.int().nullable().describe('Null where nothing is metered yet.'),
    overheadMs: z
      .partialRecord(z.enum(isolations), z.number())
      .describe('Median of one scoped statement, measured now; isolations without a tenant are absent.'),
  }),
});
export type ReadinessView = z.output<typeof ReadinessView>;
