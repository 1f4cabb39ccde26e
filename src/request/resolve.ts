import type { Tenant } from '../core/tenant.ts';
import { allowed, refused } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ResolvedTenant, TenantDirectory } from '../registry/registry.ts';
import type { Call } from './call.ts';
import { readSecret, unauthenticated } from './credential.ts';
import type { CredentialStrategy, Principal } from './credential.ts';
import { readHints } from './hints.ts';
import type { Hint, HintSettings } from './hints.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';

/** Who calls, and the one tenant they call for. */
export interface Identity {
  readonly principal: Principal;
  readonly tenant: ResolvedTenant;
}

export interface ResolveParts {
  readonly strategies: readonly CredentialStrategy[];
  readonly directory: Pick<TenantDirectory, 'peek' | 'byId' | 'domains'>;
  readonly hints: HintSettings;
  /** Told of every caller whose request names a tenant that the credential is not for. */
  crossed(attempt: CrossTenantAttempt): void;
}

export interface CrossTenantAttempt {
  readonly principal: Principal;
  readonly hint: Hint;
  readonly call: Call;
}

/**
 * Step one. The credential identifies; hints must agree with it, every one of them, whatever their order.
 * A hint is never looked up in the database, so a request naming a foreign tenant and one naming none take the same path and time.
 * @returns refused: request_invalid, unauthenticated, claims_conflict, tenant_missing, tenant_ambiguous
 */
export function resolve(call: Call, parts: ResolveParts): Maybe<Verdict<Identity>> {
  const { repeated } = call.headers;
  if (repeated !== undefined)
    return refused('request_invalid', { field: repeated, reason: 'the header was sent more than once' });
  const secret = readSecret(call.headers);
  if (secret.kind === 'refused') return secret;
  const strategy = parts.strategies.find((candidate) => candidate.recognises(secret.value));
  if (strategy === undefined) return unauthenticated;
  return chain(strategy.verify(secret.value, call), (principal) => {
    if (principal.kind === 'refused') return unauthenticated;
    return chain(parts.directory.domains(), (domains) => {
      const hints = readHints(call, parts.hints, domains);
      return hints.kind === 'refused' ? hints : chooseTenant(principal.value, hints.value, call, parts);
    });
  });
}

function chooseTenant(
  principal: Principal,
  hints: readonly Hint[],
  call: Call,
  parts: ResolveParts,
): Maybe<Verdict<Identity>> {
  if (principal.tenants.length === 0) return refused('tenant_missing');
  return chain(readTenants(principal, parts.directory), (tenants) => {
    // The credential outlived its tenant: it proves nothing any more.
    if (tenants.length === 0) return unauthenticated;
    const stray = hints.find((hint) => !tenants.some((tenant) => isNamed(tenant, hint.named)));
    if (stray !== undefined) {
      parts.crossed({ principal, hint: stray, call });
      return refused('claims_conflict');
    }
    return chooseOne(principal, tenants, hints);
  });
}

function chooseOne(
  principal: Principal,
  tenants: readonly ResolvedTenant[],
  hints: readonly Hint[],
): Verdict<Identity> {
  const named = tenants.filter((tenant) => hints.every((hint) => isNamed(tenant, hint.named)));
  const [tenant, another] = named;
  if (another !== undefined) return refused('tenant_ambiguous', { hint: 'name one with X-Tenant-ID' });
  // None left: two hints name two tenants of the same credential, and so contradict each other.
  return tenant === undefined ? refused('claims_conflict') : allowed({ principal, tenant });
}

/** The tenants of the credential that exist. One tenant, cached: no I/O, no promise. */
function readTenants(
  { tenants }: Principal,
  directory: ResolveParts['directory'],
): Maybe<readonly ResolvedTenant[]> {
  const [only, ...others] = tenants;
  if (only !== undefined && others.length === 0)
    return chain(directory.peek(only) ?? directory.byId(only), (found) => (isThere(found) ? [found] : []));
  return Promise.all(tenants.map(async (id) => directory.peek(id) ?? directory.byId(id))).then((found) =>
    found.filter(isThere),
  );
}

/** A tenant that was erased has a row still, and is answered for as one that never had any. */
function isThere(tenant: ResolvedTenant | undefined): tenant is ResolvedTenant {
  return tenant !== undefined && tenant.state !== 'deleted';
}

/** Exact: ids and slugs have one spelling each. */
function isNamed(tenant: Tenant, named: string): boolean {
  return named === tenant.id || named === tenant.slug;
}
