import { z } from 'zod';
import { pageOf, pageQuery, timestamp } from './common.ts';
import { text } from './json.ts';

const name = text({ max: 1_024 }).describe(
  'Your own name for it, with `/` between its parts; up to 1,024 bytes, without `..`, empty parts, backslashes and invisible characters.',
);

export const PutObjectQuery = z.strictObject({ name });

export const ObjectQuery = z.strictObject({
  ...pageQuery,
  prefix: text({ max: 1_024 }).optional().describe('Only objects whose name begins so.'),
});

export const ObjectView = z.object({
  id: z.string().describe('Stands for the name in paths.'),
  name: z.string(),
  contentType: z.string(),
  sizeBytes: z.int(),
  sha256: z.string().describe('Of the content, in hexadecimal digits.'),
  updatedAt: timestamp,
});
export type ObjectView = z.output<typeof ObjectView>;

export const ObjectPageView = pageOf(ObjectView);

const weekS = 604_800;

export const SignUrlBody = z.strictObject({
  method: z.enum(['GET', 'PUT']).describe('What the URL allows: to read the object, or to write it.'),
  name,
  contentType: text({ max: 200 }).optional().describe('What an upload must be sent as.'),
  maxBytes: z.int().positive().optional().describe('How large an upload may be.'),
  expiresInS: z.int().min(1).max(weekS).default(3_600).describe('Seconds.'),
});

export const SignedUrlView = z.object({
  path: z.string().describe('From the root of this server.'),
  expiresAt: timestamp,
});
