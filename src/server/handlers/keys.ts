import type { Bulkhead } from '../../bulkhead.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseKeyId } from '../../core/ids.ts';
import type { KeyId } from '../../core/ids.ts';
import { parseExpiry } from '../expiry.ts';
import { toKeyView } from '../views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';

type KeyHandlers = Pick<OperatorHandlers, 'issueKey' | 'listKeys' | 'rotateKey' | 'revokeKey'>;

export function createKeyHandlers({ registry, clock }: Bulkhead): KeyHandlers {
  const { tenants, keys } = registry;
  return {
    async issueKey({ params, body }, actor) {
      const tenant = await findTenant(tenants, params.tenant);
      if (tenant.state === 'offboarding' || tenant.state === 'deleted')
        throw new BulkheadError('tenant_inactive', { reason: tenant.state });
      const expiresAt = parseExpiry(body.expiresAt, clock);
      const issued = await keys.issue({ tenant: tenant.id, name: body.name, expiresAt }, actor);
      return { ...toKeyView(issued.key), key: issued.secret };
    },

    async listKeys({ params }) {
      const { id } = await findTenant(tenants, params.tenant);
      return { items: (await keys.list(id)).map(toKeyView) };
    },

    async rotateKey({ params, body }, actor) {
      const { id: tenant } = await findTenant(tenants, params.tenant);
      const id = readKeyId(params.key);
      const issued = await keys.rotate({ tenant, id, overlapMs: body.overlapSeconds * 1_000 }, actor);
      return { ...toKeyView(issued.key), key: issued.secret };
    },

    async revokeKey({ params }, actor) {
      const { id: tenant } = await findTenant(tenants, params.tenant);
      return toKeyView(await keys.revoke({ tenant, id: readKeyId(params.key) }, actor));
    },
  };
}

/** @throws not_found: an id that no key can have belongs to no key */
function readKeyId(raw: string): KeyId {
  const id = parseKeyId(raw);
  if (id === undefined) throw new BulkheadError('not_found');
  return id;
}
