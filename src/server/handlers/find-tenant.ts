import { BulkheadError } from '../../core/errors.ts';
import { parseSlug, parseTenantId } from '../../core/ids.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { TenantStore } from '../../registry/registry.ts';

/**
 * The tenant that a path names, by id or slug, past the cache: an operator sees what is, not what was.
 * @throws tenant_not_found
 */
export async function findTenant(
  tenants: Pick<TenantStore, 'read' | 'readBySlug'>,
  named: string,
): Promise<Tenant> {
  const id = parseTenantId(named);
  const slug = parseSlug(named);
  const found =
    id !== undefined
      ? await tenants.read(id)
      : slug !== undefined
        ? await tenants.readBySlug(slug)
        : undefined;
  if (found === undefined) throw new BulkheadError('tenant_not_found');
  return found;
}
