import type { Clock } from '../core/clock.ts';
import type { TenantId } from '../core/ids.ts';
import { tenantScope } from '../core/scope.ts';
import type { Scope } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import { allowed } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Registry, ResolvedTenant } from '../registry/registry.ts';
import { admit, createAdmissionChecks } from './admit.ts';
import type { AdmissionCheck, AdmissionVisit, Admitted } from './admit.ts';
import type { Call } from './call.ts';
import { createApiKeyStrategy } from './credential.ts';
import type { Principal } from './credential.ts';
import { createCrossingWatch } from './crossings.ts';
import type { HintSource } from './hints.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';
import { confirm } from './recheck.ts';
import { resolve } from './resolve.ts';
import type { ResolveParts } from './resolve.ts';
import { createServiceStrategy, type ServiceReceiver } from './service-strategy.ts';
import { openTenantScope } from './scope.ts';

/** What the request path needs of a node; a `Bulkhead` has all of it. */
export interface PathNode {
  readonly registry: Pick<Registry, 'directory' | 'keys' | 'audit'>;
  /** Told of every tenant that is let in: one without a place in a younger compartment gets it now. */
  readonly lifecycle: { backfillSoon(tenant: Pick<Tenant, 'id' | 'placements'>): void };
  readonly clock: Clock;
  readonly config: { readonly hints: readonly HintSource[]; readonly baseDomain: string | undefined };
  readonly checks?: readonly AdmissionCheck[];
  readonly meters?: readonly Afterwards[];
  /** Asked last, and told of the end of each request that it let in. */
  readonly concurrency?: Concurrency;
}

/** How many requests of a tenant are served at a time. */
export interface Concurrency {
  begin(tenant: ResolvedTenant): Admitted;
  end(tenant: TenantId): void;
}

/** A request that was let in. */
export interface Entry {
  readonly scope: Scope;
  readonly principal: Principal;
  /** What admission wants the answer to say, such as how much of a limit is left. */
  readonly headers: Readonly<Record<string, string>>;
  /** What resolving, admitting and opening the scope cost this request (R169). */
  readonly overheadMs: number;
}

export interface Outcome {
  readonly status: 'served' | 'failed' | 'aborted';
  readonly durationMs: number;
  /** Of the answer's body, where it is known. */
  readonly sizeBytes?: number;
}

/**
 * Told of every request that was served. Metering and audit are such listeners: meters are told when the work is over and
 * before the end of the answer goes out, so that no answer is known to a caller that no meter knows of; audits after that.
 */
export type Afterwards = (entry: Entry, outcome: Outcome) => void;

export interface PathSettings {
  /** Takes calls of other services of the product, beside those of tenants. */
  readonly service?: ServiceReceiver;
  readonly webhookPath?: string;
  /** Beyond the tenant's state: rate, quota, budget, policy. */
  readonly checks?: readonly AdmissionCheck[];
  readonly meters?: readonly Afterwards[];
  readonly audits?: readonly Afterwards[];
}

export interface RequestPath {
  /**
   * resolve · admit · scope. Warm, it returns a value and does no I/O.
   * @returns refused: request_invalid, unauthenticated, claims_conflict, tenant_missing, tenant_ambiguous, tenant_inactive
   * @throws registry_stale (rejects) where the node cannot confirm what it remembers
   */
  enter(call: Call): Maybe<Verdict<Entry>>;
  /** serve: runs `work` inside the scope. The scope before it is back however `work` ends. */
  serve<Result>(entry: Entry, work: (scope: Scope) => Result): Result;
  /** The meter step alone, for a framework that tells when an answer is about to end; `audit` must follow. */
  meter(entry: Entry, outcome: Outcome): void;
  audit(entry: Entry, outcome: Outcome): void;
  /** meter · audit. Call it once, however the request ended. */
  leave(entry: Entry, outcome: Outcome): void;
  /** Whether the entry would be let in again now. Rates and budgets are not asked: they are for requests, not for time. */
  confirm(entry: Entry): Maybe<Verdict<true>>;
}

/** What we do for tenants, in the order it is done: resolve · admit · scope · serve · meter · audit. */
export function createRequestPath(node: PathNode, settings: PathSettings = {}): RequestPath {
  const { directory, keys, audit } = node.registry;
  const checks = [...createAdmissionChecks(directory), ...(node.checks ?? []), ...(settings.checks ?? [])];
  const parts: ResolveParts = {
    strategies: [
      createApiKeyStrategy(keys),
      ...(settings.service === undefined ? [] : [createServiceStrategy(settings.service, node.clock)]),
    ],
    directory,
    hints: { ...node.config, webhookPath: settings.webhookPath ?? '/webhooks' },
    crossed: createCrossingWatch(audit),
  };
  const { audits = [] } = settings;
  const meters = [...(node.meters ?? []), ...(settings.meters ?? [])];
  const meter = (entry: Entry, outcome: Outcome): void => {
    for (const tell of meters) tell(entry, outcome);
  };
  const recordAudit = (entry: Entry, outcome: Outcome): void => {
    node.concurrency?.end(entry.scope.tenantId);
    for (const record of audits) record(entry, outcome);
  };

  return {
    enter(call) {
      const startedMs = node.clock.monotonicMs();
      return chain(resolve(call, parts), (identity) => {
        if (identity.kind === 'refused') return identity;
        const { principal, tenant } = identity.value;
        const visit: AdmissionVisit = {
          actor: principal.actor,
          keyId: principal.key?.id,
          url: call.url,
          headers: {},
        };
        return chain(admit(tenant, checks, visit), (admitted) => {
          if (admitted.kind === 'refused') return admitted;
          const begun = node.concurrency?.begin(tenant) ?? admitted;
          if (begun.kind === 'refused') return begun;
          node.lifecycle.backfillSoon(tenant);
          const scope = openTenantScope(tenant, {
            actor: principal.actor,
            requestId: call.requestId,
            signal: call.signal,
          });
          const overheadMs = node.clock.monotonicMs() - startedMs;
          return allowed({ scope, principal, headers: visit.headers, overheadMs });
        });
      });
    },
    serve: (entry, work) => tenantScope(entry.scope, work),
    meter,
    audit: recordAudit,
    leave(entry, outcome) {
      meter(entry, outcome);
      recordAudit(entry, outcome);
    },
    confirm: (entry) => confirm(entry, directory),
  };
}
