import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { DriftReport } from './drift/report.ts';

/** A container as the fleet sees it. */
export interface ContainerState {
  readonly container: string;
  readonly kind: 'shared' | 'schema' | 'database';
  /** The tenant it belongs to; undefined for the shared one of a server. */
  readonly tenant: TenantId | undefined;
  readonly slug: string | undefined;
  /** As `app/3 bulkhead/1`. */
  readonly version: string;
  /** Migrations it has not got. */
  readonly missing: number;
  /** Why it cannot simply be migrated: a file edited afterwards, one that came too late, a newer node was here. */
  readonly problem: string | undefined;
  /** Where it is held back. */
  readonly frozenAt: string | undefined;
}

export interface FleetVersions {
  /** What this node would bring everything to. */
  readonly head: string;
  readonly containers: readonly ContainerState[];
  /** Containers that could not be asked, with the reason. */
  readonly unreachable: readonly { readonly container: string; readonly reason: string }[];
}

/** Which containers, how far, and in which order. */
export interface MigrationScope {
  /** As `app/3`; sets that are not named go to their end. Default: everything to its end. */
  readonly to?: string | undefined;
  /** Ids or slugs; default everybody. Only tenants with a container of their own can be chosen. */
  readonly only?: readonly string[] | undefined;
  /** The containers that failed in this run, and no others. */
  readonly retry?: string | undefined;
  /** Go first, one at a time: so many containers, or those of these tenants. Default none. */
  readonly canary?: number | readonly string[] | undefined;
  /** Whether schemas of many tenants go before all others or behind them. Default `last`. */
  readonly shared?: 'first' | 'last' | undefined;
  /**
   * `cached`: a database of its own is asked only when the registry says that it is behind, which makes a run over
   * thousands that are up to date quick. `asked`: every one is. Default `cached`.
   */
  readonly versions?: 'cached' | 'asked' | undefined;
}

export interface MigrationOptions extends MigrationScope {
  /** Pauses when more have failed than this: a number, or a share of all such as `5%`, which is the default. */
  readonly abortAfter?: number | `${number}%` | undefined;
  /** Stop when the canaries are through; `resume` goes on with the rest. */
  readonly pause?: 'after_canary' | undefined;
  /** Containers at a time, in all; default 8. */
  readonly workers?: number | undefined;
  /** Containers at a time on one server; default 3. */
  readonly workersPerServer?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PlannedContainer {
  readonly container: string;
  readonly tenant: TenantId | undefined;
  readonly slug: string | undefined;
  readonly ring: 'canary' | 'rest';
  readonly from: string;
  readonly to: string;
  readonly migrations: readonly string[];
}

export interface MigrationPlan {
  readonly target: string;
  readonly containers: readonly PlannedContainer[];
  readonly frozen: readonly PlannedContainer[];
  readonly upToDate: number;
  readonly unreachable: FleetVersions['unreachable'];
  /** What would be sent, once for each version that containers are at; of one container of that version. */
  readonly sql: readonly { readonly from: string; readonly containers: number; readonly sql: string }[];
}

export const runStates = ['running', 'paused', 'done', 'failed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];
export const containerOutcomes = ['pending', 'done', 'failed', 'frozen', 'skipped'] as const;
export type ContainerOutcome = (typeof containerOutcomes)[number];

export interface RunContainer {
  readonly container: string;
  readonly tenant: TenantId | undefined;
  readonly ring: 'canary' | 'rest';
  readonly state: ContainerOutcome;
  readonly from: string;
  readonly to: string | undefined;
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly durationMs: number | undefined;
}

/** One run over the fleet, as journalled. */
export interface FleetRun {
  readonly id: string;
  readonly target: string;
  /** `done`: nothing is left behind. `failed`: it went to the end, and some containers failed. `paused`: it can go on. */
  readonly state: RunState;
  readonly reason: string | undefined;
  readonly counts: Readonly<Record<ContainerOutcome, number>>;
  readonly actor: Actor;
  readonly startedAt: Date;
  readonly endedAt: Date | undefined;
}

export interface FleetRunDetail extends FleetRun {
  /** Those that failed first; at most 10,000. */
  readonly containers: readonly RunContainer[];
}

/** Told of each container as it ends. */
export type WatchRun = (progress: {
  readonly run: string;
  readonly total: number;
  readonly ended: number;
  readonly container: string;
  readonly state: ContainerOutcome;
  readonly reason: string | undefined;
}) => void;

export interface Freeze {
  readonly tenant: TenantId;
  readonly version: string;
  readonly reason: string;
  readonly actor: Actor;
  readonly at: Date;
}

/** What is done to all containers at once. */
export interface Fleet {
  versions(options?: Pick<MigrationScope, 'versions'>): Promise<FleetVersions>;
  /** What `migrate` would do. Changes nothing. @throws value_invalid, tenant_not_found */
  plan(scope?: MigrationScope): Promise<MigrationPlan>;
  /**
   * Brings containers to the target. Each that fails is recorded, and the others go on. A run whose process died is taken
   * up by the next call.
   * @throws operation_in_progress while another run is under way · value_invalid · tenant_not_found
   */
  migrate(options: MigrationOptions, actor: Actor, watch?: WatchRun): Promise<FleetRun>;
  /** The same, and answers as soon as the run is journalled; `run` says how it goes on. */
  start(options: MigrationOptions, actor: Actor): Promise<FleetRun>;
  /** Goes on with a paused run. @throws not_found, transition_refused, operation_in_progress */
  resume(
    run: string,
    options: Pick<MigrationOptions, 'signal' | 'abortAfter'>,
    watch?: WatchRun,
  ): Promise<FleetRun>;
  /** Ends a run, wherever it is under way, after the containers it is busy with. */
  cancel(run: string): Promise<FleetRun>;
  runs(limit: number): Promise<readonly FleetRun[]>;
  run(id: string): Promise<FleetRunDetail | undefined>;
  /** Holds a tenant at a version; default where it is. Its container must be its own. @throws value_invalid, tenant_not_found */
  freeze(
    input: { readonly tenant: string; readonly at?: string | undefined; readonly reason: string },
    actor: Actor,
  ): Promise<Freeze>;
  /** @throws tenant_not_found, not_found */
  unfreeze(tenant: string, actor: Actor): Promise<void>;
  freezes(): Promise<readonly Freeze[]>;
  /** Compares containers with what their migrations make. @throws value_invalid */
  drift(options?: { readonly only?: readonly string[] | undefined }): Promise<DriftReport>;
}
