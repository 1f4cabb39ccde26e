import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Bulkhead } from '../bulkhead.ts';
import { BulkheadError, isBulkheadError } from '../core/errors.ts';
import { toPath } from '../request/hints.ts';
import { toRequestId } from '../request/middleware/door.ts';
import { toProblem } from '../request/problem.ts';
import { fromFastify } from './fastify-errors.ts';
import type { Logger } from './logging.ts';
import { hasRepeatedName } from './repeated-names.ts';
import { invalidInput } from './validate.ts';

/** Letters, digits and a few signs, in segments that do not begin with a dot: what our paths are made of. */
const PLAIN_PATH = /^(?:\/|(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)$/;
const maxParamLength = 128;
/** CloudEvents call their JSON by names of their own. */
const jsonTypes = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json'];
const requestTimeoutMs = 60_000;
/** Files take as long as they are large; the silence between two pieces of one is bounded by the server's own timeout. */
const uploadTimeoutMs = 21_600_000;

/** A Fastify that refuses in our words, and has no routes yet. */
export function createApp(bulkhead: Pick<Bulkhead, 'config'>, log: Logger): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bulkhead.config.bodyLimitBytes,
    requestTimeout: uploadTimeoutMs,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    genReqId: (request) => toRequestId(request.headers['x-request-id']),
    routerOptions: { maxParamLength },
    frameworkErrors: (error, request, reply) => {
      void sendProblem(reply, fromFastify(error), request.id);
    },
    clientErrorHandler: answerUnreadable,
  });
  acceptEmptyJson(app);
  boundBodies(app);
  app.addHook('onRequest', (request, _reply, next) => {
    next(PLAIN_PATH.test(toPath(request.raw.url ?? '')) ? undefined : new BulkheadError('not_found'));
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, new BulkheadError('not_found'), request.id));
  app.setErrorHandler((error, request, reply) =>
    answerError({ error: fromFastify(error), request, reply, log }),
  );
  return app;
}

/** A body other than a file is there within a minute, or the connection ends. */
function boundBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, _reply, payload, next) => {
    const { bytes } = request.routeOptions.config as { readonly bytes?: string };
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    if (bytes !== 'upload' && (length !== '0' || coding !== undefined)) {
      const timer = setTimeout(() => request.raw.destroy(), requestTimeoutMs).unref();
      for (const event of ['end', 'close', 'error']) payload.once(event, () => clearTimeout(timer));
    }
    next(null, payload);
  });
}

/** Clients that set a content type on every request send it without a body too. */
function acceptEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>(jsonTypes, { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null);
    return void parse(request, body, (error, value) => {
      // After parsing: what is not JSON is told so, and the scan may rely on the rest.
      if (error === null && hasRepeatedName(body)) done(repeatedName());
      else done(error, value);
    });
  });
  app.removeContentTypeParser('text/plain');
}

/** Which of two values a reader takes is anyone's guess: a proxy that checked the first, say, and we that would use the last. */
function repeatedName(): BulkheadError {
  return invalidInput([{ field: 'body', reason: 'has a name twice in one object' }]);
}

function answerError(failed: {
  readonly error: unknown;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: Logger;
}): FastifyReply {
  const { error, request, reply, log } = failed;
  const expected = isBulkheadError(error) && error.status < 500;
  // The id is all that the caller learns of a failure of ours; the line with the same id says the rest.
  if (!expected)
    log.error({ request_id: request.id, route: request.routeOptions.url, err: error }, 'request failed');
  return sendProblem(reply, error, request.id);
}

function sendProblem(reply: FastifyReply, error: unknown, requestId: string): FastifyReply {
  const { status, headers, body } = toProblem(error, requestId);
  return reply.code(status).headers(headers).send(JSON.stringify(body));
}

/** What Node's parser gives up on is answered in the same form, and the connection ends: nothing after it can be trusted. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: import('node:net').Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = toProblem(
    new BulkheadError('request_invalid', { reason: 'not a well-formed HTTP request' }),
    toRequestId(undefined),
  );
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    connection: 'close',
    'content-length': `${Buffer.byteLength(text)}`,
  });
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
  );
}
