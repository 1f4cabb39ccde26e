import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Bulkhead } from '../bulkhead.ts';
import type { AttackedNode, Front } from '../verify/attack/node.ts';
import type { OpenFront, Tamper, TamperedRequest } from '../verify/faults/fault.ts';
import type { Logger } from './logging.ts';
import type { BulkheadServer, ServerOptions } from './server.ts';

type Create = (bulkhead: Bulkhead, options: ServerOptions) => BulkheadServer;

/** Longer than any run logs; a server that is attacked is attacked for a minute. */
const maxLogLength = 64 * 2 ** 20;

/** Servers on the loopback for being attacked: over the node's parts as they are given, with their log kept. */
export function createFrontOpener(bulkhead: Bulkhead, createServer: Create): OpenFront {
  return async (node, tamper) => {
    let log = '';
    const server = createServer(toBulkhead(bulkhead, node), {
      logTo: {
        write(line: string) {
          if (log.length < maxLogLength) log += line;
        },
      },
      ...(tamper === undefined ? {} : { prepare: (app, to) => plant(app, { tamper, log: to }) }),
    });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const front: Front = {
      url,
      log: () => log,
      [Symbol.asyncDispose]: () => server.close(),
    };
    return front;
  };
}

function toBulkhead(bulkhead: Bulkhead, node: AttackedNode): Bulkhead {
  const config = Object.freeze({ ...bulkhead.config, logLevel: 'info' as const, drainMs: 0 });
  const { concurrency: _limited, ...rest } = { ...bulkhead, ...(node as Partial<Bulkhead>) };
  return {
    ...rest,
    config,
    // A refusal by rate would be taken for a wall, and nobody is charged for being attacked.
    limits: undefined,
    checks: [],
    meters: [],
    // The node is somebody else's, and goes on when the server that was attacked is gone.
    close: () => Promise.resolve(),
  };
}

function plant(
  app: FastifyInstance,
  { tamper, log }: { readonly tamper: Tamper; readonly log: Logger },
): void {
  app.addHook('onRequest', (request, reply, next) => {
    const answer = tamper.request?.(toTampered(request));
    if (answer === undefined) next();
    else
      void reply
        .code(answer.status)
        .headers(answer.headers ?? {})
        .send(answer.text);
  });
  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (tamper.answer === undefined || (typeof payload !== 'string' && payload !== null)) return payload;
    const before = { status: reply.statusCode, text: payload ?? '' };
    const { status, text, headers } = await tamper.answer(toTampered(request), before, (line) =>
      log.info({ note: line }, 'tampered'),
    );
    reply.code(status).headers(headers ?? {});
    return payload === null ? payload : text;
  });
}

function toTampered({ raw }: FastifyRequest): TamperedRequest {
  return {
    method: raw.method ?? 'GET',
    url: raw.url ?? '/',
    rawHeaders: raw.rawHeaders,
    connection: raw.socket,
  };
}
