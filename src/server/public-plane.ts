import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';
import { docsPage } from './pages/docs-page.ts';
import { homePage } from './pages/home-page.ts';
import type { Page } from './pages/page.ts';

export interface PublicParts {
  readonly version: string;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly openApi: unknown;
}

const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
const jsonType = 'application/json; charset=utf-8';

/** What anyone may read. Matched exactly, by the router; no tenant, and so no tenant data, is in reach here. */
export function addPublicPlane(app: FastifyInstance, parts: PublicParts): void {
  const { version, health, metrics } = parts;
  const openApi = JSON.stringify(parts.openApi);
  const docs = docsPage();
  const home = homePage(version);
  const links = JSON.stringify({
    name: 'bulkhead',
    version,
    docs: '/docs',
    openapi: '/openapi.json',
    health: '/health/ready',
    metrics: '/metrics',
  });
  const sendReadiness = async (reply: FastifyReply): Promise<FastifyReply> => {
    const readiness = await health.ready();
    return reply
      .code(readiness.status === 'ready' ? 200 : 503)
      .headers(headers)
      .type(jsonType)
      .send(JSON.stringify(readiness));
  };

  app.get('/', (request, reply) => {
    const isBrowser = request.headers.accept?.includes('text/html') === true;
    return isBrowser ? sendPage(reply, home) : reply.headers(headers).type(jsonType).send(links);
  });
  app.get('/docs', (_request, reply) => sendPage(reply, docs));
  app.get('/openapi.json', (_request, reply) => reply.headers(headers).type(jsonType).send(openApi));
  app.get('/health', (_request, reply) => sendReadiness(reply));
  app.get('/health/ready', (_request, reply) => sendReadiness(reply));
  app.get('/health/live', (_request, reply) =>
    reply.headers(headers).type(jsonType).send('{"status":"live","parts":{}}'),
  );
  app.get('/metrics', (_request, reply) =>
    reply.headers(headers).type('text/plain; version=0.0.4; charset=utf-8').send(metrics.render()),
  );
}

function sendPage(reply: FastifyReply, page: Page): FastifyReply {
  return reply
    .headers({ ...headers, ...page.headers })
    .type('text/html; charset=utf-8')
    .send(page.html);
}
