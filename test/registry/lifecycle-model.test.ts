import { array, assert, asyncProperty, constantFrom } from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import { tenantEvents, transitions, type TenantEvent, type TenantState } from '../../src/core/tenant.ts';
import type { Registry } from '../../src/registry/registry.ts';
import {
  describeRegistry,
  insertActive,
  makeRegistry,
  newTenant,
  operator,
  type TestRegistry,
} from './support.ts';

async function outcomeOf(pending: Promise<{ readonly state: TenantState }>): Promise<string> {
  return pending.then(
    ({ state }) => state,
    (error: unknown) => (isBulkheadError(error) ? error.code : String(error)),
  );
}

describeRegistry('the lifecycle', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  let other: Registry;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    ({ registry } = made);
    other = await made.node();
  });
  afterAll(() => made[Symbol.asyncDispose]());

  test('whatever is asked of a tenant, in whatever order, it goes where the table says and nowhere else', async () => {
    let asked = 0;
    await assert(
      asyncProperty(array(constantFrom(...tenantEvents), { minLength: 1, maxLength: 12 }), async (events) => {
        const { id } = await registry.tenants.insert(newTenant(), operator);
        let state: TenantState = 'provisioning';
        for (const event of events) {
          const next: TenantState | undefined = transitions[state][event];
          const before = await registry.tenants.read(id);
          expect(await outcomeOf(registry.tenants.transition(id, event, operator))).toBe(
            next ?? 'transition_refused',
          );
          const after = await registry.tenants.read(id);
          state = next ?? state;
          expect(after?.state).toBe(state);
          if (next === undefined) expect(after).toEqual(before);
          else expect(after?.epoch).toBeGreaterThan(before?.epoch ?? Infinity);
          expect((await registry.directory.byId(id))?.state).toBe(state);
          asked += 1;
        }
      }),
      { numRuns: 40 },
    );
    expect(asked).toBeGreaterThan(40);
  });

  test('of many who ask for the same change on two nodes exactly one makes it', async () => {
    const { id } = await insertActive(registry);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        outcomeOf((index % 2 === 0 ? registry : other).tenants.transition(id, 'suspended', operator)),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'suspended')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'transition_refused')).toHaveLength(19);
    const actions = (await registry.audit.list({ tenant: id, limit: 50 })).map(({ action }) => action);
    expect(actions.filter((action) => action === 'tenant.suspended')).toHaveLength(1);
  });

  test('changes that contradict each other end in a state that the table reaches by some order of them', async () => {
    const wanted: readonly TenantEvent[] = ['suspended', 'resumed', 'offboarded', 'reinstated'];
    const { id } = await insertActive(registry);
    const outcomes = await Promise.all(
      wanted.flatMap((event) => [
        outcomeOf(registry.tenants.transition(id, event, operator)),
        outcomeOf(other.tenants.transition(id, event, operator)),
      ]),
    );
    const made_ = outcomes.filter((outcome) => outcome !== 'transition_refused');
    const events = (await registry.audit.list({ tenant: id, limit: 50 }))
      .toReversed()
      .flatMap(({ action }) => tenantEvents.find((event) => action === `tenant.${event}`) ?? [])
      .slice(1);
    expect(events).toHaveLength(made_.length);
    const end = events.reduce<TenantState | undefined>(
      (state, event) => (state === undefined ? undefined : transitions[state][event]),
      'active',
    );
    expect((await registry.tenants.read(id))?.state).toBe(end);
  });

  test('a tenant that does not exist has no lifecycle', async () => {
    expect(await outcomeOf(registry.tenants.transition(newTenant().id, 'suspended', operator))).toBe(
      'tenant_not_found',
    );
  });
});
