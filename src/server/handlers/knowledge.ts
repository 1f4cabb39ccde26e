import type { Bulkhead } from '../../bulkhead.ts';
import type { Input, Output } from '../../client/contract.ts';
import type { ServerEvent } from '../../client/operation.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import type { AskEvent, AskInput, SearchHit, Source } from '../../rag/knowledge.ts';
import type { PutReceipt } from '../../rag/library.ts';
import { modelSettings, secretPurpose, type ModelUse } from '../../rag/tenant-models.ts';
import { toProblem } from '../../request/problem.ts';
import { assertOwnMetadata } from './documents.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers, TenantHandlers } from './handler.ts';

type KnowledgeHandlers = Pick<
  TenantHandlers,
  'search' | 'ask' | 'askStream' | 'putDocument' | 'putDocumentFile'
>;

const maxFileBytes = 50 * 1_048_576;

export function createKnowledgeHandlers({
  knowledge,
  library,
}: Pick<Bulkhead, 'knowledge' | 'library'>): KnowledgeHandlers {
  return {
    async putDocument({ params, body }, { scope }) {
      assertOwnMetadata(body.metadata, scope.tenantId);
      const { content, title, metadata, language } = body;
      return toPutView(
        await library.put(scope, {
          externalId: params.document,
          content,
          title,
          bytes: Buffer.from(content, 'utf8'),
          contentType: 'text/markdown; charset=utf-8',
          ...(metadata === undefined ? {} : { metadata }),
          ...(language === undefined ? {} : { language }),
        }),
      );
    },

    async putDocumentFile({ params, query, upload }, { scope }) {
      const { title, name, language } = query;
      return toPutView(
        await library.put(scope, {
          externalId: params.document,
          content: '',
          bytes: await readWhole(upload.content),
          ...(upload.contentType === undefined ? {} : { contentType: upload.contentType }),
          ...(title === undefined ? {} : { title }),
          ...(name === undefined ? {} : { fileName: name }),
          ...(language === undefined ? {} : { language }),
        }),
      );
    },

    async search({ body }, { scope }) {
      const { filter, language, ...rest } = body;
      const found = await knowledge.search(scope, {
        ...rest,
        ...(filter === undefined ? {} : { filter: toFilter(filter) }),
        ...(language === undefined ? {} : { language }),
      });
      const { results, ...about } = found;
      return { results: results.map(toHitView), ...about };
    },

    async ask({ body }, { scope }) {
      let answer = '';
      let sources: readonly Source[] = [];
      let cited: readonly number[] = [];
      let answeredBy = '';
      for await (const event of knowledge.ask(scope, toAskInput(body))) {
        if (event.kind === 'sources') ({ sources, answeredBy } = event);
        else if (event.kind === 'text') answer += event.text;
        else ({ cited } = event);
      }
      return { answer, answeredBy, cited: [...cited], sources: [...sources] };
    },

    // What is wrong with the question is answered as a problem; what goes wrong later is an event.
    async askStream({ body }, { scope }) {
      const events = knowledge.ask(scope, toAskInput(body));
      const first = await events.next();
      return toServerEvents(first, events, scope);
    },
  };
}

function toPutView({ id, ...receipt }: PutReceipt): Output<'putDocument'> {
  return { externalId: id, ...receipt };
}

/** @throws body_too_large before more of it is kept */
async function readWhole(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of content) {
    sizeBytes += part.byteLength;
    if (sizeBytes > maxFileBytes) throw new BulkheadError('body_too_large', { limit: maxFileBytes });
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function* toServerEvents(
  first: IteratorResult<AskEvent, void>,
  events: AsyncGenerator<AskEvent>,
  scope: Scope,
): AsyncGenerator<ServerEvent> {
  try {
    if (first.done !== true) yield toServerEvent(first.value);
    for await (const event of events) yield toServerEvent(event);
  } catch (cause) {
    yield { event: 'error', data: toProblem(cause, scope.requestId).body };
  }
}

function toServerEvent({ kind, ...data }: AskEvent): ServerEvent {
  return { event: kind, data };
}

type Filter = NonNullable<AskInput['filter']>;

/** Conditions without the fields that were not sent. */
function toFilter(filter: NonNullable<Input<'search'>['body']['filter']>): Filter {
  return JSON.parse(JSON.stringify(filter)) as Filter;
}

function toAskInput(body: Input<'ask'>['body']): AskInput {
  const { query, mode, passages, filter, language } = body;
  return {
    query,
    mode,
    passages,
    ...(filter === undefined ? {} : { filter: toFilter(filter) }),
    ...(language === undefined ? {} : { language }),
  };
}

function toHitView(hit: SearchHit): Output<'search'>['results'][number] {
  const { document, ordinal, title, body, score, metadata, excerpt } = hit;
  return {
    externalId: document,
    chunk: ordinal,
    title,
    text: body,
    score,
    metadata: { ...metadata },
    excerpt: { text: excerpt.text, marks: excerpt.marks.map(([start, end]) => [start, end]) },
  };
}

export function createSecretHandlers({ registry }: Bulkhead): Pick<OperatorHandlers, 'putSecret'> {
  return {
    async putSecret({ params, body }, actor) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      const use = (Object.keys(modelSettings) as readonly ModelUse[]).find(
        (each) => modelSettings[each] === params.secret,
      );
      if (use === undefined)
        throw new BulkheadError('not_found', {
          field: 'secret',
          hint: `secrets are called ${Object.values(modelSettings).join(' and ')}`,
        });
      await registry.vault.put(id, secretPurpose(use), body.value);
      registry.audit.record({
        tenant: id,
        actor,
        action: 'secret.stored',
        severity: 'info',
        requestId: undefined,
        detail: { secret: params.secret },
      });
    },
  };
}
