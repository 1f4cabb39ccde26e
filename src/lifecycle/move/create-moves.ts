import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { parseIsolation } from '../../core/placement.ts';
import type { Plan } from '../../core/plan.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import type { MoveInput, MoveReceipt, Moves } from '../moves.ts';
import { runConfirm, runRollBack } from './ends.ts';
import { previewTargets, surveyMove } from './plan.ts';
import { toConfirmedMove, toMoveReceipt } from './receipt.ts';
import { runMove } from './run.ts';
import { readMoveStatus, readUnconfirmed } from './status.ts';
import { parseOrder, placedBy, toJournalInput, type MoveDeps, type MoveOrder } from './work.ts';

export interface MoveOperations extends Moves {
  /** Goes on with a move, or the end of one, that another process has begun. */
  readonly resumeMove: (operation: Operation, actor: Actor) => Promise<void>;
}

export function createMoves(deps: MoveDeps): MoveOperations {
  const { operations } = deps;

  const begin = async (tenant: Tenant, order: MoveOrder, actor: Actor): Promise<Operation> =>
    await operations.begin({ tenant: tenant.id, kind: 'move', input: toJournalInput(order) }, actor);

  const reread = async ({ id }: Operation): Promise<Operation> => {
    const operation = await operations.read(id);
    if (operation === undefined) throw new BulkheadError('internal', { reason: 'an operation is gone' });
    return operation;
  };

  const run = async (operation: Operation, actor: Actor): Promise<MoveReceipt> => {
    const order = parseOrder(operation);
    const tenant = await readTenant(deps, operation.tenant);
    const work = { tenant, operation, order, actor };
    if (order.action === 'move') await runMove(deps, work, await readPlan(deps, tenant));
    else if (order.action === 'confirm') await runConfirm(deps, work);
    else await runRollBack(deps, work);
    const ended = await reread(operation);
    const to = order.action === 'move' ? placedBy(ended) : order.to;
    return toMoveReceipt(ended, { from: order.from, to });
  };

  const beginMove: Moves['beginMove'] = async (input, actor) => {
    const { tenant, order } = await parseMove(deps, input);
    const { phase } = await readMoveStatus(operations, tenant.id);
    if (phase === 'unconfirmed')
      throw new BulkheadError('transition_refused', {
        tenant: tenant.id,
        reason: 'its last move is neither confirmed nor taken back',
      });
    const operation = await begin(tenant, order, actor);
    return { operation, ended: run(operation, actor) };
  };

  return {
    async planMove(input) {
      const { tenant, plan, order } = await parseMove(deps, input);
      const to = await previewTargets(deps, { tenant, plan, order });
      const { isolation, from } = order;
      return { tenant: tenant.id, isolation, from, to, ...(await surveyMove(deps, { from, to })) };
    },

    beginMove,

    async move(input, actor) {
      const { ended } = await beginMove(input, actor);
      return await ended;
    },

    async confirmMove(id, actor) {
      const tenant = await readTenant(deps, id);
      const { operation: moved, order, status } = await readUnconfirmed(operations, id);
      const confirm: MoveOrder = { ...order, action: 'confirm', to: status.to, of: moved.id };
      const operation = await begin(tenant, confirm, actor);
      await run(operation, actor);
      return toConfirmedMove(await reread(operation));
    },

    async rollBackMove(id, actor) {
      const tenant = await readTenant(deps, id);
      const { operation: moved, order, status } = await readUnconfirmed(operations, id);
      const isolation = order.from[0]?.isolation ?? tenant.isolation;
      const back: MoveOrder = {
        ...order,
        action: 'roll_back',
        isolation,
        from: status.to,
        to: order.from,
        of: moved.id,
      };
      return await run(await begin(tenant, back, actor), actor);
    },

    async cancelMove(id) {
      const { phase, operation } = await readMoveStatus(operations, id);
      if (phase !== 'moving' || operation === undefined)
        throw new BulkheadError('transition_refused', {
          tenant: id,
          reason: 'the tenant is not being moved',
        });
      await operations.requestCancel(operation.id);
    },

    moveOf: (id) => readMoveStatus(operations, id),
    resumeMove: async (operation, actor) => void (await run(operation, actor)),
  };
}

async function readTenant({ registry }: MoveDeps, id: TenantId): Promise<Tenant> {
  const tenant = await registry.tenants.read(id);
  if (tenant === undefined) throw new BulkheadError('tenant_not_found');
  return tenant;
}

async function readPlan({ registry }: MoveDeps, tenant: Tenant): Promise<Plan> {
  const plan = await registry.plans.read(tenant.plan);
  if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: tenant.plan });
  return plan;
}

/** Everything that can be wrong with a wish to move, found before anything is written. */
async function parseMove(
  deps: MoveDeps,
  input: MoveInput,
): Promise<{ readonly tenant: Tenant; readonly plan: Plan; readonly order: MoveOrder }> {
  const isolation = parseIsolation(input.isolation);
  if (isolation === undefined)
    throw new BulkheadError('request_invalid', {
      field: 'isolation',
      reason: 'one of shared, schema, database, dedicated',
    });
  const tenant = await readTenant(deps, input.tenant);
  if (tenant.state !== 'active' && tenant.state !== 'suspended')
    throw new BulkheadError('transition_refused', {
      state: tenant.state,
      reason: `a tenant that is ${tenant.state} cannot be moved`,
    });
  const plan = await readPlan(deps, tenant);
  if (!plan.isolations.includes(isolation))
    throw new BulkheadError('isolation_unavailable', {
      field: 'isolation',
      reason: `plan ${plan.id} allows ${plan.isolations.join(', ')}`,
    });
  const { server } = input;
  const order = {
    action: 'move',
    isolation,
    server,
    from: tenant.placements,
    to: [],
    of: undefined,
  } as const;
  return { tenant, plan, order };
}
