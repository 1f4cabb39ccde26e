import type { FastifyInstance } from 'fastify';
import type { Bulkhead } from '../bulkhead.ts';
import { contract } from '../client/contract.ts';
import type { OperationOf } from '../client/contract.ts';
import type { Operation } from '../client/operation.ts';
import { BulkheadError } from '../core/errors.ts';
import type { IdempotencyStore } from '../registry/idempotency.ts';
import type { TurnedAway } from '../request/middleware/door.ts';
import { entryOf } from '../request/middleware/entries.ts';
import { fastifyBulkhead } from '../request/middleware/fastify.ts';
import { createCacheHandlers } from './handlers/cache.ts';
import { createDocumentHandlers } from './handlers/documents.ts';
import { createKnowledgeHandlers } from './handlers/knowledge.ts';
import { createMeHandler } from './handlers/me.ts';
import { createObjectHandlers } from './handlers/objects.ts';
import { createOwnUsageHandlers } from './handlers/usage.ts';
import type { TenantHandlers, Visit } from './handlers/handler.ts';
import { onceOnly, type Work } from './repeatable.ts';
import { createUmbrellaHandlers } from './handlers/umbrella.ts';
import { acceptBytes, readInput, sendResult, toFastifyPath } from './route.ts';
import type { RawInput } from './route.ts';

/** Where the same operations stand when the path names the tenant. */
const pathPrefix = '/api/tenants/:tenant';

/** The tenant plane, behind the same middleware that applications use. */
export function addTenantPlane(
  app: FastifyInstance,
  bulkhead: Bulkhead,
  listeners: { readonly refused: (refused: TurnedAway) => void },
): void {
  const handlers: TenantHandlers = {
    ...createMeHandler(bulkhead),
    ...createOwnUsageHandlers(bulkhead),
    ...createDocumentHandlers(bulkhead),
    ...createCacheHandlers(bulkhead),
    ...createUmbrellaHandlers(bulkhead),
    ...createObjectHandlers(bulkhead),
    ...createKnowledgeHandlers(bulkhead),
  };
  const store = bulkhead.registry.idempotency;
  const prefixes = bulkhead.config.hints.includes('path') ? ['', pathPrefix] : [''];
  void app.register((plane, _options, done) => {
    // Nothing is public below: what is, stands beside this plane and not in it.
    void plane.register(fastifyBulkhead(bulkhead, { publicPaths: [], ...listeners }));
    const names = Object.keys(handlers) as readonly OperationOf<'tenant'>[];
    const isUpload = (name: OperationOf<'tenant'>): boolean => toOperation(name).bytes === 'upload';
    const add = (to: FastifyInstance, some: readonly OperationOf<'tenant'>[]): void => {
      for (const prefix of prefixes) for (const name of some) addRoute(to, { prefix, name, handlers, store });
    };
    add(
      plane,
      names.filter((name) => !isUpload(name)),
    );
    void plane.register((uploads, _none, ready) => {
      acceptBytes(uploads);
      add(uploads, names.filter(isUpload));
      ready();
    });
    done();
  });
}

const toOperation = (name: OperationOf<'tenant'>): Operation => contract[name];

interface TenantRoute {
  readonly prefix: string;
  readonly name: OperationOf<'tenant'>;
  readonly handlers: TenantHandlers;
  readonly store: IdempotencyStore;
}

function addRoute(plane: FastifyInstance, { prefix, name, handlers, store }: TenantRoute): void {
  const operation = toOperation(name);
  // Input and handler belong to the same name; the type system cannot follow a union through the table.
  const handle = handlers[name] as (input: RawInput, visit: Visit) => Promise<unknown>;
  plane.route({
    method: operation.method,
    url: `${prefix}${toFastifyPath(operation.path)}`,
    config: { bytes: operation.bytes },
    handler: async (request, reply) => {
      const entry = entryOf(request);
      if (entry === undefined) throw new BulkheadError('scope_missing');
      const { scope, principal } = entry;
      const input = readInput(operation, request);
      const work: Work = (reserved) => handle(input, { scope, key: principal.key, reserved });
      const result = await (operation.repeats === undefined
        ? work(undefined)
        : onceOnly(
            { store, request, reply },
            { principal: `${scope.tenantId}:${scope.actor.kind}:${scope.actor.id}`, name, operation, input },
            work,
          ));
      return sendResult(operation, reply, result);
    },
  });
}
