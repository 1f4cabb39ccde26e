import type { z } from 'zod';
import type { Contract, Input, JsonOperationName, OperationName, Output } from './contract.ts';
import { BulkheadHttpError, readHttpError } from './http-error.ts';
import { routes } from './routes.ts';

export interface ClientOptions {
  /** Such as `http://127.0.0.1:7070`; a path in it is kept, for servers behind one. */
  readonly url: string;
  /** The operator token for the control plane, an API key for a tenant's own data. */
  readonly token: string;
  /** Default 30 s; provisioning a database of its own takes longer than anything else. */
  readonly timeoutMs?: number;
  /** Default: the global one. */
  readonly fetch?: (url: URL, init: RequestInit) => Promise<Response>;
}

/** What a call is given: fields with defaults may be left out. */
export interface CallInput<Name extends OperationName> {
  readonly params: Input<Name>['params'];
  readonly query: Contract[Name] extends { readonly query: infer Query extends z.ZodType }
    ? z.input<Query>
    : undefined;
  readonly body: Contract[Name] extends { readonly body: infer Body extends z.ZodType }
    ? z.input<Body>
    : undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** A name for this request: sent again with the same one, it is done once. For operations that create. */
  readonly idempotencyKey?: string | undefined;
}

/** Performs any operation of the contract by its name. @throws BulkheadHttpError */
export type Transport = <Name extends JsonOperationName>(
  name: Name,
  input: CallInput<Name>,
  options?: CallOptions,
) => Promise<Output<Name>>;

const defaultTimeoutMs = 30_000;

/** One request, whatever its body. @throws BulkheadHttpError for every answer that is no success */
export type Sender = (
  name: OperationName,
  request: {
    readonly params: Readonly<Record<string, string>>;
    readonly query: unknown;
    readonly body?: NonNullable<RequestInit['body']> | Uint8Array | undefined;
    readonly contentType?: string | undefined;
  },
  options?: CallOptions,
) => Promise<Response>;

export function createSender(options: ClientOptions): Sender {
  const base = options.url.endsWith('/') ? options.url : `${options.url}/`;
  const send = options.fetch ?? ((url: URL, init: RequestInit) => fetch(url, init));
  return async (name, request, { signal, idempotencyKey } = {}) => {
    const { method, path } = routes[name];
    const timeout = AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs);
    const init = {
      method,
      headers: {
        ...toHeaders(options.token, request.contentType),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': toQuoted(idempotencyKey) }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      redirect: 'error',
      ...(request.body === undefined ? {} : { body: request.body, duplex: 'half' }),
    } as RequestInit;
    const response = await answered(() => send(toUrl(base, path, request), init));
    if (!response.ok) throw await readHttpError(response);
    return response;
  };
}

export function createTransport(send: Sender): Transport {
  return async <Name extends JsonOperationName>(
    name: Name,
    input: CallInput<Name>,
    options?: CallOptions,
  ): Promise<Output<Name>> => {
    const { params, query, body } = input;
    const json = body === undefined ? {} : { body: JSON.stringify(body), contentType: 'application/json' };
    const response = await send(name, { params, query, ...json }, options);
    const text = await answered(() => response.text());
    // CSV, a page or Markdown, where the caller has asked for it.
    const isText =
      response.headers.get('content-type')?.startsWith('text/') === true && isFormatted(input.query);
    return (isText ? text : parseResult(text, response)) as Output<Name>;
  };
}

/** Something else that answers with a page is not taken for us. */
function isFormatted(query: unknown): boolean {
  const { format = 'json' } = (query ?? {}) as { readonly format?: string };
  return format !== 'json';
}

function toUrl(
  base: string,
  path: string,
  input: { readonly params: Readonly<Record<string, string>>; readonly query: unknown },
): URL {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => toSegment(input.params[name] ?? ''));
  const url = new URL(filled.slice(1), base);
  for (const [name, value] of Object.entries(
    (input.query ?? {}) as Record<string, string | number | undefined>,
  ))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

/** One segment, whatever is in it. URLs take `.` and `..` for steps even when encoded, so those are encoded twice: no name of ours. */
function toSegment(value: string): string {
  return /^\.{1,2}$/.test(value) ? value.replaceAll('.', '%252E') : encodeURIComponent(value);
}

function toHeaders(token: string, contentType: string | undefined): Record<string, string> {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
  return contentType === undefined ? headers : { ...headers, 'content-type': contentType };
}

/** A string of RFC 8941. */
function toQuoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

async function answered<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (cause) {
    throw new BulkheadHttpError(
      {
        code: 'unreachable',
        status: 0,
        title: 'The server does not answer',
        detail: toReason(cause),
        retry: 'later',
        retryAfterMs: undefined,
        requestId: undefined,
        fields: [],
      },
      { cause },
    );
  }
}

/** Such as ECONNREFUSED, which fetch hides in the cause of a `TypeError: fetch failed`. */
function toReason(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, message } = (error.cause ?? {}) as { code?: unknown; message?: unknown };
  return [code, message].find((reason) => typeof reason === 'string') ?? error.message;
}

export function parseResult(text: string, response: Response): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new BulkheadHttpError(
      {
        code: 'unexpected',
        status: response.status,
        title: "The answer is not one of Bulkhead's",
        detail: 'it is not JSON',
        retry: 'after_change',
        retryAfterMs: undefined,
        requestId: undefined,
        fields: [],
      },
      { cause },
    );
  }
}
