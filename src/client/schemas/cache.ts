import { z } from 'zod';
import { timestamp } from './common.ts';
import { JsonValue, text } from './json.ts';

const keyPart = z.string().min(1).max(4_096);

export const CacheInvalidation = z
  .strictObject({
    key: z.array(keyPart).min(1).max(16).optional().describe('The parts of one key.'),
    pattern: z
      .string()
      .min(1)
      .max(4_096)
      .optional()
      .describe('`docs:*` and the like: `:` between parts, `*` for any characters.'),
  })
  .refine(
    ({ key, pattern }) => key === undefined || pattern === undefined,
    'give a key or a pattern, not both',
  )
  .describe('One key, a pattern, or everything of the tenant where neither is given. Sessions stay.');

export const CacheInvalidated = z.object({
  invalidated: z.enum(['key', 'pattern', 'everything']),
  removed: z.int().nullable().describe('Keys that a pattern has removed; null where they were not counted.'),
});
export type CacheInvalidated = z.output<typeof CacheInvalidated>;

const user = text({ max: 255 }).describe('Your own id of the user.');
const token = z.string().min(1).max(512).describe('`bhs_…`, as it was issued.');

export const NewSessionBody = z.strictObject({
  user,
  ttlS: z.int().min(1).max(604_800).default(43_200).describe('Seconds until it ends.'),
  data: JsonValue.optional().describe(
    'Anything your application wants back with it; JSON of at most 16 KiB.',
  ),
});

export const SessionView = z.object({
  user: z.string(),
  createdAt: timestamp,
  expiresAt: timestamp,
  data: z.unknown(),
});
export type SessionView = z.output<typeof SessionView>;

export const IssuedSessionView = SessionView.extend({
  token: z.string().describe('Shown this once; only its SHA-256 is kept.'),
});

export const SessionBody = z.strictObject({ token });

export const SessionRevocation = z
  .strictObject({ token: token.optional(), user: user.optional() })
  .refine(
    (body) => (body.token === undefined) !== (body.user === undefined),
    'give a token, or a user for all sessions of theirs',
  );

export const SessionsRevoked = z.object({ revoked: z.int() });
