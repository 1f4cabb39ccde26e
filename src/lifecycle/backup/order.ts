import { BulkheadError } from '../../core/errors.ts';
import type { CompartmentKind, Placement } from '../../core/placement.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Operation, OperationStore } from '../../registry/registry.ts';
import { isPassing } from '../archive/work.ts';
import type { RestoreStatus, SetDifference } from '../backups.ts';
import { placedBy, toPlacements } from '../move/work.ts';
import { stagedOf } from './stage.ts';

/** What an operation of kind `restore` does: the staging, or one of the three things that can follow it. */
export const restoreActions = ['stage', 'swap', 'confirm', 'roll_back'] as const;
export type RestoreAction = (typeof restoreActions)[number];

export interface RestoreOrder {
  readonly action: RestoreAction;
  readonly backup: string;
  /** Where the tenant's own data was when it was staged. */
  readonly from: readonly Placement[];
  /** Where the backup is; a staging knows it from its own journal. */
  readonly to: readonly Placement[];
  /** The staging that this follows. */
  readonly of: string | undefined;
}

export function toRestoreInput(order: RestoreOrder): Readonly<Record<string, unknown>> {
  return { ...order, of: order.of ?? null };
}

/** @throws internal for an input that Bulkhead did not write */
export function parseRestoreOrder({ input, tenant, id }: Operation): RestoreOrder {
  const action = restoreActions.find((each) => each === input['action']);
  const { backup, of } = input;
  if (action === undefined || typeof backup !== 'string')
    throw new BulkheadError('internal', { reason: 'unreadable journal of a restore', operation: id });
  return {
    action,
    backup,
    from: toPlacements(input['from'], tenant),
    to: toPlacements(input['to'], tenant),
    of: typeof of === 'string' ? of : undefined,
  };
}

const lookedAt = 1_000;

const running = {
  stage: 'staging',
  swap: 'swapping',
  confirm: 'confirming',
  roll_back: 'rolling_back',
} as const;
const done = { stage: 'staged', swap: 'swapped', confirm: 'confirmed', roll_back: 'rolled_back' } as const;

const never: RestoreStatus = {
  phase: 'none',
  backup: undefined,
  operation: undefined,
  from: [],
  to: [],
  differences: [],
  untouched: [],
};

/** What the journal says of the tenant's last restore; it is the only memory of it. */
export async function readRestoreStatus(
  operations: OperationStore,
  tenant: TenantId,
): Promise<RestoreStatus> {
  const all = (await operations.list({ tenant, limit: lookedAt }))
    .filter(({ kind }) => kind === 'restore')
    .map((operation) => ({ operation, order: parseRestoreOrder(operation) }));
  const staged = all.find(({ order }) => order.action === 'stage');
  if (staged === undefined) return never;
  const { operation, order } = staged;
  const placed = placedBy(operation);
  const to = stagedOf(order.from, placed);
  const way = {
    backup: order.backup,
    from: order.from.filter(({ compartment }) => to.some((each) => each.compartment === compartment)),
    to,
    differences: differencesOf(operation),
    untouched: untouchedOf(order.from, to),
  };
  const following = all.filter((each) => each.order.of === operation.id);
  const now = [...following, staged].find((each) => each.operation.state === 'running');
  if (now !== undefined) return { ...way, phase: running[now.order.action], operation: now.operation };
  // One that failed has changed nothing: what was before it still is.
  const last = following.find((each) => each.operation.state === 'done');
  if (last !== undefined) return { ...way, phase: done[last.order.action], operation: last.operation };
  return { ...way, phase: operation.state === 'done' ? 'staged' : 'failed', operation };
}

function differencesOf({ steps }: Operation): readonly SetDifference[] {
  return steps.flatMap(({ name, result }) =>
    // Written by `differingSteps`, and by nobody else.
    name.startsWith('diff ') ? (result as readonly SetDifference[]) : [],
  );
}

function untouchedOf(from: readonly Placement[], to: readonly Placement[]): readonly CompartmentKind[] {
  return from
    .map(({ compartment }) => compartment)
    .filter((kind) => !isPassing(kind) && !to.some(({ compartment }) => compartment === kind));
}

/** @throws transition_refused while the tenant has data in a second place because of a restore */
export async function assertNotRestoring(operations: OperationStore, tenant: TenantId): Promise<void> {
  const { phase } = await readRestoreStatus(operations, tenant);
  if (phase === 'staged' || phase === 'swapped')
    throw new BulkheadError('transition_refused', {
      tenant,
      reason: `a restore of it is ${phase}; confirm it or take it back first`,
    });
}
