import { z } from 'zod';
import { timestamp } from './common.ts';
import { text } from './json.ts';

const maxOverlapSeconds = 30 * 24 * 3_600;

export const NewKeyBody = z.strictObject({
  name: text({ max: 100 }),
  expiresAt: z.iso.datetime({ offset: true }).optional().describe('RFC 3339; default: never.'),
});
export type NewKeyBody = z.output<typeof NewKeyBody>;

export const RotateKeyBody = z.strictObject({
  overlapSeconds: z
    .int()
    .min(0)
    .max(maxOverlapSeconds)
    .default(3_600)
    .describe('How long the old key goes on working.'),
});
export type RotateKeyBody = z.input<typeof RotateKeyBody>;

export const KeyView = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: timestamp,
  expiresAt: timestamp.nullable(),
  revokedAt: timestamp.nullable(),
  lastUsedAt: timestamp.nullable(),
  replacedBy: z.string().nullable().describe('The key that takes over from this one.'),
});
export type KeyView = z.output<typeof KeyView>;

export const IssuedKeyView = KeyView.extend({
  key: z.string().describe('The key itself. It is shown this once; only its digest is kept.'),
});
export type IssuedKeyView = z.output<typeof IssuedKeyView>;

export const KeyListView = z.object({ items: z.array(KeyView) });
export type KeyListView = z.output<typeof KeyListView>;
