import { setTimeout } from 'node:timers/promises';
import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import type { Scope } from '../../core/scope.ts';
import {
  capabilityRefusedState,
  SqlError,
  writesPausedState,
  type TenantDatabase,
  type WallContext,
} from '../../drivers/sql.ts';
import type { Capabilities } from './capabilities.ts';
import type { ContainerTables } from './container-tables.ts';
import { toBulkheadError } from './sql-refusal.ts';

/** Where a tenant lives, and as of which change of it. */
export interface Residence {
  readonly placement: Placement;
  readonly epoch: number;
}

/** Where tenants live now: `peek` as far as this node knows, `fresh` past every cache. */
export interface Residences {
  peek(tenant: TenantId): Residence | undefined;
  fresh(tenant: TenantId): Promise<Residence | undefined>;
}

/** Everything a statement needs to reach its container. */
export interface RouteTarget extends Residence {
  readonly database: TenantDatabase;
  /** Everything of the context but the capability, which ends before the scope may. */
  readonly context: Omit<WallContext, 'capability'>;
  readonly tables: ContainerTables;
}

export interface RouteDeps {
  readonly capabilities: Capabilities;
  readonly residences: Residences;
  readonly assertLive: (scope: Scope) => void | Promise<void>;
}

/** How long a write waits for a move to end before its caller is told to come again. */
const patienceMs = 5_000;
const maxRedirections = 8;

/** The way of one scope's statements to its tenant; follows the tenant when it is moved under an open handle. */
export class Route {
  readonly scope: Scope;
  readonly #deps: RouteDeps;
  readonly #toTarget: (residence: Residence) => RouteTarget;
  #target: RouteTarget;

  constructor(
    deps: RouteDeps,
    way: {
      readonly scope: Scope;
      readonly start: Residence;
      readonly toTarget: (residence: Residence) => RouteTarget;
    },
  ) {
    this.scope = way.scope;
    this.#deps = deps;
    this.#toTarget = way.toTarget;
    this.#target = way.toTarget(way.start);
  }

  /** No I/O. */
  get target(): RouteTarget {
    const known = this.#deps.residences.peek(this.scope.tenantId);
    if (known !== undefined) this.#follow(known);
    return this.#target;
  }

  /**
   * Runs `work` where the tenant lives. A statement that its container refuses because the tenant is elsewhere by now is
   * made there; a write that meets the pause of a move waits for its end. What was refused has left nothing, so nothing
   * is done twice.
   * @throws operation_in_progress where the pause outlasts the caller's patience
   */
  async run<T>(work: (target: RouteTarget, context: WallContext) => Promise<T>): Promise<T> {
    const patience = { waitedMs: 0, redirections: 0, renewed: false };
    for (;;) {
      const live = this.#deps.assertLive(this.scope);
      if (live !== undefined) await live;
      const { target } = this;
      try {
        const cached = this.#deps.capabilities.token(target.placement, target.context.access);
        const capability = typeof cached === 'string' ? cached : await cached;
        return await work(target, { ...target.context, capability });
      } catch (cause) {
        if (!(await this.#mayGoOn(target, cause, patience))) throw toBulkheadError(cause, this.scope);
      }
    }
  }

  async #mayGoOn(
    target: RouteTarget,
    cause: unknown,
    patience: { waitedMs: number; redirections: number; renewed: boolean },
  ): Promise<boolean> {
    const refusal = refusalOf(cause);
    if (refusal === undefined) return false;
    if (refusal === 'paused') {
      if (patience.waitedMs >= patienceMs) return false;
      const delayMs = Math.min(200, 10 + patience.waitedMs / 4);
      patience.waitedMs += delayMs;
      await this.#sleep(delayMs);
    } else this.#deps.capabilities.forget(target.placement);
    if (await this.#hasMoved(target)) {
      patience.redirections += 1;
      return patience.redirections <= maxRedirections;
    }
    if (refusal === 'paused') return true;
    // It lives where it was: a token that was revoked or ran out is replaced, once.
    if (refusal === 'sealed' || patience.renewed) return false;
    patience.renewed = true;
    return true;
  }

  async #hasMoved(from: RouteTarget): Promise<boolean> {
    const known = await this.#deps.residences.fresh(this.scope.tenantId);
    if (known !== undefined) this.#follow(known);
    return this.#target.placement.container !== from.placement.container;
  }

  #follow(known: Residence): void {
    // What one node remembers may be older than what another told this handle a moment ago.
    if (known.epoch <= this.#target.epoch) return;
    if (known.placement.container === this.#target.placement.container) return;
    this.#target = this.#toTarget(known);
  }

  async #sleep(ms: number): Promise<void> {
    try {
      await setTimeout(ms, undefined, { signal: this.scope.signal });
    } catch (cause) {
      throw new BulkheadError('aborted', {}, { cause });
    }
  }
}

/** Why a container would not have the statement, where the reason may be that the tenant is on the move. */
export function refusalOf(cause: unknown): 'capability' | 'paused' | 'sealed' | undefined {
  if (isBulkheadError(cause, 'tenant_inactive')) return 'sealed';
  if (!(cause instanceof SqlError)) return undefined;
  if (cause.sqlState === capabilityRefusedState) return 'capability';
  return cause.sqlState === writesPausedState ? 'paused' : undefined;
}
