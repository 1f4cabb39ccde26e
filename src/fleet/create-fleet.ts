import type { Clock } from '../core/clock.ts';
import { BulkheadError } from '../core/errors.ts';
import { toVersionText, type SchemaVersion } from '../core/schema-version.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { Registry } from '../registry/registry.ts';
import type { FleetContainers, FleetProver } from './containers.ts';
import { findDrift } from './drift/find-drift.ts';
import type { Fleet, FleetRun, MigrationOptions, MigrationScope, WatchRun } from './fleet.ts';
import { takeInventory, toContainerState } from './migrate/inventory.ts';
import { allOwn, toMigrationPlan, toPlan, toTarget } from './migrate/plan.ts';
import { MigrationRun, type RunDeps } from './migrate/run.ts';
import { SqlFreezeStore } from './store/freezes.ts';
import { SqlRunStore } from './store/runs.ts';

export interface FleetDeps {
  /** The control database. */
  readonly control: AdminDatabase;
  readonly registry: Pick<Registry, 'versions' | 'audit'>;
  readonly containers: FleetContainers;
  readonly prove: FleetProver;
  readonly clock: Clock;
  /** How long a run is its process's without a sign of life; default 15 s. */
  readonly leaseMs?: number;
  readonly newcomersMs?: number;
}

const defaults = { leaseMs: 15_000, newcomersMs: 30_000 } as const;

export function createFleet(options: FleetDeps): Fleet {
  const { control, containers, registry } = options;
  const leaseMs = options.leaseMs ?? defaults.leaseMs;
  const runs = new SqlRunStore(control, { leaseMs });
  const freezes = new SqlFreezeStore(control);
  const deps: RunDeps = {
    control,
    containers,
    prove: options.prove,
    versions: registry.versions,
    clock: options.clock,
    runs,
    leaseMs,
    newcomersMs: options.newcomersMs ?? defaults.newcomersMs,
  };
  const { migrations } = containers;

  const note = (actor: Actor, action: string, detail: Readonly<Record<string, unknown>>): void =>
    registry.audit.record({
      tenant: undefined,
      actor,
      action,
      severity: 'info',
      requestId: undefined,
      detail,
    });

  const readRun = async (id: string): Promise<FleetRun> => {
    const run = await runs.read(id);
    if (run === undefined) throw new BulkheadError('not_found', { reason: 'there is no such run' });
    return run;
  };

  const goOn = async (
    id: string,
    input: { readonly scope: MigrationScope; readonly options: MigrationOptions; readonly watch: WatchRun },
  ): Promise<FleetRun> => {
    await new MigrationRun(deps, { id, ...input }).go();
    return await readRun(id);
  };

  const begin = async (
    asked: MigrationOptions,
    actor: Actor,
  ): Promise<{ readonly id: string; readonly scope: MigrationScope }> => {
    const scope = toScope(asked);
    const target = toVersionText(toTarget(scope.to, migrations));
    // Everything that is wrong with the call is said before a run is journalled.
    toPlan(await takeInventory(deps), migrations, scope);
    const retried = scope.retry === undefined ? undefined : await runs.detail(scope.retry);
    if (scope.retry !== undefined && retried === undefined) throw new BulkheadError('not_found');
    const dead = await takeOver(runs, { target, scope });
    if (dead !== undefined) return { id: dead, scope };
    const id = await runs.begin({ target, options: { ...scope }, actor });
    note(actor, 'fleet.migration_started', { run: id, target });
    const failed = retried?.containers.filter(({ state }) => state === 'failed') ?? [];
    const given = failed.map((one) => ({
      ...one,
      slug: undefined,
      ring: 'rest' as const,
      to: '',
      migrations: [],
    }));
    await runs.addContainers(id, given, 'pending');
    return { id, scope };
  };

  return {
    async versions(asked = {}) {
      const inventory = await takeInventory(deps, asked.versions);
      return {
        head: toVersionText(inventory.head),
        containers: inventory.items.map((item) => toContainerState(item, migrations)),
        unreachable: inventory.unreachable,
      };
    },

    async plan(scope = {}) {
      const inventory = await takeInventory(deps, scope.versions);
      const plan = toPlan(inventory, migrations, scope);
      if (scope.retry === undefined) return toMigrationPlan(containers, inventory, plan);
      const failed = await failedIn(runs, (await readRun(scope.retry)).id);
      const work = plan.work.filter(({ item }) => failed.has(item.address));
      return toMigrationPlan(containers, inventory, { ...plan, work });
    },

    async migrate(asked, actor, watch = () => {}) {
      const { id, scope } = await begin(asked, actor);
      const ended = await goOn(id, { scope, options: asked, watch });
      note(actor, `fleet.migration_${ended.state}`, { run: id, ...ended.counts });
      return ended;
    },

    async start(asked, actor) {
      const { id, scope } = await begin(asked, actor);
      // Whoever started it watches the journal, and what goes wrong is written there.
      void goOn(id, { scope, options: asked, watch: () => {} }).catch(() => undefined);
      return await readRun(id);
    },

    async resume(run, asked, watch = () => {}) {
      const { id, state } = await readRun(run);
      if (state !== 'paused' && state !== 'running')
        throw new BulkheadError('transition_refused', {
          reason: `the run is ${state}`,
          hint: state === 'failed' ? `retry what failed with: bulkhead migrate --retry ${id}` : undefined,
        });
      const scope = await runs.options(id);
      await runs.claim(id);
      await runs.reopen(id);
      return await goOn(id, { scope, options: asked, watch });
    },

    async cancel(run) {
      const { id } = await readRun(run);
      await runs.cancel(id);
      return await readRun(id);
    },

    runs: (limit) => runs.list(limit),
    run: (id) => runs.detail(id),

    async freeze({ tenant, at, reason }, actor) {
      const { items } = await takeInventory(deps);
      const own = allOwn(items, tenant);
      const [item] = own;
      const reached: SchemaVersion = Object.assign({}, ...own.map(({ version }) => version));
      const version = at === undefined ? reached : { ...reached, ...toNamed(at, migrations) };
      if (item?.booked.tenant === undefined) throw new BulkheadError('tenant_not_found');
      note(actor, 'fleet.frozen', { tenant: item.booked.tenant });
      return await freezes.put(
        { tenant: item.booked.tenant, version: toVersionText(version), reason: reason.trim() },
        actor,
      );
    },

    async unfreeze(tenant, actor) {
      const { items } = await takeInventory(deps);
      const frozen = allOwn(items, tenant)[0]?.booked.tenant;
      if (frozen === undefined) throw new BulkheadError('tenant_not_found');
      await freezes.drop(frozen);
      note(actor, 'fleet.unfrozen', { tenant: frozen });
    },

    freezes: () => freezes.list(),

    drift: (asked = {}) => findDrift(deps, asked.only),
  };
}

/** Only the sets that the text names. */
function toNamed(at: string, migrations: FleetContainers['migrations']): Readonly<Record<string, number>> {
  const named = new Set(at.split(' ').map((part) => part.split('/')[0]));
  return Object.fromEntries(Object.entries(toTarget(at, migrations)).filter(([set]) => named.has(set)));
}

function toScope(options: MigrationOptions): MigrationScope {
  const { to, only, retry, canary, shared, versions } = options;
  return { to, only, retry, canary, shared, versions };
}

async function failedIn(runs: SqlRunStore, id: string): Promise<ReadonlySet<string>> {
  const failed = (await runs.containers(id)).filter(({ state }) => state === 'failed');
  return new Set(failed.map(({ container }) => container));
}

/**
 * A run whose process died is gone on with where the same is asked again, and else ended: its containers are taken up by
 * the new run, since it is they who know what they have.
 * @returns the run that is ours now
 */
async function takeOver(
  runs: SqlRunStore,
  asked: { readonly target: string; readonly scope: MigrationScope },
): Promise<string | undefined> {
  const running = await runs.running();
  if (running === undefined) return undefined;
  await runs.claim(running.id);
  const run = await runs.read(running.id);
  const same =
    run?.target === asked.target &&
    toComparable(await runs.options(running.id)) === toComparable(asked.scope);
  if (same) return running.id;
  await runs.end(running.id, 'cancelled', 'its process died, and another run took its place');
  return undefined;
}

/** jsonb keeps no order of keys. */
function toComparable(options: object): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return JSON.stringify(given.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
