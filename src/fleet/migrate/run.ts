import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetProver } from '../containers.ts';
import type { SqlRunStore, EndedContainer } from '../store/runs.ts';
import type { MigrationOptions, MigrationScope, RunContainer, WatchRun } from '../fleet.ts';
import { forEachOnServers, type WorkerLimits } from './bounded.ts';
import { takeInventory, type InventoryDeps } from './inventory.ts';
import { toPlan, toPlanned, type FleetPlan, type PlannedWork } from './plan.ts';
import { runUnit, toUnits, type Unit, type UnitDeps } from './unit.ts';

export interface RunDeps extends InventoryDeps, UnitDeps {
  readonly runs: SqlRunStore;
  readonly prove: FleetProver;
  readonly leaseMs: number;
  /** How long the end of a run waits for tenants that are being created. */
  readonly newcomersMs: number;
}

export interface RunInput {
  readonly id: string;
  readonly scope: MigrationScope;
  readonly options: Pick<
    MigrationOptions,
    'abortAfter' | 'pause' | 'workers' | 'workersPerServer' | 'signal'
  >;
  readonly watch: WatchRun;
}

const defaults = { workers: 8, workersPerServer: 3 } as const;

/** Why a run ends before its end. */
type Stop = { readonly state: 'paused' | 'cancelled' | 'lost'; readonly reason: string };

/**
 * Goes over the fleet until nothing is left to do: what the journal has pending, then what has come up since. A container
 * says itself what it has, so that it does not matter where an earlier process was killed.
 */
export class MigrationRun {
  readonly #deps: RunDeps;
  readonly #input: RunInput;
  #total = 0;
  #ended = 0;
  #failed = 0;
  #stop: Stop | undefined;
  readonly #proved = new Set<string>();

  constructor(deps: RunDeps, input: RunInput) {
    this.#deps = deps;
    this.#input = input;
  }

  async go(): Promise<void> {
    const { runs, leaseMs } = this.#deps;
    const { id } = this.#input;
    const beat = setInterval(() => void this.#record([]).catch(() => undefined), leaseMs / 3);
    beat.unref();
    try {
      while (this.#stop === undefined && (await this.#pass())) continue;
      if (this.#stop === undefined) await this.#prove();
    } catch (cause) {
      await runs.end(id, 'paused', cause instanceof Error ? cause.message : 'unexpected error');
      throw cause;
    } finally {
      clearInterval(beat);
    }
    if (this.#stop?.state === 'paused') await runs.end(id, 'paused', this.#stop.reason);
    if (this.#stop === undefined) await runs.end(id, ...(await this.#outcome()));
  }

  /** One look over everything and the work that it shows. @returns whether there was any */
  async #pass(): Promise<boolean> {
    const { runs } = this.#deps;
    const { id } = this.#input;
    const journalled = new Map((await runs.containers(id)).map((one) => [one.container, one]));
    const plan = await this.#plan(journalled);
    const open = ({ item }: PlannedWork): boolean => {
      const state = journalled.get(item.address)?.state;
      return state === undefined || state === 'pending';
    };
    const todo = plan.work.filter(open);
    await this.#addNewcomers(journalled, plan);
    await this.#settle(journalled, plan);
    const known = [...journalled.values()];
    this.#failed = known.filter(({ state }) => state === 'failed').length;
    this.#ended = known.filter(({ state }) => state === 'done' || state === 'failed').length;
    this.#total = Math.max(this.#total, this.#ended + todo.length);
    const ringOf = (one: PlannedWork): string => journalled.get(one.item.address)?.ring ?? one.ring;
    const canaries = todo.filter((one) => ringOf(one) === 'canary');
    await this.#runCanaries(canaries);
    await this.#runRest(todo.filter((one) => ringOf(one) === 'rest'));
    return todo.length > 0;
  }

  async #plan(journalled: ReadonlyMap<string, RunContainer>): Promise<FleetPlan> {
    const { scope } = this.#input;
    const inventory = await this.#settledInventory();
    const first = journalled.size === 0;
    // The ring is drawn once; who comes later is not in it.
    const plan = toPlan(inventory, this.#deps.containers.migrations, {
      ...scope,
      canary: first ? scope.canary : undefined,
    });
    // A run that was given its containers does not look for others.
    if (scope.retry === undefined) return plan;
    const given = ({ item }: PlannedWork): boolean => journalled.has(item.address);
    return { ...plan, work: plan.work.filter(given), frozen: plan.frozen.filter(given) };
  }

  /** Tenants on their way are waited for: a node of the version before may be making them. */
  async #settledInventory(): ReturnType<typeof takeInventory> {
    const { clock, newcomersMs } = this.#deps;
    const { scope } = this.#input;
    const untilMs = clock.monotonicMs() + newcomersMs;
    for (;;) {
      const inventory = await takeInventory(this.#deps, this.#ended === 0 ? scope.versions : 'cached');
      const waits = this.#total > 0 && inventory.provisioning > 0 && scope.only === undefined;
      if (!waits || clock.monotonicMs() >= untilMs) return inventory;
      await sleep(200);
    }
  }

  async #addNewcomers(journalled: ReadonlyMap<string, RunContainer>, plan: FleetPlan): Promise<void> {
    const { runs } = this.#deps;
    const { id } = this.#input;
    const isNew = ({ item }: PlannedWork): boolean => !journalled.has(item.address);
    await runs.addContainers(id, plan.work.filter(isNew).map(toPlanned), 'pending');
    await runs.addContainers(id, plan.frozen.filter(isNew).map(toPlanned), 'frozen');
  }

  /** Pending in the journal and up to date in fact: done just before a process died, or by hand. */
  async #settle(journalled: ReadonlyMap<string, RunContainer>, plan: FleetPlan): Promise<void> {
    const due = new Set([...plan.work, ...plan.frozen].map(({ item }) => item.address));
    const settled = [...journalled.values()].filter(
      ({ state, container }) => state === 'pending' && !due.has(container),
    );
    if (settled.length === 0) return;
    await this.#record(
      settled.map(({ container }) => ({
        container,
        state: 'done',
        to: undefined,
        code: undefined,
        reason: 'it was up to date when the run came to it',
        durationMs: 0,
      })),
    );
  }

  async #runCanaries(canaries: readonly PlannedWork[]): Promise<void> {
    for (const unit of toUnits(canaries, 'one')) {
      if (this.#stop !== undefined) return;
      await this.#runUnit(unit);
      // A canary is there to be heeded, whatever the threshold for the others.
      if (this.#failed > 0) this.#stopWith('paused', 'a canary failed; the others were not touched');
    }
    if (canaries.length > 0 && this.#stop === undefined) {
      await this.#prove();
      if (this.#failed > 0)
        this.#stopWith('paused', 'a canary does not hold the proof; the others were not touched');
    }
    if (canaries.length > 0 && this.#stop === undefined && this.#input.options.pause === 'after_canary')
      this.#stopWith('paused', 'the canaries are through; resume goes on with the rest');
  }

  async #runRest(work: readonly PlannedWork[]): Promise<void> {
    const { options, scope } = this.#input;
    const limits: WorkerLimits = {
      total: Math.max(1, options.workers ?? defaults.workers),
      perServer: Math.max(1, options.workersPerServer ?? defaults.workersPerServer),
    };
    const shared = work.filter(({ item }) => item.kind === 'shared');
    const own = work.filter(({ item }) => item.kind !== 'shared');
    const phases = scope.shared === 'first' ? [shared, own] : [own, shared];
    for (const phase of phases)
      await forEachOnServers(toUnits(phase, 'many'), limits, async (unit) => {
        if (this.#stop === undefined) await this.#runUnit(unit);
      });
  }

  async #runUnit(unit: Unit): Promise<void> {
    const { options } = this.#input;
    if (options.signal?.aborted === true) return this.#stopWith('paused', 'it was stopped from outside');
    const allowed = toAllowed(options.abortAfter, this.#total);
    const ended = await runUnit(
      this.#deps,
      unit,
      (failures) => this.#stop !== undefined || this.#failed + failures > allowed,
    );
    await this.#record(ended);
    if (this.#failed > allowed)
      this.#stopWith('paused', `${this.#failed} containers failed, and ${allowed} were allowed`);
  }

  async #record(ended: readonly EndedContainer[]): Promise<void> {
    const { id, watch } = this.#input;
    const ours = await this.#deps.runs.record(id, ended);
    for (const { container, state, reason } of ended) {
      this.#ended += 1;
      if (state === 'failed') this.#failed += 1;
      watch({ run: id, total: this.#total, ended: this.#ended, container, state, reason });
    }
    // Cancelled, or taken over by another process that thought this one dead.
    if (!ours) this.#stopWith('lost', 'the run is no longer this process’s');
  }

  /**
   * The whole proof, once a database, over what the run has brought up to date; also what an earlier process did of it, so
   * that it does not matter where that was killed. What breaks it has failed, and counts as every other failure does.
   */
  async #prove(): Promise<void> {
    const { runs, containers } = this.#deps;
    const { id, options } = this.#input;
    const done = (await runs.containers(id)).filter(
      ({ state, container }) => state === 'done' && !this.#proved.has(container),
    );
    const byDatabase = Map.groupBy(done, ({ container }) => containers.describe(container).database);
    for (const those of byDatabase.values()) {
      const broken = await this.#broken(those);
      await this.#fail(those, broken);
      for (const { container } of those) this.#proved.add(container);
    }
    const allowed = toAllowed(options.abortAfter, this.#total);
    if (this.#failed > allowed)
      this.#stopWith('paused', `${this.#failed} containers failed, and ${allowed} were allowed`);
  }

  /** A proof that cannot be had is no proof. */
  async #broken(those: readonly RunContainer[]): Promise<ReadonlyMap<string, string>> {
    const { prove, containers } = this.#deps;
    try {
      return await prove(those.map(({ container }) => containers.describe(container)));
    } catch (cause) {
      const reason = `the proof could not be had: ${cause instanceof Error ? cause.message : 'unexpected error'}`;
      return new Map(those.map(({ container }) => [container, reason]));
    }
  }

  async #fail(those: readonly RunContainer[], broken: ReadonlyMap<string, string>): Promise<void> {
    const { id, watch } = this.#input;
    const failed = those.flatMap(({ container, to, durationMs }): EndedContainer[] => {
      const reason = broken.get(container);
      if (reason === undefined) return [];
      return [
        { container, state: 'failed', to, code: 'table_unwalled', reason, durationMs: durationMs ?? 0 },
      ];
    });
    if (failed.length === 0) return;
    this.#failed += failed.length;
    const ours = await this.#deps.runs.record(id, failed);
    for (const { container, state, reason } of failed)
      watch({ run: id, total: this.#total, ended: this.#ended, container, state, reason });
    if (!ours) this.#stopWith('lost', 'the run is no longer this process’s');
  }

  #stopWith(state: Stop['state'], reason: string): void {
    this.#stop ??= { state, reason };
  }

  async #outcome(): Promise<['done' | 'failed', string | undefined]> {
    const counts = (await this.#deps.runs.read(this.#input.id))?.counts;
    const failed = counts?.failed ?? 0;
    return failed === 0 ? ['done', undefined] : ['failed', `${failed} containers failed`];
  }
}

const defaultShare = 0.05;

/** How many may fail before a run pauses. */
export function toAllowed(abortAfter: MigrationOptions['abortAfter'], total: number): number {
  if (typeof abortAfter === 'number') return abortAfter;
  const share = abortAfter === undefined ? defaultShare : Number(abortAfter.slice(0, -1)) / 100;
  return Math.ceil(total * share);
}
