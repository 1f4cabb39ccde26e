import type { Bulkhead } from '../../bulkhead.ts';
import { BulkheadError } from '../../core/errors.ts';
import { toIso } from '../views.ts';
import type { TenantHandlers } from './handler.ts';

export function createMeHandler({ registry }: Pick<Bulkhead, 'registry'>): Pick<TenantHandlers, 'me'> {
  const { directory } = registry;
  return {
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
