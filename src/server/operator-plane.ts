import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Bulkhead } from '../bulkhead.ts';
import { contract } from '../client/contract.ts';
import type { OperationOf } from '../client/contract.ts';
import type { Operation } from '../client/operation.ts';
import { BulkheadError } from '../core/errors.ts';
import type { Actor } from '../core/scope.ts';
import { readNodeHeaders } from '../request/call.ts';
import type { CallHeaders } from '../request/call.ts';
import { parseBearer } from '../request/credential.ts';
import { createCacheControlHandlers } from './handlers/cache.ts';
import { createAdviceHandler } from './handlers/advice.ts';
import { createCostHandlers } from './handlers/costs.ts';
import { createDomainHandlers } from './handlers/domains.ts';
import { createArchiveHandlers } from './handlers/archives.ts';
import { createBackupHandlers } from './handlers/backups.ts';
import { createFleetHandlers } from './handlers/fleet.ts';
import { createKeyHandlers } from './handlers/keys.ts';
import { createSecretHandlers } from './handlers/knowledge.ts';
import { createPlatformHandlers } from './handlers/platform.ts';
import { createPriceHandlers } from './handlers/prices.ts';
import { createTenantHandlers } from './handlers/tenants.ts';
import { createUsageHandlers } from './handlers/usage.ts';
import { createVerificationHandlers } from './handlers/verifications.ts';
import type { OperatorHandlers } from './handlers/handler.ts';
import { onceOnly } from './repeatable.ts';
import { createGrantHandlers } from './handlers/umbrella.ts';
import { acceptBytes, readInput, sendResult, toFastifyPath } from './route.ts';
import type { RawInput } from './route.ts';
import type { TenantMetrics } from './tenant-metrics.ts';
import { invalidInput } from './validate.ts';
import type { Verifications } from './verifications.ts';

const operator: Actor = Object.freeze({ kind: 'operator', id: 'operator' });

export interface OperatorParts {
  readonly tenantMetrics: Pick<TenantMetrics, 'render'>;
  readonly verifications: Verifications;
}

/** The control plane: for the operator's token alone, and never inside a tenant's scope. */
export function addOperatorPlane(
  app: FastifyInstance,
  bulkhead: Bulkhead,
  { tenantMetrics, verifications }: OperatorParts,
): void {
  const handlers: OperatorHandlers = {
    ...createTenantHandlers(bulkhead),
    ...createKeyHandlers(bulkhead),
    ...createDomainHandlers(bulkhead),
    ...createPlatformHandlers(bulkhead),
    ...createFleetHandlers(bulkhead),
    ...createUsageHandlers(bulkhead),
    ...createPriceHandlers(bulkhead),
    ...createCostHandlers(bulkhead),
    ...createAdviceHandler(bulkhead),
    ...createArchiveHandlers(bulkhead),
    ...createBackupHandlers(bulkhead),
    ...createCacheControlHandlers(bulkhead),
    ...createGrantHandlers(bulkhead),
    ...createSecretHandlers(bulkhead),
    ...createVerificationHandlers(bulkhead, verifications),
  };
  void app.register((plane, _options, done) => {
    plane.addHook('onRequest', async (request, reply) => {
      await assertOperator(bulkhead, readNodeHeaders(request.raw.rawHeaders));
      void reply.headers({
        'cache-control': 'private, no-store',
        'x-content-type-options': 'nosniff',
      });
    });
    const serve = ({ request, reply, name, operation, handle }: Served): Promise<unknown> => {
      const input = readInput(operation, request);
      const repeatable = { principal: `operator:${operator.id}`, name, operation, input };
      return onceOnly({ store: bulkhead.registry.idempotency, request, reply }, repeatable, () =>
        handle(input, operator),
      );
    };
    // Names of tenants: not for everybody who may read /metrics.
    plane.get('/metrics/tenants', (_request, reply) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(tenantMetrics.render()),
    );
    for (const name of Object.keys(handlers) as readonly OperationOf<'operator'>[]) {
      const operation: Operation = contract[name];
      // Input and handler belong to the same name; the type system cannot follow a union through the table.
      const handle = handlers[name] as (input: RawInput, actor: Actor) => Promise<unknown>;
      const route: RouteOptions = {
        method: operation.method,
        url: toFastifyPath(operation.path),
        handler: async (request, reply) =>
          sendResult(operation, reply, await serve({ request, reply, name, operation, handle })),
        config: { bytes: operation.bytes },
      };
      if (operation.bytes !== 'upload') plane.route(route);
      else
        void plane.register((bytes, _inner, ready) => {
          acceptBytes(bytes);
          bytes.route(route);
          ready();
        });
    }
    done();
  });
}

interface Served {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly name: string;
  readonly operation: Operation;
  readonly handle: (input: RawInput, actor: Actor) => Promise<unknown>;
}

/** @throws request_invalid · unauthenticated, the same whatever was wrong; an API key opens nothing here */
async function assertOperator(
  { registry }: Bulkhead,
  { authorization, repeated }: CallHeaders,
): Promise<void> {
  if (repeated !== undefined)
    throw invalidInput([{ field: repeated, reason: 'the header was sent more than once' }]);
  const token = authorization === undefined ? undefined : parseBearer(authorization);
  const genuine = token?.startsWith('bho_') === true && (await registry.operators.verify(token));
  if (!genuine)
    throw new BulkheadError('unauthenticated', {
      hint: 'send the operator token as Authorization: Bearer',
    });
}
