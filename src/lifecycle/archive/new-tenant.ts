import { BulkheadError } from '../../core/errors.ts';
import { parseIsolation } from '../../core/placement.ts';
import type { Plan } from '../../core/plan.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import type { NewFromArchive, TenantInTheMaking } from '../archives.ts';
import { parseNewTenant } from '../input.ts';
import { provision } from '../provision.ts';
import type { TenantPart } from './manifest.ts';
import { fillingSteps, type Filling } from './fill.ts';
import type { ArchiveDeps } from './work.ts';

export interface Making {
  readonly kind: 'import' | 'clone';
  /** All that another process needs to go on. */
  readonly input: Readonly<Record<string, unknown>>;
}

/**
 * A new tenant, with an id of its own, in the likeness of another.
 * @returns its row and its operation; its places are not there yet
 */
export async function insertLike(
  deps: ArchiveDeps,
  like: TenantPart & { readonly slug: string },
  work: { readonly wanted: NewFromArchive; readonly making: Making; readonly actor: Actor },
): Promise<{ readonly tenant: Tenant; readonly operation: Operation }> {
  const { wanted, making, actor } = work;
  const parsed = await parseNewTenant(deps.registry, {
    slug: wanted.slug ?? like.slug,
    name: wanted.name ?? like.name,
    plan: wanted.plan ?? like.plan,
    isolation: wanted.isolation ?? (await offered(deps, wanted.plan ?? like.plan, like.isolation)),
    region: wanted.region ?? like.region ?? undefined,
    parent: wanted.parent,
    features: like.features,
    settings: like.settings,
  });
  const tenant = await deps.registry.tenants.insert(parsed.tenant, actor);
  const input = { ...making.input, server: wanted.server ?? null };
  const operation = await deps.operations.begin({ tenant: tenant.id, kind: making.kind, input }, actor);
  return { tenant, operation };
}

/** The isolation it had, where the plan sells it. */
async function offered(deps: ArchiveDeps, plan: string, had: string): Promise<string | undefined> {
  const found = await deps.registry.plans.read(plan);
  const isolation = parseIsolation(had);
  return isolation !== undefined && found?.isolations.includes(isolation) === true ? isolation : undefined;
}

/** Places, fills and opens it; undone wholly where any of that fails. */
export async function makeTenant(
  deps: ArchiveDeps,
  work: { readonly operation: Operation; readonly fillings: readonly Filling[]; readonly actor: Actor },
): Promise<Tenant> {
  const { operation, fillings, actor } = work;
  const tenant = await deps.registry.tenants.read(operation.tenant);
  if (tenant === undefined) throw new BulkheadError('tenant_not_found');
  const plan = await readPlan(deps, tenant);
  const server = operation.input['server'];
  return await provision(deps, {
    tenant,
    plan,
    server: typeof server === 'string' ? server : undefined,
    template: undefined,
    operation,
    actor,
    fill: (placed) => fillingSteps(deps, operation, { fillings, placed }),
  });
}

async function readPlan({ registry }: ArchiveDeps, tenant: Tenant): Promise<Plan> {
  const plan = await registry.plans.read(tenant.plan);
  if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: tenant.plan });
  return plan;
}

export function inTheMaking(
  begun: { readonly tenant: Tenant; readonly operation: Operation },
  ended: Promise<Tenant>,
): TenantInTheMaking {
  // Whoever does not wait for it finds its end in the journal.
  ended.catch(() => undefined);
  return { ...begun, ended };
}
