import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { TenantId } from '../../../src/core/ids.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { recoverNow } from '../../support/recovery.ts';
import { describeWith } from '../../support/services.ts';
import { fill, readTitles } from './support/fill.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const leaver = join(import.meta.dirname, 'support/leaver-process.ts');

describeWith('postgres', 'a process that is killed while a tenant leaves', (url) => {
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

  /** @returns the step it died at */
  async function killAt(verb: string, id: TenantId, at: { step: string; moment: string }): Promise<string> {
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      BULKHEAD_DATA_DIR: bed.dataDir,
      BULKHEAD_LOG_LEVEL: 'silent',
      BULKHEAD_DATABASE_URL: database.url,
    };
    const args = [leaver, verb, id, at.step, at.moment];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const { promise, resolve } = Promise.withResolvers<string | null>();
    child.on('exit', (_, signal) => resolve(signal));
    expect(await promise).toBe('SIGKILL');
    await recoverNow(database.root, bed.node, id);
    return output.trim();
  }

  const moments: readonly (readonly [string, string])[] = [
    ['admit', 'after'],
    ['offboarded', 'after'],
    ['sealed rows', 'after'],
    ['ledger', 'before'],
    ['ledger', 'after'],
    ['credentials', 'after'],
    ['count rows', 'after'],
    ['erase rows', 'before'],
    ['erase rows', 'after'],
    ['erase vectors', 'after'],
    ['registry', 'before'],
    ['registry', 'after'],
  ];
  test.each(moments)(
    'erasing, at "%s" %s it: another one ends it, and counts what there was',
    async (step, moment) => {
      const { node } = bed;
      const tenant = await bed.tenant('schema');
      await fill(node, tenant.id, 3);
      expect(await killAt('erase', tenant.id, { step, moment })).toMatch(new RegExp(`^${moment} ${step}`));
      const { phase, receipt } = await node.lifecycle.erasureOf(tenant.id);
      expect(phase).toBe('complete');
      const rows = receipt?.receipt.places.filter(({ compartment }) => compartment === 'rows');
      expect(rows).toMatchObject([{ before: 3, after: 0, problem: null }]);
      expect(receipt?.receipt.hunt.found).toEqual([]);
      expect((await node.registry.tenants.read(tenant.id))?.state).toBe('deleted');
      expect((await node.lifecycle.hunt(tenant.id)).found).toEqual([]);
    },
  );

  test.each([
    ['offboarded', 'after'],
    ['sealed rows', 'before'],
    ['sealed rows', 'after'],
  ] as const)('offboarding, at "%s" %s it: it is sealed in the end', async (step, moment) => {
    const tenant = await bed.tenant('shared');
    await killAt('offboard', tenant.id, { step, moment });
    expect((await bed.node.registry.tenants.read(tenant.id))?.state).toBe('offboarding');
    const { rows } = await database.root.query(
      'select sealed from bulkhead_wall.tenant where tenant_id = $1 and schema_name = $2',
      [tenant.id, 'shared'],
    );
    expect(rows).toEqual([{ sealed: true }]);
  });

  test('taking it back, after the state has changed: it ends whole', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    const titles = await fill(node, tenant.id, 2);
    await node.lifecycle.offboard({ tenant: tenant.id }, operator);
    await killAt('reinstate', tenant.id, { step: 'reinstated', moment: 'after' });
    await node.lifecycle.resume(tenant.id, operator);
    expect(await readTitles(node, tenant.id)).toEqual(titles);
  });
});
