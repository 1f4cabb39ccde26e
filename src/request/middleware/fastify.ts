import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { clear, peekScope, tenantScope } from '../../core/scope.ts';
import { createDoor } from './door.ts';
import type { Answer, Door, DoorNode, DoorOptions } from './door.ts';
import { entryOf, keepEntry } from './entries.ts';
import { leaveWith, readNodeCall } from './node.ts';
import type { NodeCall } from './node.ts';

export type FastifyBulkhead = (app: FastifyInstance, options: unknown, done: () => void) => void;

type Done = (error?: Error) => void;

/**
 * Plugin that puts every route of the instance it is registered on into the caller's tenant.
 * A request that is refused is answered here, as an RFC 9457 problem; the application does not see it.
 */
export function fastifyBulkhead(node: DoorNode, options: DoorOptions = {}): FastifyBulkhead {
  const door = createDoor(node, options);
  const plugin: FastifyBulkhead = (app, _options, done) => {
    app.addHook('onRequest', (request, reply, next) => {
      const nodeCall = readNodeCall(request.raw, request.id);
      const answer = door.knock(nodeCall.call);
      const go = (known: Answer): void => proceed(known, { door, nodeCall, request, reply, next });
      if (answer instanceof Promise) void answer.then(go);
      else go(answer);
    });
    app.addHook('preValidation', (request, _reply, next) => enterAgain(request, next));
    app.addHook('onError', (request, _reply, _error, next) => enterAgain(request, next));
    done();
  };
  // Fastify's own mark for a plugin whose hooks belong to the instance it is registered on, not to a child of it.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

/** Fastify goes on from the events of the body, which Node emits outside any scope. */
function enterAgain(request: FastifyRequest, next: Done): void {
  const entry = entryOf(request);
  if (entry === undefined || peekScope() === entry.scope) next();
  else tenantScope(entry.scope, () => next());
}

interface Visit {
  readonly door: Door;
  readonly nodeCall: NodeCall;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly next: Done;
}

function proceed(answer: Answer, visit: Visit): void {
  const { door, nodeCall, request, reply, next } = visit;
  switch (answer.kind) {
    case 'public':
      clear(() => next());
      return;
    case 'turned_away':
      void reply.code(answer.response.status).headers(answer.response.headers).send(answer.response.body);
      return;
    case 'enter':
      keepEntry(request, answer.entry);
      void reply.headers(door.headersOf(answer.entry));
      leaveWith(reply.raw, answer.entry, { path: door.path, node: nodeCall });
      if (request.routeOptions.handlerTimeout > 0) abortWithTimeout(request, nodeCall.controller);
      door.path.serve(answer.entry, () => next());
  }
}

/** Fastify answers for a handler that takes too long, and leaves it running. */
function abortWithTimeout(request: FastifyRequest, controller: AbortController): void {
  const { signal } = request;
  signal.addEventListener(
    'abort',
    () => {
      const { code } = (signal.reason ?? {}) as { code?: unknown };
      if (code === 'FST_ERR_HANDLER_TIMEOUT') controller.abort();
    },
    { once: true },
  );
}
