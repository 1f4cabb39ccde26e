import { z } from 'zod';
import { isolations } from '../../core/placement.ts';
import { JsonObject, text } from './json.ts';

const scalar = z.union([z.string().max(2_000), z.number(), z.boolean(), z.null()]);

const MetadataFilter = z
  .record(
    z.string().min(1).max(200),
    z.union([
      scalar,
      z.strictObject({
        in: z.array(scalar).min(1).max(200).optional(),
        gt: z.number().optional(),
        gte: z.number().optional(),
        lt: z.number().optional(),
        lte: z.number().optional(),
        exists: z.boolean().optional(),
      }),
    ]),
  )
  .describe('Conditions on metadata, all of which must hold: a value, or in, gt, gte, lt, lte, exists.');

const question = {
  query: text({ min: 1, max: 4_000 }),
  mode: z
    .enum(['hybrid', 'vector', 'text'])
    .default('hybrid')
    .describe('`text`: by words (BM25); `vector`: by nearness; `hybrid`: both, by reciprocal rank.'),
  filter: MetadataFilter.optional(),
  language: z
    .string()
    .regex(/^[a-z][a-z_]{0,40}$/)
    .optional()
    .describe('How words are analysed, such as `english`, `german` or `simple`; default `english`.'),
};

export const SearchBody = z.strictObject({
  ...question,
  limit: z.int().min(1).max(200).default(10),
  offset: z.int().min(0).max(1_000).default(0),
});

const mark = z.tuple([z.int(), z.int()]);

export const SearchView = z.object({
  results: z.array(
    z.object({
      externalId: z.string().describe('The document’s, as you named it.'),
      chunk: z.int().describe('Place of the passage in its document, from 0.'),
      title: z.string(),
      text: z.string(),
      score: z.number().describe('Larger is better; comparable within one answer alone.'),
      metadata: z.record(z.string(), z.unknown()),
      excerpt: z.object({
        text: z.string(),
        marks: z.array(mark).describe('Places of what was looked for: [start, end) in characters.'),
      }),
    }),
  ),
  container: z.string().describe('Where the passages are.'),
  isolation: z.enum(isolations),
  overheadMs: z.number().describe('What Bulkhead added to embedding and searching.'),
  durationMs: z.number(),
});

export const AskBody = z.strictObject({
  ...question,
  passages: z.int().min(1).max(30).default(8).describe('From how many passages the answer is made.'),
});

const source = z.object({
  number: z.int().describe('As the answer cites it: [1].'),
  externalId: z.string(),
  chunk: z.int(),
  title: z.string(),
  text: z.string(),
  score: z.number(),
});

export const AnswerView = z.object({
  answer: z.string(),
  answeredBy: z.string().describe('Name of the model; `passages` where none is configured.'),
  cited: z.array(z.int()).describe('Numbers of the sources that the answer cites.'),
  sources: z.array(source),
});

export const PutDocumentBody = z.strictObject({
  title: text({ max: 500 }),
  content: text({ min: 1, max: 1_000_000 }).describe('Plain text or Markdown.'),
  metadata: JsonObject.optional().describe('Can be filtered by in a search.'),
  language: z
    .string()
    .regex(/^[a-z][a-z_]{0,40}$/)
    .optional()
    .describe('How its words are analysed; default `english`.'),
});

export const PutFileQuery = z.strictObject({
  title: text({ max: 500 }).optional().describe('Default: what the file says itself.'),
  name: text({ max: 500 }).optional().describe('File name; its ending tells the format where no type does.'),
  language: z
    .string()
    .regex(/^[a-z][a-z_]{0,40}$/)
    .optional(),
});

export const PutDocumentView = z.object({
  externalId: z.string(),
  document: z.string().describe('Id of the document’s row.'),
  outcome: z.enum(['indexed', 'unchanged']),
  chunks: z.int().describe('Passages it is found by.'),
  embedded: z.int().describe('Of these, how many had to be embedded.'),
  removed: z.int().describe('Passages of its earlier version that are gone.'),
});

export const SecretBody = z.strictObject({
  value: z.string().min(1).max(4_096).describe('Kept encrypted, and never shown again.'),
});
