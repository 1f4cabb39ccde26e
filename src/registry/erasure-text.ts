import { z } from 'zod';
import type { Erasure } from './erasure.ts';
import { instant, slug, tenantId } from './row-parts.ts';

/** An entry of the ledger outside the database: one JSON object a line. */
const lineShape = z.object({
  tenant: tenantId,
  slug,
  operation: z.uuid(),
  actor: z.strictObject({ kind: z.enum(['key', 'user', 'operator', 'system']), id: z.string().max(200) }),
  at: instant,
  signature: z.string().max(200),
});

export function toErasureLine({ tenant, slug: name, operation, actor, at, signature }: Erasure): string {
  return JSON.stringify({ tenant, slug: name, operation, actor, at: at.toISOString(), signature });
}

/** @returns undefined where it is no entry, such as a line that a crash cut short */
export function parseErasureLine(line: string): Erasure | undefined {
  try {
    return lineShape.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
