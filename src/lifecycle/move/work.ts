import type { Compartment } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseIsolation, type Isolation, type Placement } from '../../core/placement.ts';
import type { Relocation } from '../../core/relocation.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation, Registry } from '../../registry/registry.ts';
import type { JournalDeps } from '../journal.ts';

export interface MoveDeps extends JournalDeps {
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
  readonly clock: { monotonicMs(): number };
}

/** What an operation of kind `move` does: the move itself, or one of its two ends. */
export type MoveAction = 'move' | 'confirm' | 'roll_back';

/** What the journal knows of a move before its first step; all that another process needs to go on with it. */
export interface MoveOrder {
  readonly action: MoveAction;
  readonly isolation: Isolation;
  readonly server: string | undefined;
  /** Where the tenant was when the operation began, in the compartments that are moved and no others. */
  readonly from: readonly Placement[];
  /** Known from the start for the two ends; else it comes with the steps that place. */
  readonly to: readonly Placement[];
  /** The move that is confirmed or taken back. */
  readonly of: string | undefined;
}

export interface MoveWork {
  readonly tenant: Tenant;
  readonly operation: Operation;
  readonly order: MoveOrder;
  readonly actor: Actor;
}

export function toJournalInput(order: MoveOrder): Readonly<Record<string, unknown>> {
  const { action, isolation, server, from, to, of } = order;
  return { action, isolation, server: server ?? null, from, to, of: of ?? null };
}

/** @throws internal for an input that Bulkhead did not write */
export function parseOrder({ input, tenant, id }: Operation): MoveOrder {
  const actions: readonly MoveAction[] = ['move', 'confirm', 'roll_back'];
  const action = actions.find((each) => each === input['action']);
  const isolation = parseIsolation(input['isolation']);
  const server = input['server'];
  const of = input['of'];
  if (action === undefined || isolation === undefined)
    throw new BulkheadError('internal', { reason: 'unreadable journal of a move', operation: id });
  return {
    action,
    isolation,
    server: typeof server === 'string' ? server : undefined,
    from: toPlacements(input['from'], tenant),
    to: toPlacements(input['to'], tenant),
    of: typeof of === 'string' ? of : undefined,
  };
}

/** Placements as a journal has kept them. */
export function toPlacements(raw: unknown, tenant: Placement['tenant']): readonly Placement[] {
  return (Array.isArray(raw) ? raw : []).flatMap((each: unknown) => parsePlacement(each, tenant) ?? []);
}

function parsePlacement(raw: unknown, tenant: Placement['tenant']): Placement | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { compartment, isolation, container } = raw as Partial<Placement>;
  const parsed = parseIsolation(isolation);
  return compartment === undefined || parsed === undefined || typeof container !== 'string'
    ? undefined
    : { tenant, compartment, isolation: parsed, container };
}

/** Placements a move has made so far, from its journal. */
export function placedBy(operation: Operation): readonly Placement[] {
  return operation.steps.flatMap(({ name, result }) =>
    name.startsWith('place ') ? (parsePlacement(result, operation.tenant) ?? []) : [],
  );
}

/** Whether one of the others is the same container of the same compartment. */
export function isAt({ compartment, container }: Placement, others: readonly Placement[]): boolean {
  return others.some((other) => other.compartment === compartment && other.container === container);
}

/** The compartments that are moved: those that an order says a tenant is in. */
export function toMoved({ compartments }: MoveDeps, { from }: MoveOrder): readonly Compartment[] {
  return compartments.filter(({ kind }) => from.some(({ compartment }) => compartment === kind));
}

/** One relocation a compartment, for those whose target is known. */
export function toRelocations(
  deps: MoveDeps,
  way: { readonly from: readonly Placement[]; readonly to: readonly Placement[] },
): readonly Relocation[] {
  return deps.compartments.flatMap((compartment) => {
    const from = way.from.find((placement) => placement.compartment === compartment.kind);
    const to = way.to.find((placement) => placement.compartment === compartment.kind);
    return from === undefined || to === undefined ? [] : [compartment.move(from, to)];
  });
}
