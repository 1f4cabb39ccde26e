import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import type { Download, Operation, ServerEvent, Upload } from '../client/operation.ts';
import { invalidInput, parseInput } from './validate.ts';

/** The path of an operation as Fastify writes it. */
export function toFastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

export interface RawInput {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly upload: Upload | undefined;
}

/** @throws request_invalid · What an operation does not declare is refused, not ignored. */
export function readInput(operation: Operation, request: FastifyRequest): RawInput {
  return {
    params: request.params as Readonly<Record<string, string>>,
    query: readQuery(operation, request),
    ...(operation.bytes === 'upload'
      ? { body: undefined, upload: readUpload(request) }
      : { body: readBody(operation, request.body), upload: undefined }),
  };
}

/** Nothing was sent: an object may be empty. */
const noBytes: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: async function* () {} };

export function readUpload({ headers, body }: FastifyRequest): Upload {
  return { contentType: headers['content-type'], content: (body as Readable | undefined) ?? noBytes };
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
  if (operation.bytes === 'download') return sendDownload(reply, result as Download);
  if (operation.bytes === 'events') return sendEvents(reply, result as AsyncIterable<ServerEvent>);
  if (operation.response === undefined) return reply.send();
  const { format = '' } = (reply.request.query ?? {}) as { readonly format?: string };
  const media = operation.formats?.[format];
  if (typeof result === 'string' && media !== undefined)
    return reply.header('content-type', `${media}; charset=utf-8`).send(result);
  return reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(result));
}

/**
 * Content of a tenant's choosing, under our own address: never shown by a browser as a page of ours.
 * What turns out to be damaged on the way breaks the connection off: a shorter answer is not taken for the whole.
 */
export function sendDownload(reply: FastifyReply, download: Download): FastifyReply {
  const { name, contentType, sizeBytes, sha256, content } = download;
  const file = encodeURIComponent(name.slice(name.lastIndexOf('/') + 1)).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  );
  return reply
    .headers({
      'content-type': contentType,
      'content-length': sizeBytes,
      'content-disposition': `attachment; filename*=UTF-8''${file}`,
      'content-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
    })
    .send(Readable.from(content, { objectMode: false }));
}

/** As they happen; a caller who goes away ends the generator that makes them. */
function sendEvents(reply: FastifyReply, events: AsyncIterable<ServerEvent>): FastifyReply {
  return reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('x-accel-buffering', 'no')
    .send(Readable.from(toEventText(events), { objectMode: false }));
}

async function* toEventText(events: AsyncIterable<ServerEvent>): AsyncGenerator<string> {
  // JSON has no line breaks of its own, so each event is one line of data.
  for await (const { event, data } of events) yield `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Lets every media type through as it comes, for the routes below `app` alone. */
export function acceptBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => done(null, body));
  // What is left of a refused upload is read and thrown away, so that its sender hears the refusal; then the connection ends.
  app.addHook('onError', (request, reply, _error, next) => {
    void reply.header('connection', 'close');
    request.raw.resume();
    next();
  });
}
