import type { IncomingMessage, ServerResponse } from 'node:http';
import { readNodeHeaders } from '../call.ts';
import type { Call } from '../call.ts';
import type { Entry, RequestPath } from '../path.ts';
import { toRequestId } from './door.ts';

/** A request of Node's http server, and what tells its work that nobody waits for it any more. */
export interface NodeCall {
  readonly call: Call;
  readonly controller: AbortController;
  readonly startedMs: number;
}

/** @param knownId the id that the framework gave the request, if it gives any */
export function readNodeCall(
  request: IncomingMessage & { originalUrl?: string },
  knownId?: string,
): NodeCall {
  const controller = new AbortController();
  return {
    controller,
    startedMs: performance.now(),
    call: {
      // Express rewrites `url` below a mounted router; the tenant in the path is in what was received.
      url: request.originalUrl ?? request.url ?? '',
      headers: readNodeHeaders(request.rawHeaders),
      requestId: toRequestId(request.headers['x-request-id'], knownId),
      signal: controller.signal,
    },
  };
}

/** Ends the request with its connection: work of a caller who went away is aborted, and the path is left in any case. */
export function leaveWith(
  response: ServerResponse,
  entry: Entry,
  leaving: { readonly path: RequestPath; readonly node: NodeCall },
): void {
  const { path, node } = leaving;
  response.once('close', () => {
    const complete = response.writableFinished;
    if (!complete) node.controller.abort();
    path.leave(entry, {
      status: complete ? toStatus(response.statusCode) : 'aborted',
      durationMs: performance.now() - node.startedMs,
    });
  });
}

function toStatus(statusCode: number): 'served' | 'failed' {
  return statusCode < 500 ? 'served' : 'failed';
}
