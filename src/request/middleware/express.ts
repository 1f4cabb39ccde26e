import type { IncomingMessage, ServerResponse } from 'node:http';
import { clear, tenantScope } from '../../core/scope.ts';
import type { Entry } from '../path.ts';
import type { ProblemResponse } from '../problem.ts';
import { createDoor } from './door.ts';
import type { Answer, Door, DoorNode, DoorOptions } from './door.ts';
import { keepEntry } from './entries.ts';
import { leaveWith, readNodeCall } from './node.ts';
import type { NodeCall } from './node.ts';

type Next = (error?: unknown) => void;

/** Fits Express, Connect and plain `node:http`. */
export type ExpressMiddleware = (
  request: IncomingMessage & { originalUrl?: string },
  response: ServerResponse,
  next: Next,
) => void;

/**
 * Middleware that puts everything after it into the caller's tenant. Add it before any other that reads data or logs.
 * A request that is refused is answered here, as an RFC 9457 problem; the application does not see it.
 */
export function expressBulkhead(node: DoorNode, options: DoorOptions = {}): ExpressMiddleware {
  const door = createDoor(node, options);
  return (request, response, next) => {
    const nodeCall = readNodeCall(request);
    const answer = door.knock(nodeCall.call);
    const go = (known: Answer): void => proceed(known, { door, nodeCall, request, response, next });
    if (answer instanceof Promise) void answer.then(go);
    else go(answer);
  };
}

interface Visit {
  readonly door: Door;
  readonly nodeCall: NodeCall;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly next: Next;
}

function proceed(answer: Answer, visit: Visit): void {
  const { door, nodeCall, request, response, next } = visit;
  switch (answer.kind) {
    case 'public':
      clear(() => next());
      return;
    case 'turned_away':
      answerProblem(response, answer.response);
      return;
    case 'enter': {
      const { entry } = answer;
      keepEntry(request, entry);
      response.setHeaders(new Map(Object.entries(door.headersOf(entry))));
      leaveWith(response, entry, { path: door.path, node: nodeCall });
      listenInside(request, entry);
      door.path.serve(entry, () => next());
    }
  }
}

/** Body parsers go on from the request's events, which Node emits outside any scope. */
function listenInside(request: IncomingMessage, { scope }: Entry): void {
  const emit = request.emit.bind(request);
  request.emit = (...event: Parameters<typeof emit>) => tenantScope(scope, () => emit(...event));
}

function answerProblem(response: ServerResponse, problem: ProblemResponse): void {
  response.writeHead(problem.status, problem.headers).end(JSON.stringify(problem.body));
}
