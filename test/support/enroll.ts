import { parseSlug, type TenantId } from '../../src/core/ids.ts';
import type { Isolation } from '../../src/core/placement.ts';
import type { Bulkhead } from '../../src/bulkhead.ts';
import { operator } from './node.ts';

/** Makes a tenant that a conformance suite places by hand known to the registry: the node asks it about every tenant. */
export async function enroll(node: Bulkhead, id: TenantId, isolation: Isolation): Promise<void> {
  const { tenants } = node.registry;
  const slug = parseSlug(`t-${id.slice(0, 8)}-${id.slice(-8)}`);
  if (slug === undefined) throw new Error('not a slug');
  const rest = { plan: 'enterprise', region: undefined, parent: undefined, features: [], settings: {} };
  await tenants.insert({ id, slug, name: slug, isolation, ...rest }, operator);
  await tenants.transition(id, 'provisioned', operator);
}
