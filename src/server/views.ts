import type { Operation as Journal, ApiKey, ServerRecord } from '../registry/registry.ts';
import type { Plan } from '../core/plan.ts';
import type { Tenant } from '../core/tenant.ts';
import type { KeyView } from '../client/schemas/keys.ts';
import type { OperationView, PlanView, ServerView } from '../client/schemas/platform.ts';
import type { TenantView } from '../client/schemas/tenants.ts';

/** What the API shows of our records. Field by field: what a record gains is not shown until someone decides so. */

export function toTenantView(tenant: Tenant): TenantView {
  return {
    id: tenant.id,
    slug: tenant.slug,
    name: tenant.name,
    plan: tenant.plan,
    state: tenant.state,
    isolation: tenant.isolation,
    region: tenant.region ?? null,
    parent: tenant.parent ?? null,
    features: [...tenant.features],
    containers: Object.fromEntries(
      tenant.placements.map(({ compartment, container }) => [compartment, container]),
    ),
    erasesAt: toIso(tenant.erasesAt),
    createdAt: tenant.createdAt.toISOString(),
    updatedAt: tenant.updatedAt.toISOString(),
  };
}

export function toKeyView(key: ApiKey): KeyView {
  return {
    id: key.id,
    name: key.name,
    createdAt: key.createdAt.toISOString(),
    expiresAt: toIso(key.expiresAt),
    revokedAt: toIso(key.revokedAt),
    lastUsedAt: toIso(key.lastUsedAt),
    replacedBy: key.replacedBy ?? null,
  };
}

export function toPlanView(plan: Plan): PlanView {
  return {
    id: plan.id,
    name: plan.name,
    aliases: [...plan.aliases],
    isolations: [...plan.isolations],
    defaultIsolation: plan.defaultIsolation,
    features: [...plan.features],
    quotas: { ...plan.quotas },
    rates: { ...plan.rates },
    connections: plan.connections,
    priceUsd: plan.priceUsd,
  };
}

export function toOperationView(operation: Journal): OperationView {
  return {
    id: operation.id,
    tenant: operation.tenant,
    kind: operation.kind,
    state: operation.state,
    steps: operation.steps.map(({ name, at }) => ({ name, at: at.toISOString() })),
    progress: operation.progress === undefined ? null : { ...operation.progress },
    failure: operation.failure === undefined ? null : { ...operation.failure },
    startedAt: operation.startedAt.toISOString(),
    endedAt: toIso(operation.endedAt),
  };
}

/** Without the URL: it holds a password, and leaves the vault for nobody but the pools. */
export function toServerView(server: ServerRecord): ServerView {
  return {
    name: server.name,
    role: server.role,
    region: server.region ?? null,
    maxConnections: server.maxConnections,
  };
}

export function toIso(date: Date | undefined): string | null {
  return date === undefined ? null : date.toISOString();
}
