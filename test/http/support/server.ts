import { Writable } from 'node:stream';
import { expect } from 'vitest';
import type { Bulkhead } from '../../../src/bulkhead.ts';
import type { Isolation } from '../../../src/core/placement.ts';
import type { BulkheadOptions } from '../../../src/create-bulkhead.ts';
import { createServer } from '../../../src/server/index.ts';
import type { BulkheadServer } from '../../../src/server/index.ts';
import { newTestDatabase, newTestNode } from '../../support/node.ts';
import { serviceUrl } from '../../support/services.ts';
import { describedBy } from './described.ts';
import type { Answer, OpenApi } from './described.ts';

export const operatorToken = `bho_${'t'.repeat(43)}`;

export interface Ask {
  /** Sent as a Bearer token. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is text already. */
  readonly body?: unknown;
}

export interface TestTenant {
  readonly id: string;
  readonly slug: string;
  readonly key: string;
  readonly keyId: string;
}

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly node: Bulkhead;
  readonly server: BulkheadServer;
  readonly api: OpenApi;
  /** Every line logged so far. */
  readonly log: readonly string[];
  /** Asks, and fails the test where the answer is not what /openapi.json declares. */
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  operator(method: string, path: string, body?: unknown): Promise<Answer>;
  tenant(
    slug: string,
    fields?: { readonly isolation?: Isolation; readonly plan?: string; readonly parent?: string },
  ): Promise<TestTenant>;
}

/** A server over a node of its own, on a database of its own: Postgres where this run has it, else embedded. */
export async function openTestServer(
  env: Readonly<Record<string, string>> = {},
  setUp: (server: BulkheadServer) => void = () => {},
  options: Pick<BulkheadOptions, 'resolveTxt'> = {},
): Promise<TestServer> {
  const serverUrl = serviceUrl('postgres');
  const database = serverUrl === undefined ? undefined : await newTestDatabase(serverUrl);
  const testNode = await newTestNode({
    ...options,
    ...(database === undefined ? {} : { databaseUrl: database.url }),
    env: { BULKHEAD_LOG_LEVEL: 'info', BULKHEAD_PORT: '0', BULKHEAD_OPERATOR_TOKEN: operatorToken, ...env },
  });
  const log: string[] = [];
  const logTo = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log.push(
        ...chunk
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== ''),
      );
      done();
    },
  });
  const server = createServer(testNode.node, { logTo: { write: (line: string) => void logTo.write(line) } });
  setUp(server);
  const url = await server.listen();
  const api = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
  const described = describedBy(api);

  const ask = async (
    method: string,
    path: string,
    { token, headers = {}, body }: Ask = {},
  ): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = {
      method,
      path,
      status: response.status,
      headers: response.headers,
      text,
      body: parse(text),
    };
    expect(
      described.problemsOf(answer),
      `${method} ${path} → ${answer.status} ${text.slice(0, 300)}`,
    ).toEqual([]);
    return answer;
  };
  const operator = (method: string, path: string, body?: unknown): Promise<Answer> =>
    ask(method, path, { token: operatorToken, body });

  return {
    url,
    port: Number(new URL(url).port),
    node: testNode.node,
    server,
    api,
    log,
    ask,
    operator,
    async tenant(slug, fields = {}) {
      const created = await operator('POST', '/v1/tenants', { slug, name: slug, ...fields });
      expect(created.status, created.text).toBe(201);
      const issued = await operator('POST', `/v1/tenants/${slug}/keys`, { name: 'test' });
      expect(issued.status, issued.text).toBe(201);
      const { id } = created.body as { id: string };
      const { key, id: keyId } = issued.body as { key: string; id: string };
      return { id, slug, key, keyId };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await testNode[Symbol.asyncDispose]();
      await database?.[Symbol.asyncDispose]();
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A problem without what differs from request to request. */
export function withoutRequest(body: unknown): unknown {
  const { requestId: _id, instance: _instance, ...rest } = body as Record<string, unknown>;
  return rest;
}
