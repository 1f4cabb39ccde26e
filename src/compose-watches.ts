/** What every compartment asks the registry about its tenants. */
import { type RowsDeps } from './compartments/rows/deps.ts';
import type { Residence } from './compartments/rows/route.ts';
import type { Clock } from './core/clock.ts';
import { BulkheadError } from './core/errors.ts';
import type { CompartmentKind } from './core/placement.ts';
import type { Scope } from './core/scope.ts';
import type { Verdict } from './core/verdict.ts';
import type { Registry, ResolvedTenant } from './registry/registry.ts';
import { isActive } from './request/admit.ts';
import { chain } from './request/maybe.ts';
import { toError } from './request/refusal.ts';
import { checkUmbrella } from './request/umbrella.ts';
import type { ComposeInput } from './compose.ts';

/** Where a tenant is in one compartment: what an open handle follows when the tenant is moved under it. */
export function createResidences({ directory }: Registry, kind: CompartmentKind): RowsDeps['residences'] {
  const toResidence = (tenant: ResolvedTenant | undefined): Residence | undefined => {
    const placement = tenant?.placements.find(({ compartment }) => compartment === kind);
    return tenant === undefined || placement === undefined ? undefined : { placement, epoch: tenant.epoch };
  };
  return {
    peek: (id) => toResidence(directory.peek(id)),
    fresh: async (id) => toResidence(await directory.fresh(id)),
  };
}

/**
 * By what is remembered alone. An embedded database has one connection: a transaction that holds it and asks the registry
 * would wait for itself. Each statement asks for the capability in the database all the same, and a suspended tenant has none.
 */
export function createKnownLivenessCheck({ directory }: Registry): (scope: Scope) => void {
  return (scope) => {
    const known = directory.peek(scope.tenantId);
    if (known === undefined || scope.access.kind === 'umbrella') return;
    const verdict = isActive(known);
    if (verdict.kind === 'refused') throw toError(verdict);
  };
}

/** Asked before every statement: a scope that outlives its tenant's permission ends with it. Warm, it does no I/O. */
export function createLivenessCheck(
  { directory }: Registry,
  clock: Clock,
): (scope: Scope) => void | Promise<void> {
  const judge = (tenant: ResolvedTenant | undefined): void => {
    if (tenant === undefined) throw new BulkheadError('tenant_not_found');
    const verdict = isActive(tenant);
    if (verdict.kind === 'refused') throw toError(verdict);
  };
  const judgeView = (verdict: Verdict<unknown>): void => {
    if (verdict.kind === 'refused') throw toError(verdict);
  };
  return (scope) => {
    if (scope.access.kind === 'umbrella') {
      const { reader } = scope.access;
      return chain(checkUmbrella({ directory, clock }, { reader, child: scope.tenantId }), judgeView);
    }
    const known = directory.peek(scope.tenantId);
    if (known === undefined) return directory.byId(scope.tenantId).then(judge);
    judge(known);
  };
}

/** Something of another tenant came out of a store. It was dropped; somebody has to look into it. */
export function createIsolationAlarm(
  { log }: ComposeInput,
  { audit }: Registry,
  compartment: CompartmentKind,
): (scope: Scope) => void {
  return (scope) => {
    log({ event: 'isolation.violated', compartment, tenant: scope.tenantId, requestId: scope.requestId });
    audit.record({
      tenant: scope.tenantId,
      actor: scope.actor,
      action: 'isolation.violated',
      severity: 'critical',
      requestId: scope.requestId,
      detail: { compartment },
    });
  };
}
