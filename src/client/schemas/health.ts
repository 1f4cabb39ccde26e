import { z } from 'zod';

export const HealthView = z.object({
  status: z.enum(['live', 'ready', 'not_ready']),
  parts: z.record(z.string(), z.object({ ok: z.boolean(), reason: z.string().optional() })),
});
export type HealthView = z.output<typeof HealthView>;
