import type { Operation } from './operation.ts';
import * as knowledge from './schemas/knowledge.ts';

/** Finding and answering. Part of the contract. */
export const knowledgeOperations = {
  search: {
    method: 'POST',
    path: '/v1/search',
    plane: 'tenant',
    tag: 'Knowledge',
    summary: 'Find passages of the tenant’s documents',
    body: knowledge.SearchBody,
    status: 200,
    response: knowledge.SearchView,
    errors: ['value_invalid', 'model_unavailable'],
  },
  ask: {
    method: 'POST',
    path: '/v1/ask',
    plane: 'tenant',
    tag: 'Knowledge',
    summary: 'Answer a question from the tenant’s documents, citing them',
    body: knowledge.AskBody,
    status: 200,
    response: knowledge.AnswerView,
    errors: ['value_invalid', 'model_unavailable'],
  },
  askStream: {
    method: 'POST',
    path: '/v1/ask/stream',
    plane: 'tenant',
    tag: 'Knowledge',
    summary: 'The same as it is made: events `sources`, `text` …, `end`, or `error`',
    body: knowledge.AskBody,
    bytes: 'events',
    status: 200,
    errors: ['value_invalid', 'model_unavailable'],
  },
  putSecret: {
    method: 'PUT',
    path: '/v1/tenants/{tenant}/secrets/{secret}',
    plane: 'operator',
    tag: 'Tenants',
    summary: 'Keep the key of a model of the tenant: `models.embedding` or `models.chat`',
    body: knowledge.SecretBody,
    status: 204,
    errors: ['tenant_not_found', 'not_found'],
  },
} as const satisfies Record<string, Operation>;
