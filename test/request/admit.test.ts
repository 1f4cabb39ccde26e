import { describe, expect, test } from 'vitest';
import { tenantStates } from '../../src/core/tenant.ts';
import { allowed, refused } from '../../src/core/verdict.ts';
import { admit, createAdmissionChecks } from '../../src/request/admit.ts';
import type { AdmissionCheck, AdmissionVisit } from '../../src/request/admit.ts';
import { FakeRegistry } from './fake-registry.ts';

const visit: AdmissionVisit = {
  actor: { kind: 'key', id: 'k' },
  keyId: undefined,
  url: '/v1/me',
  headers: {},
};

describe.each([true, false])('with a cache that is warm: %s', (warm) => {
  const open = () => {
    const registry = new FakeRegistry();
    registry.warm = warm;
    return { registry, checks: createAdmissionChecks(registry.node().registry.directory) };
  };

  test.each(tenantStates)('a tenant that is %s', async (state) => {
    const { registry, checks } = open();
    const { tenant } = registry.add('acme', { state });
    expect(await admit(tenant, checks, visit)).toEqual(
      state === 'active'
        ? allowed(true)
        : state === 'deleted'
          ? refused('tenant_not_found')
          : refused('tenant_inactive', { reason: state }),
    );
  });

  test.each(tenantStates)('a grandchild of a tenant that is %s', async (state) => {
    const { registry, checks } = open();
    const root = registry.add('root-tenant', { state }).tenant;
    const child = registry.add('child', { parent: root.id }).tenant;
    const grandchild = registry.add('grandchild', { parent: child.id }).tenant;
    expect(await admit(grandchild, checks, visit)).toEqual(
      state === 'active' ? allowed(true) : refused('tenant_inactive', { reason: `parent_${state}` }),
    );
  });

  test('a tenant whose parent cannot be found', async () => {
    const { registry, checks } = open();
    const root = registry.add('root-tenant').tenant;
    const child = registry.add('child', { parent: root.id }).tenant;
    registry.tenants.delete(root.id);
    expect(await admit(child, checks, visit)).toEqual(
      refused('tenant_inactive', { reason: 'parent_missing' }),
    );
  });

  test('parents that form a circle end in a refusal, not in a loop', async () => {
    const { registry, checks } = open();
    const one = registry.add('one-tenant').tenant;
    const two = registry.add('two-tenant', { parent: one.id }).tenant;
    registry.change(one.id, { parent: two.id });
    expect(await admit(two, checks, visit)).toMatchObject({ kind: 'refused', code: 'tenant_inactive' });
  });
});

test('checks run in order, and stop at the first that refuses', async () => {
  const asked: string[] = [];
  const check =
    (name: string, verdict: ReturnType<AdmissionCheck>): AdmissionCheck =>
    () => {
      asked.push(name);
      return verdict;
    };
  const { tenant } = new FakeRegistry().add('acme');
  const verdict = await admit(
    tenant,
    [
      check('status', allowed(true)),
      check('rate', Promise.resolve(allowed(true as const))),
      check('quota', Promise.resolve(refused('pool_saturated', {}, 2_000))),
      check('budget', allowed(true)),
    ],
    visit,
  );
  expect(asked).toEqual(['status', 'rate', 'quota']);
  expect(verdict).toEqual(refused('pool_saturated', {}, 2_000));
});
