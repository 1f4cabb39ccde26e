import { maxHierarchyDepth } from '../core/tenant.ts';
import { allowed, refused } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ResolvedTenant, TenantDirectory } from '../registry/registry.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';

/** What stands above tenants: limits, budgets and states are inherited along it, nearest first. */
export type Parents = Verdict<readonly ResolvedTenant[]>;

const nobody: Parents = Object.freeze(allowed(Object.freeze([])));

/**
 * The tenants above one, the nearest first. Warm, it does no I/O and returns no promise.
 * @returns refused tenant_inactive where one of them cannot be read, or the line is longer than any we make
 */
export function readParents(
  tenant: Pick<ResolvedTenant, 'parent'>,
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
): Maybe<Parents> {
  return tenant.parent === undefined ? nobody : climb(tenant, directory, []);
}

function climb(
  { parent }: Pick<ResolvedTenant, 'parent'>,
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
  line: readonly ResolvedTenant[],
): Maybe<Parents> {
  if (parent === undefined) return allowed(line);
  if (line.length === maxHierarchyDepth) return refused('tenant_inactive', { reason: 'parent_missing' });
  return chain(directory.peek(parent) ?? directory.byId(parent), (found) =>
    found === undefined
      ? refused('tenant_inactive', { reason: 'parent_missing' })
      : climb(found, directory, [...line, found]),
  );
}
