import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { namesIsolation, parseIsolation, type Placement } from '../../core/placement.ts';
import type { Plan } from '../../core/plan.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import { assertNotRestoring } from '../backup/order.ts';
import { begin } from '../begin.ts';
import type { MoveInput, MoveReceipt, Moves } from '../moves.ts';
import { runConfirm, runRollBack } from './ends.ts';
import { previewTargets, surveyMove } from './plan.ts';
import { toConfirmedMove, toMoveReceipt } from './receipt.ts';
import { runMove } from './run.ts';
import { readMoveStatus, readUnconfirmed } from './status.ts';
import { isAt, parseOrder, placedBy, toJournalInput, type MoveDeps, type MoveOrder } from './work.ts';

export interface MoveOperations extends Moves {
  /** Goes on with a move, or the end of one, that another process has begun. */
  readonly resumeMove: (operation: Operation, actor: Actor) => Promise<void>;
}

export function createMoves(deps: MoveDeps): MoveOperations {
  const { operations } = deps;

  const beginOrder = async (tenant: Tenant, order: MoveOrder, actor: Actor): Promise<Operation> =>
    await begin(operations, { tenant: tenant.id, kind: 'move', input: toJournalInput(order) }, actor);

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
    const parsed = await parseMove(deps, input);
    const { tenant } = parsed;
    const { phase, from } = await readMoveStatus(operations, tenant.id);
    if (phase === 'unconfirmed')
      throw new BulkheadError('transition_refused', {
        tenant: tenant.id,
        reason: `its last move, of ${toKinds(from)}, is neither confirmed nor taken back`,
      });
    await assertNotRestoring(operations, tenant.id);
    const { order } = await withoutThoseThere(deps, parsed);
    const operation = await beginOrder(tenant, order, actor);
    return { operation, ended: run(operation, actor) };
  };

  return {
    async planMove(input) {
      const parsed = await parseMove(deps, input);
      const { order, to } = await withoutThoseThere(deps, parsed);
      const { tenant } = parsed;
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
      const operation = await beginOrder(tenant, confirm, actor);
      await run(operation, actor);
      return toConfirmedMove(await reread(operation));
    },

    async rollBackMove(id, actor) {
      const tenant = await readTenant(deps, id);
      const { operation: moved, order, status } = await readUnconfirmed(operations, id);
      const isolation = order.from.find(namesIsolation)?.isolation ?? tenant.isolation;
      const back: MoveOrder = {
        ...order,
        action: 'roll_back',
        isolation,
        from: status.to,
        to: order.from,
        of: moved.id,
      };
      return await run(await beginOrder(tenant, back, actor), actor);
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
  if (tenant === undefined || tenant.state === 'deleted') throw new BulkheadError('tenant_not_found');
  return tenant;
}

async function readPlan({ registry }: MoveDeps, tenant: Tenant): Promise<Plan> {
  const plan = await registry.plans.read(tenant.plan);
  if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: tenant.plan });
  return plan;
}

interface ParsedMove {
  readonly tenant: Tenant;
  readonly plan: Plan;
  readonly order: MoveOrder;
}

/** Compartments are moved apart from one another, so some may be at the wanted place already: those stay out of it. */
async function withoutThoseThere(
  deps: MoveDeps,
  { tenant, plan, order }: ParsedMove,
): Promise<{ readonly order: MoveOrder; readonly to: readonly Placement[] }> {
  const to = await previewTargets(deps, { tenant, plan, order });
  const from = order.from.filter((placement) => !isAt(placement, to));
  // With nothing left to move, the survey says so.
  if (from.length === 0) return { order, to };
  return { order: { ...order, from }, to: to.filter((placement) => !isAt(placement, order.from)) };
}

/** The placements of the compartments that are meant; all where none is named. @throws request_invalid */
function chooseSources(
  { compartments }: MoveDeps,
  { placements }: Tenant,
  only: MoveInput['only'],
): readonly Placement[] {
  const served = placements.filter(({ compartment }) =>
    compartments.some(({ kind }) => kind === compartment),
  );
  if (only === undefined) return served;
  const refuse = (reason: string): never => {
    throw new BulkheadError('request_invalid', { field: 'only', reason });
  };
  if (only.length === 0) refuse('name a compartment, or leave it out to move all');
  for (const kind of only)
    if (!served.some(({ compartment }) => compartment === kind))
      refuse(`the tenant has no place in a compartment ${kind}; it has one in ${toKinds(served)}`);
  return served.filter(({ compartment }) => only.includes(compartment));
}

function toKinds(placements: readonly Placement[]): string {
  return placements.map(({ compartment }) => compartment).join(', ');
}

/** Everything that can be wrong with a wish to move, found before anything is written. */
async function parseMove(deps: MoveDeps, input: MoveInput): Promise<ParsedMove> {
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
    from: chooseSources(deps, tenant, input.only),
    to: [],
    of: undefined,
  } as const;
  return { tenant, plan, order };
}
