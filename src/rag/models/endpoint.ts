import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError } from '../../core/errors.ts';

/** Somebody's model, behind an HTTP API of the form that OpenAI's has. */
export interface Endpoint {
  /** Up to and including the version, such as `https://api.example.com/v1`. */
  readonly url: string;
  /** undefined for one that asks for none. Never logged, never in an error. */
  readonly key: string | undefined;
}

export interface PostOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** How often it is tried in all; a request that may have been billed is not repeated but for 429 and 503. */
  readonly attempts: number;
}

const longestWaitMs = 20_000;

/**
 * @returns the answer with status 200, its body unread
 * @throws model_unavailable where the endpoint cannot be reached, refuses, or goes on saying that it is busy · aborted
 */
export async function post(
  endpoint: Endpoint,
  request: { readonly path: string; readonly body: unknown },
  options: PostOptions,
): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await tryOnce(endpoint, request, options);
    if (outcome.kind === 'answered') return outcome.response;
    if (!outcome.again || attempt >= options.attempts) throw outcome.error;
    await pause(outcome.afterMs ?? 250 * 2 ** attempt, options.signal);
  }
}

type Outcome =
  | { readonly kind: 'answered'; readonly response: Response }
  | {
      readonly kind: 'failed';
      readonly error: BulkheadError;
      readonly again: boolean;
      readonly afterMs: number | undefined;
    };

async function tryOnce(
  { url, key }: Endpoint,
  { path, body }: { readonly path: string; readonly body: unknown },
  { signal, timeoutMs }: PostOptions,
): Promise<Outcome> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    if (response.status === 200) return { kind: 'answered', response };
    await response.body?.cancel();
    return refusal(response);
  } catch (cause) {
    if (signal?.aborted === true) throw new BulkheadError('aborted', {}, { cause });
    const reason = limit.aborted
      ? `the model did not answer within ${Math.round(timeoutMs / 1_000)} s`
      : 'the model’s endpoint cannot be reached';
    return failed(new BulkheadError('model_unavailable', { reason }, { cause }), { again: !limit.aborted });
  }
}

/** What it says of itself may hold the caller's text; only its status is passed on. */
function refusal(response: Response): Outcome {
  const { status } = response;
  const again = status === 429 || status === 503 || status === 502;
  const hint =
    status === 401 || status === 403
      ? 'the endpoint does not accept the key that is stored for this tenant'
      : undefined;
  const reason = `the model’s endpoint answered with status ${status}`;
  return failed(new BulkheadError('model_unavailable', { reason, hint, status }), {
    again,
    afterMs: readRetryAfter(response.headers.get('retry-after')),
  });
}

function failed(
  error: BulkheadError,
  { again, afterMs }: { readonly again: boolean; readonly afterMs?: number | undefined },
): Outcome {
  return { kind: 'failed', error, again, afterMs };
}

function readRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

/** With jitter, so that many callers who were refused together do not come back together. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    const waitMs = Math.min(longestWaitMs, ms) * (0.5 + Math.random() / 2);
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new BulkheadError('aborted', {}, { cause });
  }
}
