import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TenantId } from '../../../src/core/ids.ts';
import type { Isolation } from '../../../src/core/placement.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../../support/node.ts';
import { recoverNow } from '../../support/recovery.ts';
import { describeWith } from '../../support/services.ts';
import { fill, readIds, Traffic } from './support/traffic.ts';

const mover = join(import.meta.dirname, 'support/mover.ts');

describeWith('postgres', 'a mover that is killed', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** @returns the last line the process wrote before it died or ended */
  function runMover(
    args: readonly string[],
    killAfterMs?: number,
  ): Promise<{ signal: string | null; last: string }> {
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      BULKHEAD_DATA_DIR: bed.dataDir,
      BULKHEAD_LOG_LEVEL: 'silent',
      BULKHEAD_DATABASE_URL: database.url,
    };
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [mover, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (killAfterMs !== undefined && output.includes('before capture'))
          void setTimeout(killAfterMs).then(() => child.kill('SIGKILL'));
      });
      child.on('error', reject);
      child.on('exit', (_, signal) => resolve({ signal, last: output.trim().split('\n').at(-1) ?? '' }));
    });
  }

  async function expectWhole(tenant: TenantId, traffic: Traffic, filled: readonly string[]): Promise<void> {
    const found = await readIds(bed.node, tenant);
    expect(new Set(found).size).toBe(found.length);
    const known = new Set(found);
    const expected = [...filled, ...traffic.acknowledged];
    expect(expected.filter((id) => !known.has(id) && !traffic.deleted.has(id))).toEqual([]);
  }

  async function killAt(
    way: { readonly from: Isolation; readonly to: Isolation },
    kill: { readonly step: string; readonly moment: string } | { readonly afterMs: number },
  ): Promise<string> {
    const { node } = bed;
    const tenant = await bed.tenant(way.from);
    const filled = await fill(node, tenant.id, 2_000);
    await using traffic = new Traffic([node], tenant.id, 1);
    const died =
      'step' in kill
        ? await runMover([tenant.id, way.to, kill.step, kill.moment])
        : await runMover([tenant.id, way.to], kill.afterMs);
    expect(died.signal).toBe('SIGKILL');
    await recoverNow(database.root, node, tenant.id);
    const writtenBefore = traffic.acknowledged.size;
    await setTimeout(300);
    await traffic.stop();
    expect(traffic.acknowledged.size).toBeGreaterThan(writtenBefore);
    const { phase } = await node.lifecycle.moveOf(tenant.id);
    expect(phase).toBe('unconfirmed');
    expect((await node.registry.tenants.read(tenant.id))?.isolation).toBe(way.to);
    await expectWhole(tenant.id, traffic, filled);
    await node.lifecycle.rollBackMove(tenant.id, { kind: 'operator', id: 'test' });
    await expectWhole(tenant.id, traffic, filled);
    return died.last;
  }

  const steps = [
    'survey',
    'place rows',
    'provision rows',
    'capture rows',
    'copy rows users',
    'copy rows documents',
    'catch up rows',
    'pause rows',
    'settle rows',
    'admit reads rows',
    'switch',
    'retire rows',
    'admit writes rows',
  ];
  test.each(steps)(
    'after "%s" is followed by one that ends the move; nothing acknowledged is lost, nothing is there twice',
    async (step) => {
      expect(await killAt({ from: 'shared', to: 'schema' }, { step, moment: 'after' })).toBe(`after ${step}`);
    },
    60_000,
  );

  test.each(['provision rows', 'copy rows documents', 'switch', 'retire rows'])(
    'after "%s" between two databases, too',
    async (step) => {
      await killAt({ from: 'schema', to: 'database' }, { step, moment: 'after' });
    },
    60_000,
  );

  test.each([40, 150, 300])(
    'at no particular step, %s ms into the copy, too',
    async (afterMs) => {
      await killAt({ from: 'shared', to: 'database' }, { afterMs });
    },
    60_000,
  );
});
