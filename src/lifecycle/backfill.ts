import type { Clock } from '../core/clock.ts';
import type { Compartment } from '../core/compartment.ts';
import { BulkheadError, isBulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Placement } from '../core/placement.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { Operation, Registry } from '../registry/registry.ts';
import { placedBy } from './move/work.ts';
import { runSteps, StepFailed, toCallerError, toFailure, type JournalDeps, type Step } from './journal.ts';

export interface BackfillDeps extends JournalDeps {
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** What one pass over the tenants did. */
export interface BackfillPass {
  readonly filled: number;
  /** Whether every live tenant has a place in every compartment now, as far as this node could see. */
  readonly isComplete: boolean;
}

/** Gives tenants their place in compartments that are younger than they are. */
export interface Backfill {
  /** One bounded pass over all live tenants; two at once are one. */
  backfill(): Promise<BackfillPass>;
  /** Somebody asks for this tenant now: it need not wait for its turn. Returns at once and never throws. */
  backfillSoon(tenant: Pick<Tenant, 'id' | 'placements'>): void;
  /** Begins nothing more, and waits for what has begun. */
  stopBackfill(): Promise<void>;
}

export interface BackfillOperations extends Backfill {
  /** Goes on with one that another process has begun. */
  readonly resumeBackfill: (operation: Operation, actor: Actor) => Promise<void>;
}

const backfiller: Actor = { kind: 'system', id: 'backfill' };

const atOnce = 4;
/** So that a pass over very many tenants ends, and what else waits for its turn has it. */
const passMs = 10_000;
/** A tenant whose own backfill failed is not tried again by every pass. */
const restMs = 300_000;
/** Nor by every request. */
const askedAgainMs = 15_000;
const askedAtMost = 10_000;

export function createBackfill(deps: BackfillDeps): BackfillOperations {
  const { compartments, clock } = deps;
  const asked = new Map<TenantId, number>();
  const running = new Set<Promise<unknown>>();
  let pass: Promise<BackfillPass> | undefined;
  let isStopped = false;

  const tracked = <T>(work: Promise<T>): Promise<T> => {
    running.add(work);
    const forget = (): void => void running.delete(work);
    work.then(forget, forget);
    return work;
  };

  const fillAsked = async ({ id, placements }: Pick<Tenant, 'id' | 'placements'>): Promise<void> => {
    for (const compartment of missing(compartments, placements))
      if (!isStopped) await fill(deps, id, compartment).catch(() => undefined);
  };

  return {
    backfill() {
      const untilMs = clock.monotonicMs() + passMs;
      pass ??= tracked(fillAll(deps, () => isStopped || clock.monotonicMs() > untilMs)).finally(() => {
        pass = undefined;
      });
      return pass;
    },

    backfillSoon(tenant) {
      // The same answer for almost every request, so it is found by counting.
      if (isStopped || tenant.placements.length >= compartments.length) return;
      const nowMs = clock.monotonicMs();
      if (nowMs - (asked.get(tenant.id) ?? Number.NEGATIVE_INFINITY) < askedAgainMs) return;
      if (asked.size >= askedAtMost) asked.clear();
      asked.set(tenant.id, nowMs);
      void tracked(fillAsked(tenant));
    },

    async stopBackfill() {
      isStopped = true;
      await Promise.allSettled(running);
    },

    async resumeBackfill(operation, actor) {
      const kind = operation.input['compartment'];
      const compartment = compartments.find((each) => each.kind === kind);
      if (compartment === undefined)
        throw new BulkheadError('internal', { reason: 'this node has no such compartment' });
      await run(deps, { tenant: operation.tenant, compartment, operation, actor });
    },
  };
}

async function fillAll(deps: BackfillDeps, isEnded: () => boolean): Promise<BackfillPass> {
  const passes: BackfillPass[] = [];
  for (const compartment of deps.compartments) passes.push(await fillOne(deps, compartment, isEnded));
  return {
    filled: passes.reduce((sum, { filled }) => sum + filled, 0),
    isComplete: passes.every(({ isComplete }) => isComplete),
  };
}

/** All tenants in one compartment. A store that does not answer ends it: nobody else's place could be made either. */
async function fillOne(
  deps: BackfillDeps,
  compartment: Compartment,
  isEnded: () => boolean,
): Promise<BackfillPass> {
  const { tenants } = deps.registry;
  const tried = new Set<TenantId>();
  let filled = 0;
  for (;;) {
    const lacking = await tenants.lacking(compartment.kind, { restMs, limit: tried.size + atOnce });
    const next = lacking.filter((id) => !tried.has(id));
    if (next.length === 0) return { filled, isComplete: lacking.length === 0 };
    if (isEnded()) return { filled, isComplete: false };
    for (const id of next) tried.add(id);
    const ends = await Promise.allSettled(next.map((id) => fill(deps, id, compartment)));
    filled += ends.filter(({ status }) => status === 'fulfilled').length;
    const isDown = ends.some(
      (end) => end.status === 'rejected' && isBulkheadError(end.reason, 'compartment_unreachable'),
    );
    if (isDown) return { filled, isComplete: false };
  }
}

/** Compartments that a tenant has no place in. */
function missing(
  compartments: readonly Compartment[],
  placements: readonly Placement[],
): readonly Compartment[] {
  return compartments.filter(({ kind }) => !placements.some(({ compartment }) => compartment === kind));
}

/** @throws operation_in_progress where something else is being done to the tenant */
async function fill(deps: BackfillDeps, tenant: TenantId, compartment: Compartment): Promise<void> {
  const input = { compartment: compartment.kind };
  const operation = await deps.operations.begin({ tenant, kind: 'backfill', input }, backfiller);
  await run(deps, { tenant, compartment, operation, actor: backfiller });
}

interface Filling {
  readonly tenant: TenantId;
  readonly compartment: Compartment;
  readonly operation: Operation;
  readonly actor: Actor;
}

/** The tenant has its place when it has been made ready, and not before: until then opening it is refused. */
async function run(deps: BackfillDeps, work: Filling): Promise<void> {
  const { operation } = work;
  try {
    await runSteps(deps, operation, await toSteps(deps, work));
  } catch (cause) {
    // Lost to another process, which decides from here on.
    if (isLost(cause)) throw toCallerError(cause);
    if (!(await hasPlace(deps, work))) {
      await undo(deps, work, cause);
      throw toCallerError(cause);
    }
  }
  await deps.operations.end(operation.id, { state: 'done' });
}

async function toSteps(deps: BackfillDeps, work: Filling): Promise<readonly Step[]> {
  const { registry, operations } = deps;
  const { compartment, operation } = work;
  const { kind } = compartment;
  const tenant = await registry.tenants.read(work.tenant);
  if (tenant === undefined) throw new BulkheadError('tenant_not_found');
  const plan = await registry.plans.read(tenant.plan);
  if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: tenant.plan });
  const { id, isolation, region, state } = tenant;
  let [placement] = placedBy(operation);
  const placed = (): Placement => {
    if (placement === undefined)
      throw new BulkheadError('internal', { reason: 'provisioned before placed', kind });
    return placement;
  };
  return [
    {
      name: `place ${kind}`,
      run: async () => {
        placement = await compartment.place({ tenant: id, isolation, region, plan, server: undefined });
        return placement;
      },
    },
    {
      name: `provision ${kind}`,
      run: async () => {
        await compartment.provision(placed(), plan);
        // Whoever is suspended stays so in every store.
        if (state !== 'active') await compartment.seal(placed(), 'sealed');
      },
    },
    {
      name: `admit ${kind}`,
      run: async () => {
        await operations.heartbeat(operation.id);
        await registry.tenants.putPlacement(placed());
      },
    },
  ];
}

function isLost(cause: unknown): boolean {
  return cause instanceof StepFailed && isBulkheadError(cause.cause, 'operation_in_progress');
}

async function hasPlace({ registry }: BackfillDeps, { tenant, compartment }: Filling): Promise<boolean> {
  const now = await registry.tenants.read(tenant);
  return now?.placements.some((placement) => placement.compartment === compartment.kind) === true;
}

/** What cannot be erased now is named in the journal; the next attempt makes it ready and takes it over. */
async function undo(deps: BackfillDeps, { operation, compartment }: Filling, cause: unknown): Promise<void> {
  const failure = toFailure(cause);
  const now = await deps.operations.read(operation.id);
  for (const placement of now === undefined ? [] : placedBy(now)) {
    try {
      await compartment.erase(placement);
    } catch {
      await deps.operations.recordStep(operation.id, 'left behind', { container: placement.container });
      await deps.operations.end(operation.id, { state: 'failed', failure });
      return;
    }
  }
  await deps.operations.end(operation.id, { state: 'rolled_back', failure });
}
