import type {
  VectorsCompartment,
  Match,
  MetadataFilter,
  SearchMode,
} from '../compartments/vectors/vectors.ts';
import type { Clock } from '../core/clock.ts';
import { BulkheadError } from '../core/errors.ts';
import type { Isolation } from '../core/placement.ts';
import { assertScope, type Scope } from '../core/scope.ts';
import type { Embedder } from './embed/embedder.ts';
import { highlight, type Excerpt } from './highlight.ts';
import { chat } from './models/chat.ts';
import { assemblePrompt, citedIn, toPiece } from './prompt.ts';
import { readChat, readEmbedder, type ModelSource } from './tenant-models.ts';

export interface SearchInput {
  readonly query: string;
  /** Default `hybrid`. */
  readonly mode?: SearchMode;
  readonly limit?: number;
  readonly offset?: number;
  readonly filter?: MetadataFilter;
  /** Configuration of text search, such as `english`. */
  readonly language?: string;
}

export interface SearchHit extends Match {
  readonly excerpt: Excerpt;
}

export interface SearchOutcome {
  readonly results: readonly SearchHit[];
  readonly container: string;
  readonly isolation: Isolation;
  /** Of Bulkhead, without what embedding and searching took. */
  readonly overheadMs: number;
  readonly durationMs: number;
}

export interface AskInput extends SearchInput {
  /** Passages the answer is made from; default 8. */
  readonly passages?: number;
}

export interface Source {
  readonly number: number;
  readonly externalId: string;
  readonly chunk: number;
  readonly title: string;
  readonly text: string;
  readonly score: number;
}

/** An answer as it comes: first what it is made from, then its words, then what of it was cited. */
export type AskEvent =
  | { readonly kind: 'sources'; readonly sources: readonly Source[]; readonly answeredBy: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'end'; readonly cited: readonly number[] };

export interface KnowledgeDeps {
  readonly vectors: VectorsCompartment | undefined;
  readonly models: ModelSource;
  readonly clock: Clock;
}

/** Finding and answering in what a tenant has stored. */
export interface Knowledge {
  /** The tenant's embedder, as its settings say. @throws model_unavailable */
  embedder(scope: Scope): Promise<Embedder>;
  /** @throws value_invalid · model_unavailable · compartment_unreachable where the server has no pgvector */
  search(scope: Scope, input: SearchInput): Promise<SearchOutcome>;
  /** Without a model, the best passages are the answer, and it says so. @throws as `search` */
  ask(scope: Scope, input: AskInput): AsyncGenerator<AskEvent>;
}

/** What an answer without a model is said to come from. */
export const byPassages = 'passages';

export function createKnowledge(deps: KnowledgeDeps): Knowledge {
  const { clock, models } = deps;
  const knowledge: Knowledge = {
    embedder: (scope) => readEmbedder(models, scope.tenantId),

    async search(scope, input) {
      assertScope(scope);
      const startedMs = clock.monotonicMs();
      const { query, mode = 'hybrid' } = input;
      assertQuery(query);
      await using handle = await needed(deps).open(scope);
      const embedder = mode === 'text' ? undefined : await knowledge.embedder(scope);
      const space = embedder === undefined ? undefined : await handle.space();
      // Vectors of another model are not comparable: until the re-index is done, words have to do.
      const comparable = space !== undefined && space.model === embedder?.model;
      const embeddingMs = clock.monotonicMs();
      const [vector] = comparable ? await embedder.embed([query], { as: 'query', signal: scope.signal }) : [];
      const embeddedMs = clock.monotonicMs();
      const used: SearchMode = vector === undefined ? 'text' : mode;
      const { limit, offset, filter, language } = input;
      const answer = await handle.search({
        mode: used,
        text: query,
        ...(vector === undefined ? {} : { vector }),
        ...(embedder?.weight === undefined ? {} : { vectorWeight: embedder.weight }),
        ...(limit === undefined ? {} : { limit }),
        ...(offset === undefined ? {} : { offset }),
        ...(filter === undefined ? {} : { filter }),
        ...(language === undefined ? {} : { language }),
      });
      const results = answer.matches.map((match) => ({ ...match, excerpt: highlight(match.body, query) }));
      const endedMs = clock.monotonicMs();
      const waitedMs = embeddedMs - embeddingMs + (answer.durationMs - answer.overheadMs);
      return {
        results,
        container: answer.namespace,
        isolation: answer.isolation,
        overheadMs: endedMs - startedMs - waitedMs,
        durationMs: endedMs - startedMs,
      };
    },

    async *ask(scope, input) {
      const { passages = 8, ...rest } = input;
      const { results } = await knowledge.search(scope, { ...rest, limit: passages });
      const pieces = results.map(({ document, ordinal, title, body }) =>
        toPiece(scope, { document, ordinal, title, text: body }),
      );
      const prompt = assemblePrompt(scope, input.query, pieces);
      const sources = [...prompt.cited].map(([number, { document, ordinal, title, text }]) => ({
        number,
        externalId: document,
        chunk: ordinal,
        title,
        text,
        score: results[number - 1]?.score ?? 0,
      }));
      const model = await readChat(models, scope.tenantId);
      yield { kind: 'sources', sources, answeredBy: model?.model ?? byPassages };
      if (model === undefined) {
        yield { kind: 'text', text: toPlainAnswer(sources) };
        yield { kind: 'end', cited: sources.slice(0, quoted).map(({ number }) => number) };
        return;
      }
      let answer = '';
      for await (const text of chat(model, prompt.messages, scope.signal)) {
        answer += text;
        yield { kind: 'text', text };
      }
      yield { kind: 'end', cited: citedIn(answer, prompt) };
    },
  };
  return knowledge;
}

const quoted = 3;
const maxQueryChars = 4_000;

function toPlainAnswer(sources: readonly Source[]): string {
  if (sources.length === 0) return 'No model is configured, and nothing was found.';
  const quotes = sources.slice(0, quoted).map(({ number, text }) => `[${number}] ${text}`);
  return `No model is configured; these are the passages that fit best.\n\n${quotes.join('\n\n')}`;
}

function assertQuery(query: unknown): void {
  if (typeof query !== 'string' || query.trim() === '' || query.length > maxQueryChars)
    throw new BulkheadError('value_invalid', { field: 'query', reason: `1 to ${maxQueryChars} characters` });
}

function needed({ vectors }: KnowledgeDeps): VectorsCompartment {
  if (vectors !== undefined) return vectors;
  throw new BulkheadError('compartment_unreachable', {
    kind: 'vectors',
    reason: 'the server has no pgvector',
    hint: 'install the extensions vector and btree_gin, and start again',
  });
}
