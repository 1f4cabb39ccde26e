import { contract, type Operation } from '../../client/contract.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Operator } from './operator.ts';

export function openRemote(server: { readonly url: string; readonly token: string }): Operator {
  return {
    place: `the server at ${server.url}`,
    async call(name, request) {
      const operation: Operation = contract[name];
      const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, key: string) =>
        encodeURIComponent((request.params as Record<string, string>)[key] ?? ''),
      );
      const url = new URL(path, server.url);
      for (const [k, v] of Object.entries((request.query ?? {}) as Record<string, unknown>))
        if (v !== undefined) url.searchParams.set(k, String(v));
      const response = await fetch(url, {
        method: operation.method,
        headers: {
          authorization: `Bearer ${server.token}`,
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      });
      const body = (await response.json()) as any;
      if (!response.ok)
        throw new BulkheadError(body.code, {
          reason: body.detail,
          field: body.field,
          requestId: body.requestId,
        });
      return body;
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
