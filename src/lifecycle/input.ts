import { BulkheadError } from '../core/errors.ts';
import { isReservedSlug, newTenantId, parseSlug, parseTenantId, type TenantId } from '../core/ids.ts';
import { parseIsolation } from '../core/placement.ts';
import type { Plan } from '../core/plan.ts';
import type { NewTenant, Registry } from '../registry/registry.ts';
import type { CreateTenantInput } from './lifecycle.ts';

const REGION = /^[a-z0-9][a-z0-9-]{0,39}$/;
const NAME = /^[^\p{Cc}\p{Cs}\p{Co}]{1,200}$/u;

/** Everything that can be wrong with a new tenant, found before anything is written. */
export async function parseNewTenant(
  registry: Registry,
  input: CreateTenantInput,
): Promise<{ readonly tenant: NewTenant; readonly plan: Plan }> {
  const slug = parseSlug(input.slug);
  if (slug === undefined)
    throw invalid('slug', '3 to 48 characters of a-z, 0-9 and single inner hyphens, such as acme-health');
  if (isReservedSlug(slug)) throw invalid('slug', 'this name is reserved; choose another');
  const name = input.name.trim();
  if (!NAME.test(name)) throw invalid('name', '1 to 200 characters, without control characters');
  if (input.region !== undefined && !REGION.test(input.region))
    throw invalid('region', 'up to 40 characters of a-z, 0-9 and hyphens, such as eu-central-1');
  const plan = await registry.plans.read(input.plan ?? 'free');
  if (plan === undefined) {
    const known = (await registry.plans.list()).map(({ id }) => id).join(', ');
    throw new BulkheadError('plan_unknown', { field: 'plan', hint: `use one of ${known}` });
  }
  const isolation = input.isolation === undefined ? plan.defaultIsolation : parseIsolation(input.isolation);
  if (isolation === undefined) throw invalid('isolation', 'one of shared, schema, database, dedicated');
  if (!plan.isolations.includes(isolation))
    throw new BulkheadError('isolation_unavailable', {
      field: 'isolation',
      reason: `plan ${plan.id} allows ${plan.isolations.join(', ')}`,
    });
  return {
    plan,
    tenant: {
      id: newTenantId(),
      slug,
      name,
      plan: plan.id,
      isolation,
      region: input.region,
      parent: await readParent(registry, input.parent),
      features: input.features ?? [],
      settings: input.settings ?? {},
    },
  };
}

async function readParent(registry: Registry, raw: string | undefined): Promise<TenantId | undefined> {
  if (raw === undefined) return undefined;
  const id = parseTenantId(raw);
  const slug = parseSlug(raw);
  const parent =
    id === undefined
      ? slug === undefined
        ? undefined
        : await registry.tenants.readBySlug(slug)
      : await registry.tenants.read(id);
  if (parent === undefined)
    throw new BulkheadError('hierarchy_refused', { field: 'parent', reason: 'there is no such tenant' });
  return parent.id;
}

function invalid(field: string, reason: string): BulkheadError {
  return new BulkheadError('request_invalid', { field, reason });
}
