import type { Billing } from './billing/billing.ts';
import type { RateLimits } from './billing/limits/rate-limits.ts';
import type { CacheCompartment } from './compartments/cache/cache.ts';
import type { ObjectsCompartment } from './compartments/objects/objects.ts';
import type { RowsCompartment } from './compartments/rows/rows.ts';
import type { MemoryCompartment } from './compartments/memory/memory.ts';
import type { VectorsCompartment } from './compartments/vectors/vectors.ts';
import type { Config } from './config.ts';
import type { Clock } from './core/clock.ts';
import type { Compartment } from './core/compartment.ts';
import type { RequestId, TenantId } from './core/ids.ts';
import type { Actor, Scope } from './core/scope.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { Ladder } from './fleet/ladder/ladder.ts';
import type { Lifecycle } from './lifecycle/lifecycle.ts';
import type { Proofs } from './open-proofs.ts';
import type { Library } from './rag/library.ts';
import type { Knowledge } from './rag/knowledge.ts';
import type { Registry } from './registry/registry.ts';
import type { AdmissionCheck } from './request/admit.ts';
import type { Services } from './request/services.ts';
import type { Afterwards, Concurrency } from './request/path.ts';
import type { Umbrella } from './umbrella.ts';

export interface ScopeOptions {
  readonly actor?: Actor;
  readonly requestId?: RequestId;
  readonly signal?: AbortSignal;
}

/** One Bulkhead node: what `createBulkhead()` returns and the server, the CLI and an application share. */
export interface Bulkhead {
  readonly config: Config;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  /** What a tenant may read of those below it. */
  readonly umbrella: Umbrella;
  /** What is done to all containers at once. */
  readonly fleet: Fleet;
  /** What tenants use, at which price. */
  readonly billing: Billing;
  /** Rate limits; undefined where they are switched off. */
  readonly limits: RateLimits | undefined;
  /** The limits again, for the request path. */
  readonly concurrency?: Concurrency;
  /** What every request path of this node asks and tells, beside what an application adds. */
  readonly checks: readonly AdmissionCheck[];
  readonly meters: readonly Afterwards[];
  /** For calls to other services of the product. */
  readonly services: Services;
  readonly rows: RowsCompartment;
  /** Passages and their vectors; undefined where the server has no pgvector. */
  readonly vectors: VectorsCompartment | undefined;
  readonly cache: CacheCompartment;
  /** Conversations, by user. */
  readonly memory: MemoryCompartment;
  readonly objects: ObjectsCompartment;
  /** How each tenant's vectors are laid out, and when that changes; undefined as `vectors`. */
  readonly ladder: Ladder | undefined;
  /** Searching and answering in what tenants have stored. */
  readonly knowledge: Knowledge;
  /** Documents that can be searched. */
  readonly library: Library;
  readonly compartments: readonly Compartment[];
  readonly proofs: Proofs;
  /**
   * Opens the tenant's scope after admission and runs `fn` in it. `tenant` is an id or a slug.
   * @throws tenant_not_found, tenant_inactive, registry_stale
   */
  run<Result>(
    tenant: TenantId | string,
    fn: (scope: Scope) => Promise<Result>,
    options?: ScopeOptions,
  ): Promise<Result>;
  /** The scope itself, for code that passes it along explicitly. */
  scope(tenant: TenantId | string, options?: ScopeOptions): Promise<Scope>;
  /** The operator's token, the one time it is made; undefined on every later start. */
  readonly newOperatorToken: string | undefined;
  /** Waits for what is running, then closes every connection. */
  close(): Promise<void>;
}
