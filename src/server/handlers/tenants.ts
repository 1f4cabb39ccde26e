import type { Bulkhead } from '../../bulkhead.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { SettingsView } from '../../client/schemas/tenants.ts';
import { toTenantView } from '../views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';
import { createLeavingHandlers } from './leaving.ts';
import { createMoveHandlers } from './moves.ts';

type TenantHandlers = Pick<
  OperatorHandlers,
  | 'createTenant'
  | 'listTenants'
  | 'getTenant'
  | 'changeTenant'
  | 'suspendTenant'
  | 'resumeTenant'
  | 'moveTenant'
  | 'getMove'
  | 'confirmMove'
  | 'rollBackMove'
  | 'cancelMove'
  | 'offboardTenant'
  | 'cancelOffboarding'
  | 'eraseTenant'
  | 'getErasure'
  | 'huntTenant'
  | 'listErasures'
  | 'importErasures'
  | 'listOrphans'
  | 'removeOrphan'
  | 'getSettings'
  | 'changeSettings'
>;

export function createTenantHandlers(bulkhead: Bulkhead): TenantHandlers {
  const { registry, lifecycle } = bulkhead;
  const { tenants, settings, plans } = registry;
  const readSettings = async (id: TenantId): Promise<SettingsView> => ({ settings: await settings.all(id) });
  return {
    ...createMoveHandlers(bulkhead),
    ...createLeavingHandlers(bulkhead),

    async createTenant({ body }, actor) {
      const { tenant, operation, readyInMs } = await lifecycle.create(body, actor);
      return { ...toTenantView(tenant), operation: operation.id, readyInMs };
    },

    async listTenants({ query }) {
      const page = await tenants.list(query);
      return { items: page.tenants.map(toTenantView), nextCursor: page.nextCursor ?? null };
    },

    async getTenant({ params }) {
      return toTenantView(await findTenant(tenants, params.tenant));
    },

    async changeTenant({ params, body }, actor) {
      const tenant = await findTenant(tenants, params.tenant);
      await assertPlanAllows(plans, body.plan, tenant.isolation);
      const { name, plan, features } = body;
      const change = {
        ...(name === undefined ? {} : { name }),
        ...(plan === undefined ? {} : { plan }),
        ...(features === undefined ? {} : { features }),
      };
      return toTenantView(await tenants.update(tenant.id, change, actor));
    },

    async suspendTenant({ params }, actor) {
      const { id } = await findTenant(tenants, params.tenant);
      return toTenantView(await lifecycle.suspend(id, actor));
    },

    async resumeTenant({ params }, actor) {
      const { id } = await findTenant(tenants, params.tenant);
      return toTenantView(await lifecycle.resume(id, actor));
    },

    async getSettings({ params }) {
      const { id } = await findTenant(tenants, params.tenant);
      return readSettings(id);
    },

    async changeSettings({ params, body }, actor) {
      const { id } = await findTenant(tenants, params.tenant);
      await settings.change(id, body, actor);
      return readSettings(id);
    },
  };
}

/** A cheaper plan must not keep a dearer plan's container: the tenant is moved first, then its plan is changed. */
async function assertPlanAllows(
  plans: Bulkhead['registry']['plans'],
  idOrAlias: string | undefined,
  isolation: 'shared' | 'schema' | 'database' | 'dedicated',
): Promise<void> {
  if (idOrAlias === undefined) return;
  const plan = await plans.read(idOrAlias);
  if (plan === undefined) throw new BulkheadError('plan_unknown', { field: 'plan' });
  if (!plan.isolations.includes(isolation))
    throw new BulkheadError('isolation_unavailable', {
      field: 'plan',
      reason: `plan ${plan.id} does not include the isolation ${isolation} that the tenant has; move it first`,
    });
}
