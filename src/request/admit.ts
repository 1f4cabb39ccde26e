import type { KeyId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import { allowed, refused } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ResolvedTenant, TenantDirectory } from '../registry/registry.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';
import { readParents } from './parents.ts';

export type Admitted = Verdict<true>;

/** One reason not to serve a tenant now. Rate, quota, budget and policy are further checks in the list. */
export type AdmissionCheck = (tenant: ResolvedTenant, visit: AdmissionVisit) => Maybe<Admitted>;

/** Who asks to be admitted, as far as a check may care. */
export interface AdmissionVisit {
  readonly actor: Actor;
  /** The API key that was shown, where one was. */
  readonly keyId: KeyId | undefined;
  /** Path and query as received. */
  readonly url: string;
  /** What the answer shall say however it goes; checks add to it. */
  headers: Readonly<Record<string, string>>;
}

const passed: Admitted = Object.freeze(allowed(true as const));

/**
 * Step two. The checks run in order; the first refusal stands.
 * @returns refused: tenant_inactive, or what a check says
 */
export function admit(
  tenant: ResolvedTenant,
  checks: readonly AdmissionCheck[],
  visit: AdmissionVisit,
): Maybe<Admitted> {
  return admitFrom(0, tenant, { checks, visit });
}

function admitFrom(
  start: number,
  tenant: ResolvedTenant,
  asked: { readonly checks: readonly AdmissionCheck[]; readonly visit: AdmissionVisit },
): Maybe<Admitted> {
  const { checks, visit } = asked;
  for (let index = start; index < checks.length; index += 1) {
    const verdict = checks[index]?.(tenant, visit) ?? passed;
    if (verdict instanceof Promise)
      return chain(verdict, (awaited) =>
        awaited.kind === 'refused' ? awaited : admitFrom(index + 1, tenant, asked),
      );
    if (verdict.kind === 'refused') return verdict;
  }
  return passed;
}

/** Whether it is served at all, whoever asks. */
export type StateCheck = (tenant: ResolvedTenant) => Maybe<Admitted>;

/** What every node admits by. */
export function createAdmissionChecks(
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
): readonly StateCheck[] {
  return [isActive, (tenant) => areParentsActive(tenant, directory)];
}

/** The state of the tenant and of its parents alone: for work under way, and for work that no request asks for. */
export function admitByState(
  tenant: ResolvedTenant,
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
): Maybe<Admitted> {
  return chain(isActive(tenant), (verdict) =>
    verdict.kind === 'refused' ? verdict : areParentsActive(tenant, directory),
  );
}

/** Every state but active refuses data traffic, on a cache hit too. `detail.reason` is the state; one that is gone never was. */
export function isActive(tenant: Tenant): Admitted {
  if (tenant.state === 'deleted') return refused('tenant_not_found');
  return tenant.state === 'active' ? passed : refused('tenant_inactive', { reason: tenant.state });
}

/** A suspended hospital network takes its departments with it. */
function areParentsActive(
  tenant: ResolvedTenant,
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
): Maybe<Admitted> {
  if (tenant.parent === undefined) return passed;
  return chain(readParents(tenant, directory), (parents): Admitted => {
    if (parents.kind === 'refused') return parents;
    const asleep = parents.value.find(({ state }) => state !== 'active');
    return asleep === undefined ? passed : refused('tenant_inactive', { reason: `parent_${asleep.state}` });
  });
}
