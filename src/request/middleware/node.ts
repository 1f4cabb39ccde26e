import type { IncomingMessage, ServerResponse } from 'node:http';
import { readNodeHeaders } from '../call.ts';
import type { Call } from '../call.ts';
import type { Entry, Outcome, RequestPath } from '../path.ts';
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

/**
 * Ends the request with its connection: work of a caller who went away is aborted, and the path is left in any case.
 * It is metered when the answer is about to end, and where no answer ends, when the connection does.
 */
export function leaveWith(
  response: ServerResponse,
  entry: Entry,
  leaving: { readonly path: RequestPath; readonly node: NodeCall },
): void {
  const { path, node } = leaving;
  let sizeBytes = 0;
  const outcome = (status: Outcome['status']): Outcome => ({
    status,
    durationMs: performance.now() - node.startedMs,
    sizeBytes,
  });
  let isMetered = false;
  const meter = (status: Outcome['status']): void => {
    if (isMetered) return;
    isMetered = true;
    path.meter(entry, outcome(status));
  };
  const end = response.end.bind(response) as (...given: unknown[]) => ServerResponse;
  response.end = (...args: unknown[]): ServerResponse => {
    sizeBytes = toSizeBytes(args[0]);
    meter(toStatus(response.statusCode));
    return end(...args);
  };
  response.once('close', () => {
    const complete = response.writableFinished;
    if (!complete) node.controller.abort();
    const status = complete ? toStatus(response.statusCode) : 'aborted';
    meter(status);
    path.audit(entry, outcome(status));
  });
}

/** Of an answer that is sent in one piece. What was streamed before the end is not counted. */
function toSizeBytes(last: unknown): number {
  if (typeof last === 'string') return Buffer.byteLength(last);
  return ArrayBuffer.isView(last) ? last.byteLength : 0;
}

function toStatus(statusCode: number): 'served' | 'failed' {
  return statusCode < 500 ? 'served' : 'failed';
}
