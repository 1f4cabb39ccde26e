import type { RequestId } from '../core/ids.ts';
import { openScope } from '../core/scope.ts';
import type { Access, Actor, Scope } from '../core/scope.ts';
import type { ResolvedTenant } from '../registry/registry.ts';

/** What a scope has beside its tenant. */
export interface ScopeOccasion {
  readonly actor: Actor;
  readonly requestId: RequestId;
  readonly signal: AbortSignal;
  /** Default: the tenant's own. */
  readonly access?: Access;
}

/** Step three. Only for a tenant that was admitted: the scope is the permission. */
export function openTenantScope(tenant: ResolvedTenant, occasion: ScopeOccasion): Scope {
  return openScope({
    tenantId: tenant.id,
    tenantSlug: tenant.slug,
    tenantName: tenant.name,
    plan: tenant.planDetail.id,
    region: tenant.region,
    features: tenant.effectiveFeatures,
    isolationLevel: tenant.isolation,
    encryptionKeyId: tenant.encryptionKeyId,
    isActive: tenant.state === 'active',
    ...(occasion.access === undefined ? {} : { access: occasion.access }),
    actor: occasion.actor,
    requestId: occasion.requestId,
    signal: occasion.signal,
    placements: tenant.placements,
    governor: tenant.planDetail.governor,
    epoch: tenant.epoch,
  });
}
