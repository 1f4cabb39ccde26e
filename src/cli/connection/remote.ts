import { BulkheadHttpError, createClient } from '../../client/index.ts';
import { BulkheadError } from '../../core/errors.ts';
import { CliFailure, type CliFailureCode } from '../failure.ts';
import type { Operator } from './operator.ts';

/** Provisioning a database of its own takes longer than anything else. */
const timeoutMs = 120_000;
/** Files take as long as they are large. */
const fileTimeoutMs = 86_400_000;

export function openRemote(server: { readonly url: string; readonly token: string }): Operator {
  const client = createClient({ ...server, timeoutMs });
  const { archives } = createClient({ ...server, timeoutMs: fileTimeoutMs });
  const asked = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await ask();
    } catch (error) {
      throw error instanceof BulkheadHttpError ? toLocalError(error, server.url) : error;
    }
  };
  return {
    place: `the server at ${server.url}`,
    call: (name, input) => asked(() => client.call(name, input)),
    receiveArchive: (exported) => asked(() => archives.receive(exported)),
    sendArchive: (content) => asked(async () => (await archives.send(ReadableStream.from(content))).archive),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Errors of the connection rather than of the request, and what to do about each. */
const connectionFailures: Partial<
  Record<BulkheadHttpError['code'], { readonly code: CliFailureCode; readonly hint: string }>
> = {
  unreachable: {
    code: 'server_unreachable',
    hint: 'start it with: bulkhead serve, or correct --url or BULKHEAD_URL',
  },
  unexpected: {
    code: 'server_unreachable',
    hint: 'something else answers there, or a proxy stands between: correct --url',
  },
  unauthenticated: {
    code: 'token_refused',
    hint: 'pass the token of that server: --token, BULKHEAD_OPERATOR_TOKEN, or its --data-dir',
  },
};

/** The same error as if the node were in this process, so that it is told in the same words. */
function toLocalError(error: BulkheadHttpError, url: string): Error {
  const failure = connectionFailures[error.code];
  const { code, detail, title, fields, requestId } = error;
  if (failure !== undefined || code === 'unreachable' || code === 'unexpected')
    return new CliFailure(
      failure?.code ?? 'server_unreachable',
      { reason: `${url}: ${detail ?? title}`, hint: failure?.hint ?? 'correct --url' },
      { cause: error },
    );
  return new BulkheadError(code, { reason: detail, field: fields[0]?.field, requestId }, { cause: error });
}
