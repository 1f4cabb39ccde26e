import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bulkhead } from '../../src/bulkhead.ts';
import { operator } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { labels } from './support/app-migrations.ts';
import { ofRows, openFleet, type FleetUnderTest } from './support/fleet-node.ts';

const after = 'app/2 bulkhead/1';
const program = fileURLToPath(new URL('support/migrate-process.ts', import.meta.url));

describeWith('postgres', 'a run over the fleet that does not come to its end', (url) => {
  let fleet: FleetUnderTest;
  let next: Bulkhead;

  beforeAll(async () => {
    fleet = await openFleet(url);
    for (let i = 0; i < 6; i += 1) await fleet.first.tenant('schema');
    await fleet.folder.add(labels.file, labels.sql);
    next = await fleet.release();
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  const endLease = (): Promise<unknown> =>
    fleet.database.root.query(`update bulkhead.fleet_run set lease_until = now() where state = 'running'`);

  test('killed in the middle, it is refused to others while it may live, and then gone on with where it was', async () => {
    const child = spawn(process.execPath, [program], {
      env: {
        ...process.env,
        BULKHEAD_DATABASE_URL: fleet.database.url,
        BULKHEAD_DATA_DIR: fleet.first.dataDir,
        BULKHEAD_MIGRATIONS_DIR: fleet.folder.path,
        BULKHEAD_LOG_LEVEL: 'silent',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) if (line === '2') break;
    child.kill('SIGKILL');
    await once(child, 'exit');

    const middle = (await next.fleet.versions({ versions: 'asked' })).containers;
    const migrated = middle.filter(({ version }) => version === after).length;
    expect(migrated).toBeGreaterThanOrEqual(2);
    expect(migrated).toBeLessThan(7);
    await expect(next.fleet.migrate({ canary: 1_000 }, operator)).rejects.toMatchObject({
      code: 'operation_in_progress',
    });
    await endLease();
    const [dead] = await next.fleet.runs(1);
    const resumed = await next.fleet.migrate({ canary: 1_000 }, operator);
    expect(resumed).toMatchObject({
      id: dead?.id,
      state: 'done',
      counts: { done: 7, pending: 0, failed: 0 },
    });
    expect(
      (await next.fleet.versions({ versions: 'asked' })).containers
        .filter(ofRows)
        .every((c) => c.version === after),
    ).toBe(true);
  });

  test('two runs at once: one is refused, and the other ends well', async () => {
    await fleet.folder.add('0003_more.sql', 'alter table notes add column more text;');
    const [one, other] = [await fleet.release(), await fleet.release()];
    const results = await Promise.allSettled([
      one.fleet.migrate({}, operator),
      other.fleet.migrate({}, operator),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await one.fleet.versions()).containers.every(({ missing }) => missing === 0)).toBe(true);
  });

  test('cancelled from elsewhere, it stops after what it is busy with', async () => {
    await fleet.folder.add('0004_more.sql', 'alter table notes add column four text;');
    const node = await fleet.release();
    let cancelled: Promise<unknown> | undefined;
    const run = await node.fleet.migrate({ canary: 1_000 }, operator, ({ run: id }) => {
      cancelled ??= next.fleet.cancel(id);
    });
    await cancelled;
    expect(run.state).toBe('cancelled');
    expect(run.counts.pending).toBeGreaterThan(0);
    expect((await node.fleet.migrate({}, operator)).state).toBe('done');
  });
});
