import type { Bulkhead } from '../../bulkhead.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseRowId } from '../../core/ids.ts';
import { toOperationView, toPlanView, toServerView } from '../views.ts';
import type { OperatorHandlers } from './handler.ts';

type PlatformHandlers = Pick<OperatorHandlers, 'listPlans' | 'getOperation' | 'listServers' | 'addServer'>;

export function createPlatformHandlers({ registry }: Bulkhead): PlatformHandlers {
  const { plans, operations, servers } = registry;
  return {
    async listPlans() {
      return { items: (await plans.list()).map(toPlanView) };
    },

    async getOperation({ params }) {
      const id = parseRowId(params.operation);
      const operation = id === undefined ? undefined : await operations.read(id);
      if (operation === undefined) throw new BulkheadError('not_found');
      return toOperationView(operation);
    },

    async listServers() {
      return { items: (await servers.list()).map(toServerView) };
    },

    async addServer({ body }, actor) {
      const { url, name, role, maxConnections, region } = body;
      const server = { name, role, maxConnections, region };
      await servers.add(server, url, actor);
      return toServerView(server);
    },
  };
}
