import { afterAll, beforeAll, expect, test } from 'vitest';
import { findWallProblems } from '../../../src/compartments/rows/migrations/wall-check.ts';
import type { Checkpoint } from '../../../src/lifecycle/journal.ts';
import type { TenantId } from '../../../src/core/ids.ts';
import type { Isolation } from '../../../src/core/placement.ts';
import { bulkheadProof } from '../../../src/verify/proof/preset.ts';
import { prove } from '../../../src/verify/proof/prove.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { describeWith } from '../../support/services.ts';
import { fill, readIds, Traffic } from './support/traffic.ts';

describeWith('postgres', 'a move that is taken back, breaks off, or is refused', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let fault: { step: string; moment: 'before' | 'after'; run?: () => Promise<void> } | undefined;
  const seen = new Set<string>();
  const checkpoint: Checkpoint = async (step, moment) => {
    seen.add(step);
    if (fault?.step !== step || fault.moment !== moment) return;
    const { run } = fault;
    fault = undefined;
    if (run === undefined) throw new Error('injected');
    await run();
  };
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url, checkpoint });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** What a move leaves where it should leave nothing. */
  async function traces(tenant: TenantId): Promise<Record<string, number>> {
    const { rows } = await database.root.query<Record<string, number>>(
      `select (select count(*)::int from pg_trigger where tgname like 'bulkhead_move_' || $2 || '%') as triggers,
              (select count(*)::int from bulkhead_wall.move_change where tenant_id = $1) as notes,
              (select count(*)::int from bulkhead_wall.move_pause where tenant_id = $1) as pauses,
              (select count(*)::int from bulkhead_wall.tenant where tenant_id = $1 and (writes_paused or capturing)) as gates,
              (select count(*)::int from bulkhead_wall.tenant where tenant_id = $1 and schema_name ~ '^(shared|tenant)') as containers,
              (select count(*)::int from bulkhead.operation where tenant_id = $1 and state = 'running') as running`,
      [tenant, tenant.replaceAll('-', '')],
    );
    return rows[0] ?? {};
  }
  /** One container for each compartment that keeps tables. */
  const clean = { triggers: 0, notes: 0, pauses: 0, gates: 0, containers: 0, running: 0 };
  beforeAll(async () => {
    clean.containers = (await traces((await bed.tenant('shared')).id))['containers'] ?? 0;
    expect(clean.containers).toBeGreaterThan(0);
  });

  async function expectAll(tenant: TenantId, traffic: Traffic, filled: readonly string[]): Promise<void> {
    const found = await readIds(bed.node, tenant);
    expect(new Set(found).size).toBe(found.length);
    const known = new Set(found);
    const expected = [...filled, ...traffic.acknowledged];
    expect(expected.filter((id) => !known.has(id) && !traffic.deleted.has(id))).toEqual([]);
  }

  const pairs: readonly (readonly [Isolation, Isolation])[] = [
    ['shared', 'schema'],
    ['schema', 'shared'],
    ['shared', 'database'],
    ['database', 'schema'],
  ];
  test.each(pairs)(
    'from %s to %s and back: what was written at the target is at the source, the target is gone',
    async (from, to) => {
      const { node } = bed;
      const tenant = await bed.tenant(from);
      const filled = await fill(node, tenant.id, 1_000);
      await using traffic = new Traffic([node], tenant.id);
      await node.lifecycle.move({ tenant: tenant.id, isolation: to }, operator);
      const writtenBefore = traffic.acknowledged.size;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(traffic.acknowledged.size).toBeGreaterThan(writtenBefore);
      expect((await node.lifecycle.moveOf(tenant.id)).phase).toBe('unconfirmed');
      await expect(
        node.lifecycle.move({ tenant: tenant.id, isolation: 'shared' }, operator),
      ).rejects.toMatchObject({ code: 'transition_refused' });
      const receipt = await node.lifecycle.rollBackMove(tenant.id, operator);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await traffic.stop();
      process.stdout.write(
        `${from} → ${to} → back: writes paused ${receipt.writePauseMs} ms, refused ${JSON.stringify([...traffic.refused])}\n`,
      );
      expect(traffic.refused.get('READ')).toBeUndefined();
      expect((await node.registry.tenants.read(tenant.id))?.placements).toEqual(tenant.placements);
      await expectAll(tenant.id, traffic, filled);
      expect((await node.lifecycle.moveOf(tenant.id)).phase).toBe('rolled_back');
      if (from !== 'database') expect(await traces(tenant.id)).toEqual(clean);
      await expect(node.lifecycle.rollBackMove(tenant.id, operator)).rejects.toMatchObject({
        code: 'transition_refused',
      });
    },
    60_000,
  );

  const early = [
    'survey',
    'place rows',
    'provision rows',
    'capture rows',
    'copy rows documents',
    'catch up rows',
    'pause rows',
    'settle rows',
    'admit reads rows',
  ];
  test.each(
    early.flatMap((step) => [
      { step, moment: 'before' as const },
      { step, moment: 'after' as const },
    ]),
  )(
    'one that fails $moment "$step" leaves the tenant where it was, writing, and nothing behind',
    async ({ step, moment }) => {
      const { node } = bed;
      const tenant = await bed.tenant('shared');
      const filled = await fill(node, tenant.id, 50);
      await using traffic = new Traffic([node], tenant.id, 1);
      fault = { step, moment };
      await expect(node.lifecycle.move({ tenant: tenant.id, isolation: 'schema' }, operator)).rejects.toThrow(
        /step/,
      );
      const before = traffic.acknowledged.size;
      await new Promise((resolve) => setTimeout(resolve, 250));
      await traffic.stop();
      expect(traffic.acknowledged.size).toBeGreaterThan(before);
      expect((await node.registry.tenants.read(tenant.id))?.placements).toEqual(tenant.placements);
      await expectAll(tenant.id, traffic, filled);
      expect(await traces(tenant.id)).toEqual(clean);
    },
    30_000,
  );

  test('a suspended tenant is moved and stays shut; resumed, it works at the target', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    const filled = await fill(node, tenant.id, 100);
    await node.lifecycle.suspend(tenant.id, operator);
    await node.lifecycle.move({ tenant: tenant.id, isolation: 'schema' }, operator);
    await expect(readIds(node, tenant.id)).rejects.toMatchObject({ code: 'tenant_inactive' });
    const { rows } = await database.root.query(
      `select sealed from bulkhead_wall.tenant where tenant_id = $1 and schema_name ~ '^(shared|tenant)'`,
      [tenant.id],
    );
    expect(rows).toEqual([{ sealed: true }, { sealed: true }]);
    await node.lifecycle.confirmMove(tenant.id, operator);
    await node.lifecycle.resume(tenant.id, operator);
    expect((await readIds(node, tenant.id)).length).toBe(filled.length);
  });

  test('of two operators at once one moves, the other is told to wait; a suspension is too', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant.id, 100);
    let second: unknown;
    let suspension: unknown;
    fault = {
      step: 'copy rows documents',
      moment: 'before',
      run: async () => {
        second = await node.lifecycle
          .move({ tenant: tenant.id, isolation: 'database' }, operator)
          .catch((cause: unknown) => cause);
        suspension = await node.lifecycle.suspend(tenant.id, operator).catch((cause: unknown) => cause);
      },
    };
    await node.lifecycle.move({ tenant: tenant.id, isolation: 'schema' }, operator);
    expect(second).toMatchObject({ code: 'operation_in_progress' });
    expect(suspension).toMatchObject({ code: 'operation_in_progress' });
  });

  test('several tenants move at once', async () => {
    const { node } = bed;
    const tenants = await Promise.all(
      (['shared', 'shared', 'schema', 'database'] as const).map((isolation) => bed.tenant(isolation)),
    );
    const filled = await Promise.all(tenants.map(({ id }) => fill(node, id, 500)));
    await Promise.all(
      tenants.map(({ id, isolation }) =>
        node.lifecycle.move(
          { tenant: id, isolation: isolation === 'schema' ? 'shared' : 'schema' },
          operator,
        ),
      ),
    );
    for (const [index, { id }] of tenants.entries())
      expect((await readIds(node, id)).toSorted()).toEqual([...(filled[index] ?? [])].toSorted());
  }, 60_000);

  test('a move that is cancelled stops and is undone', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant.id, 500);
    fault = {
      step: 'copy rows documents',
      moment: 'before',
      run: () => node.lifecycle.cancelMove(tenant.id),
    };
    await expect(
      node.lifecycle.move({ tenant: tenant.id, isolation: 'schema' }, operator),
    ).rejects.toMatchObject({ code: 'aborted' });
    const { operation } = await node.lifecycle.moveOf(tenant.id);
    expect(operation?.state).toBe('cancelled');
    expect(operation?.progress?.total).toBeGreaterThan(0);
    expect(await traces(tenant.id)).toEqual(clean);
  });

  test('a target that runs full is explained, and the tenant stays', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    const filled = await fill(node, tenant.id, 100);
    const hex = tenant.id.replaceAll('-', '');
    fault = {
      step: 'copy rows documents',
      moment: 'before',
      run: () =>
        database.root.script(
          `create function public.full_disk() returns trigger language plpgsql as $$ begin raise exception 'no space' using errcode = '53100'; end $$;
           create trigger full_disk before insert on tenant_${hex}.documents for each row execute function public.full_disk();
           alter table tenant_${hex}.documents enable always trigger full_disk;`,
        ),
    };
    await expect(
      node.lifecycle.move({ tenant: tenant.id, isolation: 'schema' }, operator),
    ).rejects.toMatchObject({ code: 'store_full', detail: { sqlState: '53100' } });
    expect((await readIds(node, tenant.id)).length).toBe(filled.length);
    expect(await traces(tenant.id)).toEqual(clean);
  });

  test('a plan says size, time and risk, and changes nothing', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant.id, 300);
    const plan = await node.lifecycle.planMove({ tenant: tenant.id, isolation: 'database' });
    expect(plan.rows).toBe(306n);
    expect(plan.sizeBytes).toBeGreaterThan(60_000n);
    expect(plan.estimatedMs).toBeGreaterThan(0);
    expect(plan.refusals).toEqual([]);
    expect(await traces(tenant.id)).toEqual(clean);
    const same = await node.lifecycle.planMove({ tenant: tenant.id, isolation: 'shared' });
    expect(same.refusals).toContain('rows: it is there already');
    await expect(
      node.lifecycle.planMove({ tenant: tenant.id, isolation: 'dedicated' }),
    ).rejects.toMatchObject({ code: 'isolation_unavailable' });
    await expect(
      node.lifecycle.move({ tenant: tenant.id, isolation: 'shared' }, operator),
    ).rejects.toMatchObject({ code: 'isolation_unavailable' });
  });

  test('the wall stands while a tenant is on the move, and the proof says so', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant.id, 50);
    const { rolePrefix } = node.registry;
    const known = { appRole: `${rolePrefix}_app`, wallRole: `${rolePrefix}_wall` };
    const found: unknown[] = [];
    fault = {
      step: 'copy rows documents',
      moment: 'after',
      run: async () => {
        const schemas = ['shared', `tenant_${tenant.id.replaceAll('-', '')}`];
        found.push(...(await findWallProblems(database.root, { schemas, shared: [] })));
        const proof = await prove(database.root, bulkheadProof(known));
        found.push(proof.verdict, ...proof.findings.filter(({ severity }) => severity === 'error'));
      },
    };
    await node.lifecycle.move({ tenant: tenant.id, isolation: 'schema' }, operator);
    expect(found).toEqual(['held']);
  });

  test('a plan that does not sell the isolation refuses the move', async () => {
    const { node } = bed;
    const tenant = await bed.tenant('shared', { plan: 'free' });
    await expect(node.lifecycle.planMove({ tenant: tenant.id, isolation: 'database' })).rejects.toMatchObject(
      { code: 'isolation_unavailable' },
    );
  });

  test('every step named here is a step that runs', () => {
    expect([...seen]).toEqual(expect.arrayContaining(early));
  });
});
