import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationStore, Registry } from '../../src/registry/registry.ts';
import {
  describeRegistry,
  insertActive,
  makeRegistry,
  MovableClock,
  newTenant,
  operator,
  until,
  type TestRegistry,
} from './support.ts';

const leaseMs = 400;

describeRegistry('operations', (dialect) => {
  let made: TestRegistry;
  let a: Registry;
  let b: Registry;
  beforeAll(async () => {
    made = await makeRegistry(dialect, { leaseMs });
    a = made.registry;
    // The same name as the first: a process that was started again, for instance.
    b = await made.node({ leaseMs });
  });
  afterAll(() => made[Symbol.asyncDispose]());

  async function begin(store: OperationStore) {
    const { id } = await insertActive(a);
    return store.begin({ tenant: id, kind: 'move', input: { to: 'schema' } }, operator);
  }

  test('of many who begin an operation on one tenant one may', async () => {
    const { id } = await insertActive(a);
    const begun = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? a : b).operations.begin({ tenant: id, kind: 'suspend', input: {} }, operator),
      ),
    );
    expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of begun)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'operation_in_progress' });
  });

  test('when one has ended the next may begin', async () => {
    const first = await begin(a.operations);
    await a.operations.end(first.id, { state: 'done' });
    const next = await b.operations.begin({ tenant: first.tenant, kind: 'erase', input: {} }, operator);
    await b.operations.end(next.id, { state: 'cancelled' });
    const all = await a.operations.list({ tenant: first.tenant, limit: 10 });
    expect(all.map(({ kind, state }) => [kind, state])).toEqual([
      ['erase', 'cancelled'],
      ['move', 'done'],
    ]);
    expect(await a.operations.list({ tenant: first.tenant, state: 'done', limit: 10 })).toHaveLength(1);
  });

  test('what was recorded is read back: steps in their order, counts as text, the failure', async () => {
    const { id, tenant } = await begin(a.operations);
    await a.operations.recordStep(id, 'zebra', { removed: 12n });
    await a.operations.recordStep(id, 'ant', undefined);
    const failure = { code: 'compartment_unreachable', step: 'ant', reason: 'down' } as const;
    await a.operations.end(id, { state: 'failed', failure });
    expect(await b.operations.read(id)).toMatchObject({
      tenant,
      kind: 'move',
      state: 'failed',
      input: { to: 'schema' },
      actor: operator,
      failure,
      steps: [
        { name: 'zebra', result: { removed: '12' } },
        { name: 'ant', result: null },
      ],
    });
    expect((await b.operations.read(id))?.endedAt).toBeInstanceOf(Date);
  });

  test('a step that is recorded twice is one, as it was the first time', async () => {
    const { id } = await begin(a.operations);
    await Promise.all([1, 2, 3, 4].map((result) => a.operations.recordStep(id, 'copy', result)));
    const steps = (await a.operations.read(id))?.steps ?? [];
    expect(steps).toHaveLength(1);
    await a.operations.recordStep(id, 'copy', 99);
    expect((await a.operations.read(id))?.steps).toEqual(steps);
  });

  test('ending twice the same way is ending once; ending otherwise is refused', async () => {
    const { id, tenant } = await begin(a.operations);
    await a.operations.end(id, { state: 'done' });
    await a.operations.end(id, { state: 'done' });
    await expect(a.operations.end(id, { state: 'failed' })).rejects.toMatchObject({
      code: 'operation_in_progress',
    });
    await expect(a.operations.recordStep(id, 'late', 1)).rejects.toMatchObject({
      code: 'operation_in_progress',
    });
    const actions = (await a.audit.list({ tenant, limit: 10 })).map(({ action }) => action);
    expect(actions.filter((action) => action.startsWith('move.'))).toEqual(['move.done', 'move.started']);
  });

  test('an operation with a sign of life is left to its owner', async () => {
    const { id } = await begin(a.operations);
    for (let time = 0; time < 6; time += 1) {
      await new Promise((resolve) => setTimeout(resolve, leaseMs / 3));
      await a.operations.heartbeat(id);
      expect((await b.operations.claimAbandoned()).map((each) => each.id)).not.toContain(id);
    }
    await a.operations.end(id, { state: 'done' });
  });

  test('abandoned operations are claimed by one node each, with the steps that are done', async () => {
    const abandoned = await Promise.all(Array.from({ length: 8 }, () => begin(a.operations)));
    await Promise.all(abandoned.map(({ id }) => a.operations.recordStep(id, 'one', 1)));
    const claims: string[] = [];
    await until(async () => {
      const both = await Promise.all([a, b, a, b].map((node) => node.operations.claimAbandoned()));
      for (const operation of both.flat()) {
        if (!abandoned.some(({ id }) => id === operation.id)) continue;
        claims.push(operation.id);
        expect(operation.steps.map(({ name }) => name)).toEqual(['one']);
        // Ended at once, so that the lease does not run out again.
        for (const node of [a, b])
          await node.operations.end(operation.id, { state: 'done' }).catch(() => undefined);
      }
      return claims.length >= abandoned.length;
    });
    expect(claims.toSorted()).toEqual(abandoned.map(({ id }) => id).toSorted());
  });

  test('an owner that was thought dead can write nothing more', async () => {
    const { id } = await begin(a.operations);
    await until(async () => (await b.operations.claimAbandoned()).some((each) => each.id === id));
    const taken = { code: 'operation_in_progress' };
    await expect(a.operations.heartbeat(id)).rejects.toMatchObject(taken);
    await expect(a.operations.recordStep(id, 'late', 1)).rejects.toMatchObject(taken);
    await expect(a.operations.end(id, { state: 'failed' })).rejects.toMatchObject(taken);
    await b.operations.recordStep(id, 'taken over', 1);
    await b.operations.end(id, { state: 'done' });
    expect(await a.operations.read(id)).toMatchObject({ state: 'done', steps: [{ name: 'taken over' }] });
  });

  test("a node whose clock is a year ahead takes nobody's work away", async () => {
    const clock = new MovableClock();
    clock.advance(365 * 86_400_000);
    const ahead = await made.node({ leaseMs: 60_000, clock });
    const long = await made.node({ leaseMs: 60_000 });
    const { id } = await begin(long.operations);
    expect((await ahead.operations.claimAbandoned()).map((each) => each.id)).not.toContain(id);
    const { id: own } = await begin(ahead.operations);
    expect((await long.operations.claimAbandoned()).map((each) => each.id)).not.toContain(own);
  });

  test('an operation needs a tenant, and ending needs an operation', async () => {
    await expect(
      a.operations.begin({ tenant: newTenant().id, kind: 'move', input: {} }, operator),
    ).rejects.toMatchObject({ code: 'tenant_not_found' });
    await expect(a.operations.end(newTenant().id, { state: 'done' })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await a.operations.read(newTenant().id)).toBeUndefined();
  });
});
