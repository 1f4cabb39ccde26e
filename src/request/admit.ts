import type { TenantId } from '../core/ids.ts';
import { maxHierarchyDepth } from '../core/tenant.ts';
import type { Tenant } from '../core/tenant.ts';
import { allowed, refused } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ResolvedTenant, TenantDirectory } from '../registry/registry.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';

export type Admitted = Verdict<true>;

/** One reason not to serve a tenant now. Rate, quota, budget and policy are further checks in the list. */
export type AdmissionCheck = (tenant: ResolvedTenant) => Maybe<Admitted>;

const passed: Admitted = Object.freeze(allowed(true as const));

/**
 * Step two. The checks run in order; the first refusal stands.
 * @returns refused: tenant_inactive, or what a check says
 */
export function admit(tenant: ResolvedTenant, checks: readonly AdmissionCheck[]): Maybe<Admitted> {
  return admitFrom(0, tenant, checks);
}

function admitFrom(
  start: number,
  tenant: ResolvedTenant,
  checks: readonly AdmissionCheck[],
): Maybe<Admitted> {
  for (let index = start; index < checks.length; index += 1) {
    const verdict = checks[index]?.(tenant) ?? passed;
    if (verdict instanceof Promise)
      return chain(verdict, (awaited) =>
        awaited.kind === 'refused' ? awaited : admitFrom(index + 1, tenant, checks),
      );
    if (verdict.kind === 'refused') return verdict;
  }
  return passed;
}

/** What every node admits by. */
export function createAdmissionChecks(
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
): readonly AdmissionCheck[] {
  return [isActive, (tenant) => areParentsActive(tenant.parent, maxHierarchyDepth, directory)];
}

/** Every state but active refuses data traffic, on a cache hit too. `detail.reason` is the state. */
export function isActive(tenant: Tenant): Admitted {
  return tenant.state === 'active' ? passed : refused('tenant_inactive', { reason: tenant.state });
}

/** A suspended hospital network takes its departments with it. */
function areParentsActive(
  parent: TenantId | undefined,
  levelsLeft: number,
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
): Maybe<Admitted> {
  if (parent === undefined) return passed;
  return chain(directory.peek(parent) ?? directory.byId(parent), (found): Maybe<Admitted> => {
    // A parent that cannot be read, or a chain longer than any we make, is no permission.
    if (found === undefined || levelsLeft === 0)
      return refused('tenant_inactive', { reason: 'parent_missing' });
    if (found.state !== 'active') return refused('tenant_inactive', { reason: `parent_${found.state}` });
    return areParentsActive(found.parent, levelsLeft - 1, directory);
  });
}
