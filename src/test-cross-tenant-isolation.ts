import type { Bulkhead } from './bulkhead.ts';
import { BulkheadError } from './core/errors.ts';
import { parseSlug, parseTenantId } from './core/ids.ts';
import type { Tenant } from './core/tenant.ts';
import { createVerifier } from './create-verifier.ts';
import type { VerificationResult } from './verify/verification.ts';

export interface IsolationTest {
  /** Every attempt to leak failed, so the test passed. */
  readonly passed: boolean;
  readonly summary: string;
  /** What was tried, and what came of each attempt. */
  readonly evidence: VerificationResult;
}

/**
 * Tries to leak from each of two tenants into the other, in every store, in the library, the pools and the registry, and
 * proves the databases they are in. The leak attempts fail, the test passes. Both tenants are left as they were, but for
 * two revoked keys; a throw-away tenant is made as the negative control and removed.
 * @param a, b id or slug
 * @throws tenant_not_found, value_invalid where both are the same
 */
export async function testCrossTenantIsolation(
  bulkhead: Bulkhead,
  a: string,
  b: string,
): Promise<IsolationTest> {
  const between = [await findTenant(bulkhead, a), await findTenant(bulkhead, b)] as const;
  if (between[0].id === between[1].id)
    throw new BulkheadError('value_invalid', { field: 'b', reason: 'a tenant has no wall against itself' });
  const verify = createVerifier(bulkhead, { version: 'library' });
  const evidence = await verify({
    between,
    sample: 0,
    mutations: 'without',
    maxTables: 0,
    meanwhile: 'still',
  });
  const passed = evidence.verdict === 'held';
  return {
    passed,
    summary: passed
      ? `${evidence.executed} leak attempts failed: the test passed`
      : `the test did not pass (${evidence.verdict}): ${evidence.reasons[0] ?? ''}`,
    evidence,
  };
}

async function findTenant({ registry }: Bulkhead, named: string): Promise<Tenant> {
  const id = parseTenantId(named);
  const slug = parseSlug(named);
  const tenant =
    id === undefined
      ? slug === undefined
        ? undefined
        : await registry.tenants.readBySlug(slug)
      : await registry.tenants.read(id);
  if (tenant === undefined) throw new BulkheadError('tenant_not_found');
  return tenant;
}
