import { LRUCache } from 'lru-cache';
import { parseSlug, parseTenantId } from '../core/ids.ts';
import type { AuditTrail } from '../registry/registry.ts';
import type { CrossTenantAttempt } from './resolve.ts';

/** So many attempts of one actor are audited one by one; of those above, what they have in common and how many. */
const auditedSingly = 20;
const keptNames = 8;
/** From this many attempts by one actor within the window, it is no longer a slip. */
const criticalAttempts = 3;
const windowMs = 3_600_000;
const maxActors = 10_000;

/**
 * Writes `access.cross_tenant_attempt` to the audit trail of the caller's own tenant.
 * @returns what `resolve` tells of each attempt
 */
export function createCrossingWatch(
  audit: Pick<AuditTrail, 'record' | 'recordRepeated'>,
): (attempt: CrossTenantAttempt) => void {
  const historyOf = new LRUCache<string, History>({ max: maxActors, ttl: windowMs });
  return ({ principal, hint, call }) => {
    const before = historyOf.get(principal.actor.id);
    const attempts = (before?.attempts ?? 0) + 1;
    const names = [...new Set([toSafeName(hint.named), ...(before?.names ?? [])])].slice(0, keptNames);
    historyOf.set(principal.actor.id, { attempts, names });
    const event = {
      tenant: principal.tenants[0],
      actor: principal.actor,
      action: 'access.cross_tenant_attempt',
      severity: attempts >= criticalAttempts ? 'critical' : 'high',
      requestId: call.requestId,
      detail: { source: hint.source, named: toSafeName(hint.named), attempts },
    } as const;
    if (attempts <= auditedSingly) audit.record(event);
    else
      audit.recordRepeated(`${event.action} ${principal.actor.id} ${hint.source}`, {
        ...event,
        detail: { ...event.detail, lately: names },
      });
  };
}

interface History {
  readonly attempts: number;
  /** The last ones, the latest first. */
  readonly names: readonly string[];
}

/** A hint is whatever the caller typed: only what has the form of an id or a slug is kept. */
function toSafeName(named: string): string {
  return parseTenantId(named) ?? parseSlug(named) ?? 'malformed';
}
