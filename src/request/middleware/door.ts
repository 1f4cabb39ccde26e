import type { ErrorCode } from '../../core/errors.ts';
import { newRequestId, parseRequestId } from '../../core/ids.ts';
import type { RequestId } from '../../core/ids.ts';
import type { Call } from '../call.ts';
import { toPath } from '../hints.ts';
import { chain } from '../maybe.ts';
import type { Maybe } from '../maybe.ts';
import { createRequestPath } from '../path.ts';
import type { Entry, PathNode, PathSettings, RequestPath } from '../path.ts';
import { toProblem } from '../problem.ts';
import type { ProblemResponse } from '../problem.ts';
import { toError } from '../refusal.ts';

export interface DoorNode extends PathNode {
  readonly config: PathNode['config'] & { readonly tenantHeaderInResponse: boolean };
}

export interface DoorOptions extends PathSettings {
  /** Paths that are served without a tenant, and so without tenant data. Compared exactly, as received. */
  readonly publicPaths?: readonly string[];
  /** Told of every request that is turned away; for counters, and for the log where the fault is ours. */
  readonly refused?: (refused: TurnedAway) => void;
}

export interface TurnedAway {
  readonly code: ErrorCode;
  readonly requestId: RequestId;
  /** What stands behind it; not for the caller. */
  readonly error: unknown;
}

export const defaultPublicPaths: readonly string[] = Object.freeze([
  '/health',
  '/health/live',
  '/health/ready',
  '/metrics',
  '/api/auth/login',
  '/api/auth/register',
  '/api/tenants/create',
]);

export type Answer =
  | { readonly kind: 'enter'; readonly entry: Entry }
  | { readonly kind: 'public' }
  | { readonly kind: 'turned_away'; readonly response: ProblemResponse };

/** What the three middlewares share: everything but how their framework is spoken to. */
export interface Door {
  readonly path: RequestPath;
  /** Never throws, never rejects. */
  knock(call: Call): Maybe<Answer>;
  /** Headers that every answer on tenant data carries. */
  headersOf(entry: Entry): Readonly<Record<string, string>>;
}

export function createDoor(node: DoorNode, options: DoorOptions = {}): Door {
  const path = createRequestPath(node, options);
  const publicPaths = new Set(options.publicPaths ?? defaultPublicPaths);
  const turnAway = (error: unknown, call: Call): Answer => {
    // A node that cannot tell whether the caller may come in turns them away too: not knowing is no permission.
    const response = toProblem(error, call.requestId);
    options.refused?.({ code: response.body.code, requestId: call.requestId, error });
    return { kind: 'turned_away', response };
  };
  const enter = (call: Call): Maybe<Answer> =>
    chain(path.enter(call), (verdict) =>
      verdict.kind === 'allowed' ? { kind: 'enter', entry: verdict.value } : turnAway(toError(verdict), call),
    );
  return {
    path,
    knock(call) {
      if (publicPaths.has(toPath(call.url))) return { kind: 'public' };
      try {
        const answer = enter(call);
        return answer instanceof Promise ? answer.catch((error: unknown) => turnAway(error, call)) : answer;
      } catch (error) {
        return turnAway(error, call);
      }
    },
    headersOf: (entry) => ({
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'x-request-id': entry.scope.requestId,
      'bulkhead-isolation': entry.scope.isolationLevel,
      'bulkhead-overhead-ms': entry.overheadMs.toFixed(3),
      ...entry.headers,
      ...(node.config.tenantHeaderInResponse ? { 'x-tenant-id': entry.scope.tenantId } : {}),
    }),
  };
}

/**
 * The caller's own id where it is well formed, else the framework's, else a new one; it goes into logs and headers.
 */
export function toRequestId(sent: unknown, known?: string): RequestId {
  return parseRequestId(sent) ?? parseRequestId(known) ?? newRequestId();
}
