import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { RecordHashes } from '../../../src/core/record-hash.ts';
import type { Tenant } from '../../../src/core/tenant.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { recoverNow } from '../../support/recovery.ts';
import { describeWith } from '../../support/services.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const worker = join(import.meta.dirname, 'support/archive-process.ts');

describeWith('postgres', 'a process that is killed', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let tenant: Tenant;
  let before: Readonly<Record<string, string>>;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    tenant = await bed.tenant('shared');
    await bed.node.run(tenant.id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      await rows.sql`insert into documents (title, content) select 't' || n, 'c' from generate_series(1, 300) n`;
    });
    before = await hashesOf(tenant);
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  async function hashesOf({ id }: Tenant): Promise<Readonly<Record<string, string>>> {
    const hashes = new RecordHashes();
    const now = await bed.node.registry.tenants.read(id);
    const rows = now?.placements.find(({ compartment }) => compartment === 'rows');
    if (rows !== undefined) for await (const record of bed.node.rows.export(rows)) hashes.add(record);
    return hashes.result();
  }

  /** Runs the work in a process that dies after the step, and lets this one take up what it has left. */
  async function killedAfter(work: string, subject: string, step: string): Promise<void> {
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      BULKHEAD_DATA_DIR: bed.dataDir,
      BULKHEAD_LOG_LEVEL: 'silent',
      BULKHEAD_DATABASE_URL: database.url,
    };
    const signal = await new Promise<string | null>((resolve, reject) => {
      const child = spawn(process.execPath, [worker, work, subject, step], { env, stdio: 'inherit' });
      child.on('error', reject);
      child.on('exit', (_, killed) => resolve(killed));
    });
    expect(signal).toBe('SIGKILL');
    await recoverNow(database.root, bed.node);
  }

  test.each(['write', 'verify', 'record'])(
    'after "%s" of a backup is followed by one that finishes it',
    async (step) => {
      await killedAfter('backup', tenant.id, step);
      const [latest] = await bed.node.registry.backups.list({ tenant: tenant.id, limit: 1 });
      expect(latest).toMatchObject({ state: 'ready', records: 300 });
      await bed.node.lifecycle.verifyBackup(latest?.id ?? '');
    },
  );

  test.each(['place rows', 'provision rows', 'fill rows', 'compare rows'])(
    'after "%s" of a clone is followed by one that finishes it',
    async (step) => {
      await killedAfter('clone', tenant.id, step);
      const made = (await bed.node.registry.operations.list({ limit: 20 })).find(
        ({ kind }) => kind === 'clone',
      );
      expect(made?.state).toBe('done');
      const copy = await bed.node.registry.tenants.read(made?.tenant ?? tenant.id);
      expect(copy?.state).toBe('active');
      expect(copy === undefined ? {} : await hashesOf(copy)).toEqual(before);
    },
  );

  test('at each step of a restore is followed by one that finishes it; the tenant is whole all the while', async () => {
    const { lifecycle, registry } = bed.node;
    const backup = await (await lifecycle.beginBackup(tenant.id, operator)).ended;
    for (const step of ['place rows', 'provision rows', 'fill rows', 'diff rows']) {
      await killedAfter('restore', backup.id, step);
      expect(await lifecycle.restoreOf(tenant.id)).toMatchObject({ phase: 'staged' });
      expect(await hashesOf(tenant)).toEqual(before);
      await lifecycle.rollBackRestore(tenant.id, operator);
    }
    for (const step of ['sealed rows', 'switch', 'open rows']) {
      await (
        await lifecycle.beginRestore(backup.id, operator)
      ).ended;
      await killedAfter('swap', tenant.id, step);
      expect(await lifecycle.restoreOf(tenant.id)).toMatchObject({ phase: 'swapped' });
      await bed.node.run(tenant.id, async (scope) => {
        await using rows = await bed.node.rows.open(scope);
        expect(await rows.table('documents').count()).toBe(300);
      });
      await lifecycle.rollBackRestore(tenant.id, operator);
      expect(await hashesOf(tenant)).toEqual(before);
    }
    await (
      await lifecycle.beginRestore(backup.id, operator)
    ).ended;
    await lifecycle.swapRestore(tenant.id, operator);
    await killedAfter('confirm', tenant.id, 'erase rows');
    expect(await lifecycle.restoreOf(tenant.id)).toMatchObject({ phase: 'confirmed' });
    expect(await hashesOf(tenant)).toEqual(before);
    expect((await registry.tenants.read(tenant.id))?.state).toBe('active');
  });
});
