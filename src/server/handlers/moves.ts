import type { Bulkhead } from '../../bulkhead.ts';
import type { MoveView } from '../../client/schemas/moves.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import { toConfirmedMove, toMoveReceipt } from '../../lifecycle/move/receipt.ts';
import type { MovePlan, MoveStatus } from '../../lifecycle/moves.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';

type MoveHandlers = Pick<
  OperatorHandlers,
  'moveTenant' | 'getMove' | 'confirmMove' | 'rollBackMove' | 'cancelMove'
>;

export function createMoveHandlers({ registry, lifecycle }: Bulkhead): MoveHandlers {
  const idOf = async (named: string): Promise<TenantId> => (await findTenant(registry.tenants, named)).id;
  const view = async (id: TenantId): Promise<MoveView> => toMoveView(await lifecycle.moveOf(id));
  return {
    async moveTenant({ params, body }, actor) {
      const { isolation, server, only, dryRun } = body;
      const input = { tenant: await idOf(params.tenant), isolation, server, only };
      if (dryRun) return toPlannedView(await lifecycle.planMove(input));
      const { ended } = await lifecycle.beginMove(input, actor);
      // The caller watches it by GET; how it ended is in the journal.
      ended.catch(() => undefined);
      return await view(input.tenant);
    },

    getMove: async ({ params }) => await view(await idOf(params.tenant)),

    async confirmMove({ params }, actor) {
      const id = await idOf(params.tenant);
      await lifecycle.confirmMove(id, actor);
      return await view(id);
    },

    async rollBackMove({ params }, actor) {
      const id = await idOf(params.tenant);
      await lifecycle.rollBackMove(id, actor);
      return await view(id);
    },

    async cancelMove({ params }) {
      const id = await idOf(params.tenant);
      await lifecycle.cancelMove(id);
      return await view(id);
    },
  };
}

const nothing = {
  progress: null,
  plan: null,
  receipt: null,
  erased: null,
  failure: null,
} as const;

function toPlannedView(plan: MovePlan): MoveView {
  const { estimatedMs, risks, refusals } = plan;
  return {
    ...nothing,
    phase: 'planned',
    operation: null,
    from: toPlaces(plan.from),
    to: toPlaces(plan.to),
    plan: {
      rows: Number(plan.rows),
      sizeBytes: Number(plan.sizeBytes),
      estimatedMs,
      parts: plan.parts.map(({ part, count, sizeBytes }) => ({
        part,
        count: Number(count),
        sizeBytes: Number(sizeBytes),
      })),
      risks: [...risks],
      refusals: [...refusals],
    },
  };
}

function toMoveView({ phase, operation, from, to }: MoveStatus): MoveView {
  const places = { from: toPlaces(from), to: toPlaces(to) };
  if (operation === undefined) return { ...nothing, phase, operation: null, ...places };
  const receipt = toMoveReceipt(operation, { from, to });
  const { rows, hashes, writePauseMs, durationMs } = receipt;
  const isMoved = phase === 'unconfirmed' || phase === 'rolled_back';
  const erased = Object.entries(toConfirmedMove(operation).erased);
  return {
    ...nothing,
    phase,
    operation: operation.id,
    ...places,
    progress: operation.progress === undefined ? null : { ...operation.progress },
    receipt: isMoved ? { rows: Number(rows), hashes: { ...hashes }, writePauseMs, durationMs } : null,
    erased:
      erased.length === 0
        ? null
        : Object.fromEntries(
            erased.map(([kind, { removed, left, notCovered }]) => [
              kind,
              { removed: Number(removed), left: Number(left), notCovered: [...notCovered] },
            ]),
          ),
    failure: operation.failure === undefined ? null : { ...operation.failure },
  };
}

function toPlaces(placements: readonly Placement[]): MoveView['from'] {
  return placements.map(({ compartment, isolation, container }) => ({ compartment, isolation, container }));
}
