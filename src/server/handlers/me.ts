import type { Bulkhead } from '../../bulkhead.ts';
import { BulkheadError } from '../../core/errors.ts';
import { toIso } from '../views.ts';
import type { TenantHandlers } from './handler.ts';

export function createMeHandler({
  registry,
  limits,
}: Pick<Bulkhead, 'registry' | 'limits'>): Pick<TenantHandlers, 'me' | 'limits'> {
  const { directory } = registry;
  return {
    async limits(_input, { scope, key }) {
      if (limits === undefined) return { counted: 'off', limits: [] };
      const tenant = directory.peek(scope.tenantId) ?? (await directory.byId(scope.tenantId));
      if (tenant === undefined) throw new BulkheadError('tenant_inactive', { reason: 'deleted' });
      const { actor } = scope;
      const userId = actor.kind === 'user' ? actor.id : undefined;
      const notices = await limits.standing(tenant, { keyId: key?.id, userId, route: undefined });
      return notices === undefined
        ? { counted: 'away', limits: [] }
        : { counted: 'shared', limits: [...notices] };
    },
    async me(_input, { scope, key }) {
      const tenant = directory.peek(scope.tenantId) ?? (await directory.byId(scope.tenantId));
      if (tenant === undefined) throw new BulkheadError('tenant_inactive', { reason: 'deleted' });
      const { rates, quotas } = tenant.planDetail;
      const { statementTimeoutMs, maxRows, maxQueries } = scope.governor;
      return {
        tenant: {
          id: scope.tenantId,
          slug: scope.tenantSlug,
          name: scope.tenantName,
          region: scope.region ?? null,
        },
        plan: scope.plan,
        isolation: scope.isolationLevel,
        features: [...scope.features].toSorted(),
        key: key === undefined ? null : { id: key.id, name: key.name, expiresAt: toIso(key.expiresAt) },
        limits: {
          statementTimeoutMs,
          maxRows,
          maxQueries,
          perMinute: rates.perMinute,
          perDay: rates.perDay,
          quotas: { ...quotas },
        },
      };
    },
  };
}
