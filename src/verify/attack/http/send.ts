import { request } from 'node:http';
import type { Front } from '../node.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const patienceMs = 30_000;

export async function send(
  { url }: Front,
  { method = 'GET', path, key, headers, body }: Sent,
): Promise<Answer> {
  const response = await fetch(new URL(path, url), {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(patienceMs),
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** A header sent twice, which `fetch` will not do. @returns the status */
export async function sendTwice(
  { url }: Front,
  path: string,
  headers: Readonly<Record<string, string | string[]>>,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request(new URL(path, url), { headers, agent: false, timeout: patienceMs }, (response) => {
    response.resume();
    response.once('end', () => resolve(response.statusCode ?? 0));
  });
  sent.once('error', reject);
  sent.end();
  return await promise;
}

/** The request's own id is the one thing in which two equal answers differ. */
export function withoutRequestId({ status, text }: Answer): string {
  const id = /"requestId":"([^"]+)"/.exec(text)?.[1];
  return `${status} ${id === undefined ? text : text.replaceAll(id, '')}`;
}
