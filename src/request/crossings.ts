import { LRUCache } from 'lru-cache';
import { parseSlug, parseTenantId } from '../core/ids.ts';
import type { AuditTrail } from '../registry/registry.ts';
import type { CrossTenantAttempt } from './resolve.ts';

/** From this many attempts by one actor within the window, it is no longer a slip. */
const criticalAttempts = 3;
const windowMs = 3_600_000;
const maxActors = 10_000;

/**
 * Writes `access.cross_tenant_attempt` to the audit trail of the caller's own tenant.
 * @returns what `resolve` tells of each attempt
 */
export function createCrossingWatch(
  audit: Pick<AuditTrail, 'record'>,
): (attempt: CrossTenantAttempt) => void {
  const attemptsOf = new LRUCache<string, number>({ max: maxActors, ttl: windowMs });
  return ({ principal, hint, call }) => {
    const attempts = (attemptsOf.get(principal.actor.id) ?? 0) + 1;
    attemptsOf.set(principal.actor.id, attempts);
    audit.record({
      tenant: principal.tenants[0],
      actor: principal.actor,
      action: 'access.cross_tenant_attempt',
      severity: attempts >= criticalAttempts ? 'critical' : 'high',
      requestId: call.requestId,
      detail: { source: hint.source, named: toSafeName(hint.named), attempts },
    });
  };
}

/** A hint is whatever the caller typed: only what has the form of an id or a slug is kept. */
function toSafeName(named: string): string {
  return parseTenantId(named) ?? parseSlug(named) ?? 'malformed';
}
