import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Operation } from '../client/operation.ts';
import { invalidInput, parseInput } from './validate.ts';

/** The path of an operation as Fastify writes it. */
export function toFastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

export interface RawInput {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
}

/** @throws request_invalid · What an operation does not declare is refused, not ignored. */
export function readInput(operation: Operation, request: FastifyRequest): RawInput {
  return {
    params: request.params as Readonly<Record<string, string>>,
    query: readQuery(operation, request),
    body: readBody(operation, request.body),
  };
}

function readQuery({ query }: Operation, request: FastifyRequest): unknown {
  // A read by id has no query at all, and pays nothing for finding that out.
  if (!request.raw.url?.includes('?'))
    return query === undefined ? undefined : parseInput(query, {}, 'query');
  if (query !== undefined) return parseInput(query, { ...(request.query as object) }, 'query');
  const names = Object.keys(request.query as object);
  if (names.length > 0)
    throw invalidInput([{ field: 'query', reason: 'the operation takes no query parameters' }]);
  return undefined;
}

function readBody({ body }: Operation, sent: unknown): unknown {
  if (body !== undefined) return parseInput(body, sent === undefined ? {} : sent, 'body');
  const empty =
    sent === undefined || (typeof sent === 'object' && sent !== null && Object.keys(sent).length === 0);
  if (!empty) throw invalidInput([{ field: 'body', reason: 'the operation takes no body' }]);
  return undefined;
}

/** JSON.stringify, and not a compiled schema: it is as fast for these bodies, and cannot drop or coerce a field. */
export function sendResult(operation: Operation, reply: FastifyReply, result: unknown): FastifyReply {
  reply.code(operation.status);
  if (operation.response === undefined) return reply.send();
  return reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(result));
}
