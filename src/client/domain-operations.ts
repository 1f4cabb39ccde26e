import type { Operation } from './operation.ts';
import * as domains from './schemas/domains.ts';

/** Host names of tenants' own. Part of the contract. */
export const domainOperations = {
  claimDomain: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/domains',
    plane: 'operator',
    tag: 'Domains',
    summary: 'Claim a domain for a tenant; it is told what to put into its DNS',
    body: domains.NewDomainBody,
    status: 201,
    response: domains.DomainView,
    errors: ['tenant_not_found', 'value_invalid'],
  },
  listDomains: {
    method: 'GET',
    path: '/v1/tenants/{tenant}/domains',
    plane: 'operator',
    tag: 'Domains',
    summary: 'List the domains of a tenant',
    status: 200,
    response: domains.DomainListView,
    errors: ['tenant_not_found'],
  },
  verifyDomain: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/domains/{domain}/verify',
    plane: 'operator',
    tag: 'Domains',
    summary: 'Look for the challenge in DNS; from then on the domain names the tenant',
    status: 200,
    response: domains.DomainView,
    errors: ['tenant_not_found', 'not_found', 'domain_unproven', 'conflict'],
  },
  removeDomain: {
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/domains/{domain}',
    plane: 'operator',
    tag: 'Domains',
    summary: 'Take a domain away from a tenant, on every node within a second',
    status: 204,
    errors: ['tenant_not_found', 'not_found'],
  },
} as const satisfies Record<string, Operation>;
