import { z } from 'zod';
import { compartmentKinds, isolations } from '../../core/placement.ts';

export const MoveBody = z.strictObject({
  isolation: z.enum(isolations).describe('Where the tenant shall be.'),
  server: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'up to 40 characters of a-z, 0-9 and hyphens')
    .optional()
    .describe('A server by name, for `dedicated`; default any free one.'),
  only: z
    .array(z.enum(compartmentKinds))
    .min(1)
    .optional()
    .describe('Compartments to move; default all that are not there already.'),
  dryRun: z.boolean().default(false).describe('Say what the move would be, and change nothing.'),
});
export type MoveBody = z.input<typeof MoveBody>;

const Place = z.object({ compartment: z.string(), isolation: z.enum(isolations), container: z.string() });

const MovePlanView = z.object({
  rows: z.int(),
  sizeBytes: z.int(),
  estimatedMs: z.int().describe('From a quickly measured rate of reading; a guess.'),
  parts: z.array(z.object({ part: z.string(), count: z.int(), sizeBytes: z.int() })),
  risks: z.array(z.string()),
  refusals: z.array(z.string()).describe('Why it would be refused; empty = it can be done.'),
});

const MoveReceiptView = z.object({
  rows: z.int(),
  hashes: z
    .record(z.string(), z.string())
    .describe('By compartment and part, such as `rows.documents`: equal at both ends when the copy ended.'),
  writePauseMs: z.int(),
  durationMs: z.int(),
});

const ErasedView = z.object({
  removed: z.int(),
  left: z.int().describe('Counted by another query than the one that removed.'),
  notCovered: z.array(z.string()),
});

export const MoveView = z.object({
  phase: z
    .enum(['none', 'planned', 'moving', 'unconfirmed', 'confirmed', 'rolled_back', 'failed'])
    .describe('`unconfirmed`: the tenant works at its target, and can be rolled back until it is confirmed.'),
  operation: z.string().nullable(),
  from: z.array(Place),
  to: z.array(Place),
  progress: z.object({ done: z.number(), total: z.number() }).nullable().describe('Rows copied.'),
  plan: MovePlanView.nullable(),
  receipt: MoveReceiptView.nullable(),
  erased: z.record(z.string(), ErasedView).nullable(),
  failure: z.object({ code: z.string(), step: z.string(), reason: z.string() }).nullable(),
});
export type MoveView = z.output<typeof MoveView>;
