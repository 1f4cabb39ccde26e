import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bulkhead } from '../../src/bulkhead.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { operator } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import { openFleet, withRows, type FleetUnderTest } from './support/fleet-node.ts';

describeWith('postgres', 'containers that fail', (url) => {
  let fleet: FleetUnderTest;
  let tenants: Tenant[];
  let next: Bulkhead;

  beforeAll(async () => {
    fleet = await openFleet(url);
    tenants = [];
    for (let i = 0; i < 6; i += 1) tenants.push(await fleet.first.tenant('schema'));
    // Two tenants have rows that the next release's rule does not allow.
    for (const one of tenants.slice(0, 2))
      for (const title of ['same', 'same'])
        await withRows(fleet.first.node, one.id, (rows) => rows.table('notes').create({ title }));
    await fleet.folder.add('0002_unique.sql', `-- every title once\nalter table notes add unique (title);`);
    next = await fleet.release();
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  const bad = (): (string | undefined)[] => tenants.slice(0, 2).map(({ id }) => id);

  test('a canary that fails pauses the run before anybody else is touched', async () => {
    const run = await next.fleet.migrate({ canary: [tenants[0]?.slug ?? ''] }, operator);
    expect(run).toMatchObject({ state: 'paused', counts: { failed: 1, done: 0, pending: 6 } });
    expect((await next.fleet.cancel(run.id)).state).toBe('cancelled');
  });

  test('a run pauses when more fail than are allowed, and goes on when it is resumed', async () => {
    const run = await next.fleet.migrate({ abortAfter: 0, workers: 1 }, operator);
    expect(run.state).toBe('paused');
    expect(run.reason).toContain('were allowed');
    const resumed = await next.fleet.resume(run.id, { abortAfter: 10 });
    expect(resumed).toMatchObject({ state: 'failed', counts: { failed: 2, done: 5, pending: 0 } });
  });

  test('a failure is recorded with file, line and reason and without rows; its neighbours in the same transaction went on', async () => {
    const [last] = await next.fleet.runs(1);
    const detail = await next.fleet.run(last?.id ?? '');
    const failed = detail?.containers.filter(({ state }) => state === 'failed') ?? [];
    expect(new Set(failed.map(({ tenant }) => tenant))).toEqual(new Set(bad()));
    for (const { reason } of failed) {
      expect(reason).toContain('0002_unique.sql:2');
      expect(reason).not.toContain('same');
    }
  });

  test('what failed is retried alone, when its rows have been mended', async () => {
    const [last] = await next.fleet.runs(1);
    for (const one of tenants.slice(0, 2))
      await withRows(next, one.id, async (rows) => {
        const { rows: found } = await rows.table('notes').findAll();
        await rows.table('notes').delete(String(found[0]?.['id']));
      });
    const retried = await next.fleet.migrate({ retry: last?.id }, operator);
    expect(retried).toMatchObject({ state: 'done', counts: { done: 2, failed: 0 } });
  });

  test('a container whose wall was taken down fails the proof that follows its migration', async () => {
    await fleet.folder.add('0003_more.sql', 'alter table notes add column more text;');
    const schema = `tenant_${tenants[3]?.id.replaceAll('-', '')}`;
    const node = await fleet.release();
    await fleet.database.root.script(`alter table ${schema}.documents no force row level security`);
    const run = await node.fleet.migrate({ abortAfter: 5 }, operator);
    expect(run).toMatchObject({ state: 'failed', counts: { failed: 1, done: 6 } });
    const [failed] = (await node.fleet.run(run.id))?.containers ?? [];
    expect(failed?.reason).toContain('documents has row-level security off or not forced');
    await fleet.database.root.script(`alter table ${schema}.documents force row level security`);
  });

  test('what only the whole proof finds fails its container too: after a canary before anybody else, and after a run', async () => {
    const broken = tenants[2];
    if (broken === undefined) throw new Error('no tenant');
    const schema = `tenant_${broken.id.replaceAll('-', '')}`;
    await fleet.folder.add('0004_more.sql', 'alter table notes add column four text;');
    const node = await fleet.release();
    const handsOut = (verb: string): string => `alter default privileges in schema ${schema} ${verb} public`;
    await fleet.database.root.script(handsOut('grant select on tables to'));
    const canary = await node.fleet.migrate({ canary: [broken.slug], abortAfter: 5 }, operator);
    expect(canary).toMatchObject({ state: 'paused', counts: { failed: 1 } });
    expect(canary.counts.pending).toBeGreaterThanOrEqual(6);
    const [failed] = (await node.fleet.run(canary.id))?.containers ?? [];
    expect(failed).toMatchObject({ tenant: broken.id, code: 'table_unwalled' });
    expect(failed?.reason).toMatch(/^S\d\d schema tenant_/);

    // The operator lets it go on all the same; it stays a failure, alone, and goes when its cause does.
    await node.fleet.cancel(canary.id);
    const all = await node.fleet.migrate({ abortAfter: 5 }, operator);
    expect(all).toMatchObject({ state: 'done', counts: { failed: 0 } });
    await fleet.folder.add('0005_more.sql', 'alter table notes add column five text;');
    const later = await fleet.release();
    const run = await later.fleet.migrate({ abortAfter: 5 }, operator);
    expect(run).toMatchObject({ state: 'failed', counts: { failed: 1 } });
    await fleet.database.root.script(handsOut('revoke select on tables from'));
    expect(await later.fleet.migrate({ retry: run.id }, operator)).toMatchObject({
      state: 'done',
      counts: { done: 1, failed: 0 },
    });
  });

  test('a schema that somebody is working in is waited for a little and then left, and traffic is not held up', async () => {
    await fleet.folder.add('0006_more.sql', 'alter table notes add column six text;');
    const [busy, free] = [tenants[4], tenants[5]];
    if (busy === undefined || free === undefined) throw new Error('no tenants');
    const schema = `tenant_${busy.id.replaceAll('-', '')}`;
    const node = await fleet.release();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const holding = fleet.database.root.transaction(async (tx) => {
      await tx.script(`select * from ${schema}.notes`);
      await held;
    });
    const running = node.fleet.migrate({ only: [busy.id, free.id] }, operator);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const startedMs = performance.now();
    await withRows(fleet.first.node, busy.id, (rows) => rows.table('notes').count());
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    release();
    await holding;
    expect((await running).counts.done).toBe(2);
  });
});
