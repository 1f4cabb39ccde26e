import type { Bulkhead } from '../../bulkhead.ts';
import type { DomainView } from '../../client/schemas/domains.ts';
import type { TenantDomain } from '../../registry/domains.ts';
import { toIso } from '../views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';

type DomainHandlers = Pick<OperatorHandlers, 'claimDomain' | 'listDomains' | 'verifyDomain' | 'removeDomain'>;

export function createDomainHandlers({ registry }: Pick<Bulkhead, 'registry'>): DomainHandlers {
  const { domains, tenants } = registry;
  return {
    async claimDomain({ params, body }, actor) {
      const { id } = await findTenant(tenants, params.tenant);
      return toDomainView(await domains.claim(id, body.domain, actor));
    },

    async listDomains({ params }) {
      const { id } = await findTenant(tenants, params.tenant);
      return { items: (await domains.list(id)).map(toDomainView) };
    },

    async verifyDomain({ params }, actor) {
      const { id } = await findTenant(tenants, params.tenant);
      return toDomainView(await domains.verify(id, params.domain, actor));
    },

    async removeDomain({ params }, actor) {
      const { id } = await findTenant(tenants, params.tenant);
      await domains.remove(id, params.domain, actor);
    },
  };
}

function toDomainView({ domain, challenge, recordName, verifiedAt }: TenantDomain): DomainView {
  return {
    domain,
    state: verifiedAt === undefined ? 'claimed' : 'verified',
    record: { name: recordName, type: 'TXT', value: challenge },
    verifiedAt: toIso(verifiedAt),
  };
}
