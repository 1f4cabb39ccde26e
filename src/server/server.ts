import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DestinationStream } from 'pino';
import type { Bulkhead } from '../bulkhead.ts';
import { BulkheadError, errorTable } from '../core/errors.ts';
import { entryOf } from '../request/middleware/entries.ts';
import { readVersion } from '../version.ts';
import { createApp } from './app.ts';
import { createFrontOpener } from './front.ts';
import { createHealth } from './health.ts';
import { createLogger } from './logging.ts';
import type { Logger } from './logging.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import { toOpenApi } from './openapi.ts';
import { addOperatorPlane } from './operator-plane.ts';
import { addPublicPlane } from './public-plane.ts';
import { BusiestTenants, type TenantMetrics } from './tenant-metrics.ts';
import { addSignedObjects } from './signed-objects.ts';
import { addTenantPlane } from './tenant-plane.ts';
import { createVerifications } from './verifications.ts';

export interface ServerOptions {
  /** Where log lines go; default standard output. */
  readonly logTo?: DestinationStream;
  /** Called before anything is added to the app: hooks added here run before ours. */
  readonly prepare?: (app: FastifyInstance, log: Logger) => void;
}

export interface BulkheadServer {
  /** For adding routes of your own before `listen`; hooks of ours apply to them, the tenant plane's do not. */
  readonly app: FastifyInstance;
  readonly log: Logger;
  /** @returns the address, such as `http://127.0.0.1:7070` · @throws EADDRINUSE and the like, as Node does */
  listen(where?: { readonly host?: string; readonly port?: number }): Promise<string>;
  /** Takes no more requests, waits for those that run (at most `config.drainMs`), then closes the node. Once is enough. */
  close(): Promise<void>;
}

/** The HTTP server over one node: control plane, tenant plane, public pages. */
export function createServer(bulkhead: Bulkhead, options: ServerOptions = {}): BulkheadServer {
  const { config } = bulkhead;
  const log = createLogger(config.logLevel, options.logTo);
  const metrics = createMetrics(bulkhead);
  const tenantMetrics = new BusiestTenants(config.tenantMetrics);
  const version = readVersion();
  const app = createApp(bulkhead, log);
  let closing: Promise<void> | undefined;
  const isDraining = (): boolean => closing !== undefined;

  options.prepare?.(app, log);
  attend(app, { log, metrics, tenantMetrics, isDraining });
  addPublicPlane(app, {
    version,
    metrics,
    health: createHealth(bulkhead, isDraining),
    openApi: toOpenApi(version, config.hints.includes('path')),
  });
  const openFront = createFrontOpener(bulkhead, createServer);
  const verifications = createVerifications(bulkhead, { version, openFront });
  addOperatorPlane(app, bulkhead, { tenantMetrics, verifications });
  addSignedObjects(app, bulkhead);
  addTenantPlane(app, bulkhead, {
    refused({ code, requestId, error }) {
      metrics.refused(code);
      if (errorTable[code].status >= 500) log.error({ request_id: requestId, err: error }, 'request refused');
    },
  });

  return {
    app,
    log,
    async listen({ host = config.host, port = config.port } = {}) {
      await app.listen({ host, port });
      const { address, family, port: bound } = app.server.address() as AddressInfo;
      return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`;
    },
    close() {
      closing ??= drain(app, config.drainMs).then(() => {
        metrics.close();
        return bulkhead.close();
      });
      return closing;
    },
  };
}

interface Attendance {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tenantMetrics: TenantMetrics;
  readonly isDraining: () => boolean;
}

/** One line and one observation a request, when its response is over, whether it was sent or cut off. */
function attend(app: FastifyInstance, to: Attendance): void {
  app.addHook('onRequest', (request, reply, next) => {
    const startedMs = performance.now();
    void reply.header('x-request-id', request.id);
    to.metrics.began();
    reply.raw.once('close', () =>
      record(request, reply, { ...to, durationMs: performance.now() - startedMs }),
    );
    if (to.isDraining() && request.routeOptions.url?.startsWith('/health') !== true)
      next(new BulkheadError('shutting_down'));
    else next();
  });
}

function record(
  request: FastifyRequest,
  reply: FastifyReply,
  to: Attendance & { readonly durationMs: number },
): void {
  const { log, metrics, durationMs } = to;
  const entry = entryOf(request);
  const route = request.routeOptions.url ?? 'unmatched';
  // 499, as proxies have it: the caller went away before the answer was complete.
  const status = reply.raw.writableFinished ? reply.raw.statusCode : 499;
  metrics.ended({
    method: request.method,
    route,
    status,
    durationMs,
    scope: entry?.scope,
    overheadMs: entry?.overheadMs,
  });
  if (entry !== undefined) to.tenantMetrics.ended({ scope: entry.scope, status, durationMs });
  if (!log.isLevelEnabled('info')) return;
  const line = { request_id: request.id, method: request.method, route, status, duration_ms: durationMs };
  log.info(
    entry === undefined ? line : { ...line, tenant_id: entry.scope.tenantId, actor: entry.scope.actor.id },
    'request',
  );
}

async function drain(app: FastifyInstance, drainMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
