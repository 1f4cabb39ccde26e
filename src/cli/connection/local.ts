import type { Bulkhead } from '../../bulkhead.ts';
import type { Config } from '../../config.ts';
import type { Actor } from '../../core/scope.ts';
import { createBulkhead } from '../../create-bulkhead.ts';
import { contract } from '../../client/contract.ts';
import type { Operation } from '../../client/operation.ts';
import type { CallInput } from '../../client/index.ts';
import { createCacheControlHandlers } from '../../server/handlers/cache.ts';
import { createAdviceHandler } from '../../server/handlers/advice.ts';
import { createCostHandlers } from '../../server/handlers/costs.ts';
import { createDomainHandlers } from '../../server/handlers/domains.ts';
import { createArchiveHandlers } from '../../server/handlers/archives.ts';
import { createBackupHandlers } from '../../server/handlers/backups.ts';
import { createFleetHandlers } from '../../server/handlers/fleet.ts';
import { createKeyHandlers } from '../../server/handlers/keys.ts';
import { createPlatformHandlers } from '../../server/handlers/platform.ts';
import { createPriceHandlers } from '../../server/handlers/prices.ts';
import { createTenantHandlers } from '../../server/handlers/tenants.ts';
import { createSecretHandlers } from '../../server/handlers/knowledge.ts';
import { createUsageHandlers } from '../../server/handlers/usage.ts';
import { createVerificationHandlers } from '../../server/handlers/verifications.ts';
import { openVerifications } from '../../server/index.ts';
import { createGrantHandlers } from '../../server/handlers/umbrella.ts';
import type { OperatorHandlers } from '../../server/handlers/handler.ts';
import { parseInput } from '../../server/validate.ts';
import { readVersion } from '../version.ts';
import type { Operator, OperatorCall } from './operator.ts';

/** Whoever can open the database is its operator already: no token is asked for. */
const actor: Actor = { kind: 'operator', id: 'cli' };

/** The node in this process. @throws what `createBulkhead` throws */
export async function openLocal(config: Config): Promise<Operator & { readonly node: Bulkhead }> {
  const node = await createBulkhead({ config });
  const handlers: OperatorHandlers = {
    ...createTenantHandlers(node),
    ...createKeyHandlers(node),
    ...createPlatformHandlers(node),
    ...createFleetHandlers(node),
    ...createUsageHandlers(node),
    ...createPriceHandlers(node),
    ...createCostHandlers(node),
    ...createAdviceHandler(node),
    ...createArchiveHandlers(node),
    ...createBackupHandlers(node),
    ...createCacheControlHandlers(node),
    ...createGrantHandlers(node),
    ...createDomainHandlers(node),
    ...createSecretHandlers(node),
    ...createVerificationHandlers(node, openVerifications(node, await readVersion())),
  };
  return {
    node,
    place: config.databaseUrl === undefined ? `the data folder ${config.dataDir}` : 'the database itself',
    async call(name, input) {
      return await handlers[name](toInput(name, input) as never, actor);
    },
    receiveArchive: async (exported) => (await node.lifecycle.readExport(exported)).bytes,
    sendArchive: async (content) => (await node.lifecycle.receiveArchive(content)).archive,
    [Symbol.asyncDispose]: () => node.close(),
  };
}

/** Through the same schemas as a request over HTTP, so that the same input is refused in the same words. */
function toInput<Name extends OperatorCall>(name: Name, input: CallInput<Name>): unknown {
  const operation: Operation = contract[name];
  const { query, body } = operation;
  return {
    params: input.params,
    query: query === undefined ? undefined : parseInput(query, input.query, 'query'),
    body: body === undefined ? undefined : parseInput(body, input.body, 'body'),
  };
}
