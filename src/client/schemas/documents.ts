import { z } from 'zod';
import { pageOf, pageQuery, timestamp } from './common.ts';
import { JsonObject, text } from './json.ts';

const maxContentLength = 1_000_000;

const title = text({ max: 500 });
const content = text({ min: 0, max: maxContentLength });
const externalId = text({ max: 200 }).describe('Your own id for it; unique within the tenant.');
const metadata = JsonObject.describe(
  'Any JSON object, up to 64 KiB. `tenant_id` in it must be your own, if anything.',
);

export const NewDocumentBody = z.strictObject({
  title,
  content,
  externalId: externalId.optional(),
  metadata: metadata.optional(),
});
export type NewDocumentBody = z.output<typeof NewDocumentBody>;

export const DocumentChange = z
  .strictObject({
    title: title.optional(),
    content: content.optional(),
    externalId: externalId.nullable().optional(),
    metadata: metadata.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'nothing to change');
export type DocumentChange = z.output<typeof DocumentChange>;

export const DocumentView = z.object({
  id: z.uuid(),
  externalId: z.string().nullable(),
  title: z.string(),
  content: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type DocumentView = z.output<typeof DocumentView>;

export const documentSorts = ['id', 'title', '-title', 'createdAt', '-createdAt'] as const;

export const DocumentQuery = z.strictObject({
  ...pageQuery,
  titleStartsWith: text({ max: 500 }).optional(),
  externalId: externalId.optional(),
  sort: z.enum(documentSorts).default('id').describe('A leading hyphen turns the order round.'),
});
export type DocumentQuery = z.input<typeof DocumentQuery>;

export const DocumentPageView = pageOf(DocumentView);
export type DocumentPageView = z.output<typeof DocumentPageView>;

export const MeView = z.object({
  tenant: z.object({
    id: z.uuid(),
    slug: z.string(),
    name: z.string(),
    region: z.string().nullable(),
  }),
  plan: z.string(),
  isolation: z.string(),
  features: z.array(z.string()),
  key: z.object({ id: z.string(), name: z.string(), expiresAt: timestamp.nullable() }).nullable(),
  limits: z.object({
    statementTimeoutMs: z.number(),
    maxRows: z.number(),
    maxQueries: z.number(),
    perMinute: z.number(),
    perDay: z.number(),
    quotas: z.record(z.string(), z.number()),
  }),
});
export type MeView = z.output<typeof MeView>;
