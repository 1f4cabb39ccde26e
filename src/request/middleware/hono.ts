import { clear } from '../../core/scope.ts';
import { readFetchHeaders } from '../call.ts';
import type { Call } from '../call.ts';
import type { Entry, Outcome } from '../path.ts';
import { createDoor, toRequestId } from './door.ts';
import type { Door, DoorNode, DoorOptions } from './door.ts';
import { keepEntry } from './entries.ts';

/** The part of Hono's `Context` that is used here. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  readonly res: Response;
  readonly error?: Error | undefined;
  header(name: string, value: string): void;
  set(key: string, value: unknown): void;
}

export type HonoMiddleware = (
  context: HonoContext,
  next: () => Promise<void>,
) => Promise<Response | undefined>;

/**
 * Middleware that puts everything after it into the caller's tenant; the scope is also `c.get('scope')`.
 * A request that is refused is answered here, as an RFC 9457 problem; the application does not see it.
 */
export function honoBulkhead(node: DoorNode, options: DoorOptions = {}): HonoMiddleware {
  const door = createDoor(node, options);
  return async (context, next) => {
    const startedMs = performance.now();
    const answer = await door.knock(readFetchCall(context.req.raw));
    if (answer.kind === 'turned_away') {
      const { status, headers, body } = answer.response;
      return new Response(JSON.stringify(body), { status, headers });
    }
    if (answer.kind === 'public') await clear(next);
    else await serve(door, answer.entry, { context, next, startedMs });
    return undefined;
  };
}

async function serve(
  door: Door,
  entry: Entry,
  visit: {
    readonly context: HonoContext;
    readonly next: () => Promise<void>;
    readonly startedMs: number;
  },
): Promise<void> {
  const { context, next, startedMs } = visit;
  keepEntry(context.req.raw, entry);
  context.set('scope', entry.scope);
  let status: Outcome['status'] = 'failed';
  try {
    await door.path.serve(entry, next);
    // Hono turns what a handler throws into a response and keeps the error here.
    status = context.error === undefined ? 'served' : 'failed';
    // Afterwards: a response that a handler made itself has none of the headers that were set before it.
    for (const [name, value] of Object.entries(door.headersOf(entry)))
      if (!context.res.headers.has(name)) context.header(name, value);
  } finally {
    door.path.leave(entry, {
      status: entry.scope.signal.aborted ? 'aborted' : status,
      durationMs: performance.now() - startedMs,
    });
  }
}

function readFetchCall(request: Request): Call {
  const { url, headers, signal } = request;
  const pathAt = url.indexOf('/', url.indexOf('://') + 3);
  return {
    url: pathAt === -1 ? '/' : url.slice(pathAt),
    headers: readFetchHeaders(headers),
    requestId: toRequestId(headers.get('x-request-id')),
    signal,
  };
}
