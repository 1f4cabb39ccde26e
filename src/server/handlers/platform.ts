import type { Bulkhead } from '../../bulkhead.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseRowId } from '../../core/ids.ts';
import type { OperationPageView } from '../../client/schemas/platform.ts';
import type { OperationQuery } from '../../registry/operation.ts';
import { findTenant } from './find-tenant.ts';
import { toOperationView, toPlanView, toServerView } from '../views.ts';
import type { OperatorHandlers } from './handler.ts';

type PlatformHandlers = Pick<
  OperatorHandlers,
  | 'listPlans'
  | 'cancelOperation'
  | 'getOperation'
  | 'listOperations'
  | 'listTenantOperations'
  | 'listServers'
  | 'addServer'
>;

export function createPlatformHandlers({ registry }: Bulkhead): PlatformHandlers {
  const { plans, operations, servers, tenants } = registry;
  const readPage = async (query: OperationQuery): Promise<OperationPageView> => {
    const page = await operations.page(query);
    return { items: page.operations.map(toOperationView), nextCursor: page.nextCursor ?? null };
  };
  return {
    async listPlans() {
      return { items: (await plans.list()).map(toPlanView) };
    },

    async cancelOperation({ params }) {
      const id = parseRowId(params.operation);
      if (id === undefined) throw new BulkheadError('not_found');
      await operations.requestCancel(id);
      const operation = await operations.read(id);
      if (operation === undefined) throw new BulkheadError('not_found');
      return toOperationView(operation);
    },

    async getOperation({ params }) {
      const id = parseRowId(params.operation);
      const operation = id === undefined ? undefined : await operations.read(id);
      if (operation === undefined) throw new BulkheadError('not_found');
      return toOperationView(operation);
    },

    async listOperations({ query }) {
      return await readPage(query);
    },

    async listTenantOperations({ params, query }) {
      const { id: tenant } = await findTenant(tenants, params.tenant);
      return await readPage({ ...query, tenant });
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
