import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const Line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('meta'), source: z.string() }),
  z.object({ type: z.literal('tenant'), id: z.string(), title: z.string() }),
  z.object({ type: z.literal('paragraph'), id: z.string(), tenant: z.string(), text: z.string() }),
  z.object({
    type: z.literal('question'),
    id: z.string(),
    tenant: z.string(),
    question: z.string(),
    gold: z.string().nullish(),
  }),
  z.object({
    type: z.literal('probe'),
    as_tenant: z.string(),
    question_id: z.string(),
    must_not_return: z.string(),
    must_not_contain: z.array(z.string()),
  }),
]);

export interface Paragraph {
  /** `normans#000`: what the product that owns the text calls it. */
  readonly id: string;
  readonly tenant: string;
  readonly text: string;
}

/** A tenant asks a question that only its neighbour's documents answer. */
export interface NeighbourQuestion {
  readonly asker: string;
  /** Whose paragraph answers it. */
  readonly owner: string;
  readonly question: string;
  readonly paragraph: string;
  readonly answers: readonly string[];
}

export interface Corpus {
  readonly source: string;
  readonly tenants: readonly { readonly id: string; readonly title: string }[];
  readonly paragraphs: readonly Paragraph[];
  readonly questions: readonly NeighbourQuestion[];
}

const file = new URL('../../examples/questions.jsonl', import.meta.url);

/** The example data of the first `tenants` tenants, and the questions they ask one another. */
export async function readCorpus(tenants: number): Promise<Corpus> {
  const text = await readFile(file, 'utf8');
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Line.parse(JSON.parse(line)));
  const of = <Type extends z.output<typeof Line>['type']>(type: Type) =>
    lines.filter((line): line is Extract<z.output<typeof Line>, { type: Type }> => line.type === type);
  const kept = of('tenant').slice(0, tenants);
  const ids = new Set(kept.map(({ id }) => id));
  const questions = new Map(of('question').map((question) => [question.id, question]));
  return {
    source: of('meta')[0]?.source ?? '',
    tenants: kept.map(({ id, title }) => ({ id, title })),
    paragraphs: of('paragraph').filter(({ tenant }) => ids.has(tenant)),
    questions: of('probe').flatMap((probe): readonly NeighbourQuestion[] => {
      const asked = questions.get(probe.question_id);
      if (asked === undefined || !ids.has(probe.as_tenant) || !ids.has(asked.tenant)) return [];
      return [
        {
          asker: probe.as_tenant,
          owner: asked.tenant,
          question: asked.question,
          paragraph: probe.must_not_return,
          answers: probe.must_not_contain,
        },
      ];
    }),
  };
}
