import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../src/core/clock.ts';
import type { TenantId } from '../../../src/core/ids.ts';
import type { Checkpoint } from '../../../src/lifecycle/journal.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { recoverNow } from '../../support/recovery.ts';
import { describeWith } from '../../support/services.ts';
import { fill, readIds } from './support/traffic.ts';

/** A clock that somebody sets; durations go on as they do. */
class SetClock implements Clock {
  offsetMs = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.offsetMs;
  }
  monotonicMs(): number {
    return systemClock.monotonicMs();
  }
}

describeWith('postgres', 'a move that meets a fault of the world', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  const clock = new SetClock();
  let fault: { readonly step: string; readonly run: () => Promise<void> } | undefined;
  const checkpoint: Checkpoint = async (step, moment) => {
    if (fault?.step !== step || moment !== 'before') return;
    const { run } = fault;
    fault = undefined;
    await run();
  };
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url, checkpoint, clock });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const nameOf = (tenant: TenantId): string => `tenant_${tenant.replaceAll('-', '')}`;
  const rowsOnly = { only: ['rows'] };

  async function takeDown(name: string): Promise<void> {
    await database.root.script(`alter database ${name} with allow_connections false`);
    await database.root.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      name,
    ]);
  }

  async function endLease(tenant: TenantId): Promise<void> {
    await database.root.query(
      `update bulkhead.operation set lease_until = now() - interval '1 hour' where tenant_id = $1 and state = 'running'`,
      [tenant],
    );
  }

  async function whole(tenant: TenantId, filled: readonly string[]): Promise<void> {
    expect((await readIds(bed.node, tenant)).toSorted()).toEqual(filled.toSorted());
  }

  test('a target that vanishes in the middle leaves the tenant whole at its source, and the next move finds its way', async () => {
    const { node } = bed;
    const { id } = await bed.tenant('shared');
    const filled = await fill(node, id, 300);
    fault = {
      step: 'copy rows documents',
      run: () => database.root.script(`drop database ${nameOf(id)} with (force)`),
    };
    const move = { tenant: id, isolation: 'database', ...rowsOnly };
    await expect(node.lifecycle.move(move, operator)).rejects.toMatchObject({
      code: 'compartment_unreachable',
    });
    await whole(id, filled);
    const { phase, operation } = await node.lifecycle.moveOf(id);
    expect(phase).toBe('failed');
    expect(operation?.failure).toMatchObject({ code: 'compartment_unreachable' });

    await node.lifecycle.move(move, operator);
    await whole(id, filled);
    await node.lifecycle.confirmMove(id, operator);
    await whole(id, filled);
  });

  test('a target that goes down in the middle is named as left behind, keeps nobody from working, and is used again when it is back', async () => {
    const { node } = bed;
    const { id } = await bed.tenant('shared');
    const filled = await fill(node, id, 300);
    fault = { step: 'copy rows documents', run: () => takeDown(nameOf(id)) };
    const move = { tenant: id, isolation: 'database', ...rowsOnly };
    await expect(node.lifecycle.move(move, operator)).rejects.toMatchObject({
      code: 'compartment_unreachable',
    });
    await whole(id, filled);
    const { operation } = await node.lifecycle.moveOf(id);
    expect(operation?.state).toBe('rolled_back');
    expect(operation?.steps.find(({ name }) => name === 'left behind')?.result).toEqual({
      containers: [`main:database/${nameOf(id)}`],
    });
    await database.root.script(`alter database ${nameOf(id)} with allow_connections true`);
    await node.lifecycle.move(move, operator);
    await whole(id, filled);
  });

  test('a source that goes down in the middle is waited for, and loses nothing', async () => {
    const { node } = bed;
    const { id } = await bed.tenant('database');
    const filled = await fill(node, id, 300);
    fault = { step: 'copy rows documents', run: () => takeDown(nameOf(id)) };
    const move = { tenant: id, isolation: 'shared', ...rowsOnly };
    await expect(node.lifecycle.move(move, operator)).rejects.toMatchObject({
      code: 'compartment_unreachable',
    });
    // Nobody decides over its head: whoever wants something else of the tenant is told to wait.
    expect((await node.lifecycle.moveOf(id)).phase).toBe('moving');
    await expect(node.lifecycle.suspend(id, operator)).rejects.toMatchObject({
      code: 'operation_in_progress',
    });
    await database.root.script(`alter database ${nameOf(id)} with allow_connections true`);
    await endLease(id);
    await node.lifecycle.recover();
    expect((await node.lifecycle.moveOf(id)).phase).toBe('failed');
    await whole(id, filled);
    await node.lifecycle.move(move, operator);
    await whole(id, filled);
  });

  test('a clock that is set forwards and back in the middle changes nothing', async () => {
    const { node } = bed;
    const { id } = await bed.tenant('shared');
    const filled = await fill(node, id, 300);
    const dayMs = 24 * 3_600_000;
    fault = {
      step: 'copy rows documents',
      run: async () => {
        clock.offsetMs = 2 * dayMs;
        fault = {
          step: 'pause rows',
          run: async () => {
            clock.offsetMs = -dayMs;
            // Another node looks for abandoned work just now: the lease is the database's to judge.
            await using other = await otherNode();
            expect(await other.node.lifecycle.recover()).toBe(0);
          },
        };
      },
    };
    const receipt = await node.lifecycle.move({ tenant: id, isolation: 'schema', ...rowsOnly }, operator);
    clock.offsetMs = 0;
    expect(receipt.writePauseMs).toBeGreaterThanOrEqual(0);
    expect(receipt.durationMs).toBeLessThan(dayMs);
    await whole(id, filled);
  });

  test('a mover that was thought dead and is not finds itself relieved; the tenant has moved once and is whole', async () => {
    const { node } = bed;
    const { id } = await bed.tenant('shared');
    const filled = await fill(node, id, 300);
    fault = {
      step: 'copy rows documents',
      run: async () => {
        await using other = await otherNode();
        await recoverNow(database.root, other.node, id);
      },
    };
    await expect(
      node.lifecycle.move({ tenant: id, isolation: 'schema', ...rowsOnly }, operator),
    ).rejects.toMatchObject({ code: 'operation_in_progress' });
    expect((await node.lifecycle.moveOf(id)).phase).toBe('unconfirmed');
    expect((await node.registry.tenants.read(id))?.isolation).toBe('schema');
    await whole(id, filled);
    await node.lifecycle.rollBackMove(id, operator);
    await whole(id, filled);
  });

  async function otherNode(): Promise<AsyncDisposable & Pick<TestNode, 'node'>> {
    const node = await bed.another();
    return { node, [Symbol.asyncDispose]: async () => {} };
  }
});
