import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Tenant } from '../../src/core/tenant.ts';
import { assess, ladder, type Standing } from '../../src/fleet/ladder/assess.ts';
import { newTestDatabase, newTestNode, operator, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const standing: Standing = {
  rung: 'exact',
  isIndexed: false,
  vectors: 0,
  containerVectors: 1_000_000,
  slowForMs: 0,
  smallForMs: 0,
  mayOwn: true,
};
const week = ladder.smallForMs;

describe('the ladder', () => {
  test.each<[string, Partial<Standing>, string]>([
    ['few vectors', { vectors: 4_999 }, 'stay'],
    ['enough for an index', { vectors: 5_000 }, 'build_index'],
    ['fewer, and slow for less than an hour', { vectors: 2_000, slowForMs: 3_599_999 }, 'stay'],
    ['fewer, and slow for an hour', { vectors: 2_000, slowForMs: 3_600_000 }, 'build_index'],
    ['a container’s worth', { vectors: 50_000 }, 'own_container'],
    ['a fifth of the container', { vectors: 30_000, containerVectors: 100_000 }, 'own_container'],
    ['a container’s worth, and a plan without', { vectors: 50_000, mayOwn: false }, 'build_index'],
    ['fewer for six days', { vectors: 2_499, isIndexed: true, rung: 'index', smallForMs: week - 1 }, 'stay'],
    ['fewer for a week', { vectors: 2_499, isIndexed: true, rung: 'index', smallForMs: week }, 'drop_index'],
    ['in its own, without an index', { rung: 'own', vectors: 60_000 }, 'build_index'],
    [
      'in its own, few for a week',
      { rung: 'own', isIndexed: true, vectors: 1_000, smallForMs: week },
      'share_container',
    ],
  ])('%s', (_name, change, step) => {
    expect(assess({ ...standing, ...change }).step).toBe(step);
  });

  test('never goes up and down on the spot: what a step makes is not undone by the next look', () => {
    fc.assert(
      fc.property(
        fc.record({
          vectors: fc.integer({ min: 0, max: 200_000 }),
          containerVectors: fc.integer({ min: 1, max: 1_000_000 }),
          rung: fc.constantFrom('exact' as const, 'index' as const, 'own' as const),
          mayOwn: fc.boolean(),
          slowForMs: fc.constantFrom(0, 3_600_000),
          smallForMs: fc.constantFrom(0, week),
        }),
        (some) => {
          const before: Standing = { ...some, isIndexed: some.rung === 'index' };
          const { step } = assess(before);
          const rung = {
            stay: before.rung,
            build_index: before.rung === 'own' ? 'own' : 'index',
            drop_index: 'exact',
            own_container: 'own',
            share_container: 'exact',
          } as const;
          const after: Standing = {
            ...before,
            rung: rung[step],
            isIndexed: step === 'build_index' || (step !== 'drop_index' && before.isIndexed),
            slowForMs: 0,
            smallForMs: 0,
          };
          const next = assess(after).step;
          expect(['drop_index', 'share_container']).not.toContain(next);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describeWith('postgres', 'the ladder on PostgreSQL', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let tenant: Tenant;
  let other: Tenant;
  const dimension = 8;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    [tenant, other] = [await bed.tenant('shared'), await bed.tenant('shared')];
    for (const [one, count] of [
      [tenant, 5_200],
      [other, 50],
    ] as const)
      await fill(one, count);
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  async function fill(one: Tenant, count: number): Promise<void> {
    const { node } = bed;
    await node.run(one.id, async (scope) => {
      await using vectors = await (node.vectors ?? expect.fail('no pgvector')).open(scope);
      await vectors.ensureSpace({ model: 'm', dimension, metric: 'cosine' });
      for (let start = 0; start < count; start += 2_000)
        await vectors.upsert(
          Array.from({ length: Math.min(2_000, count - start) }, (_, index) => ({
            document: `d${start + index}`,
            body: `passage ${start + index}`,
            vector: Array.from({ length: dimension }, () => Math.random() - 0.5),
          })),
        );
    });
  }
  const search = (one: Tenant, accuracy?: 'exact') =>
    bed.node.run(one.id, async (scope) => {
      await using vectors = await (bed.node.vectors ?? expect.fail('no pgvector')).open(scope);
      const vector = Array.from({ length: dimension }, (_, index) => Math.cos(index));
      const { matches } = await vectors.search({
        mode: 'vector',
        vector,
        limit: 10,
        ...(accuracy === undefined ? {} : { accuracy }),
      });
      return matches.map(({ document }) => document);
    });
  const climb = async (one: Tenant) => {
    const entry = await bed.node.ladder?.climb(one.id);
    if (entry === undefined) throw new Error('not on the ladder');
    return entry;
  };

  test('gives a tenant an index of its own while it is searched and written, measures recall, and leaves its neighbour alone', async () => {
    const before = await search(tenant, 'exact');
    expect((await bed.node.ladder?.plan())?.map(({ advice }) => advice.step).toSorted()).toEqual([
      'build_index',
      'stay',
    ]);
    const state = { over: false, searches: 0 };
    const traffic = (async () => {
      while (!state.over) {
        expect(await search(tenant)).toHaveLength(10);
        state.searches += 1;
      }
    })();
    const entry = await climb(tenant);
    state.over = true;
    await traffic;
    expect(state.searches).toBeGreaterThan(0);
    expect(entry).toMatchObject({ rung: 'index', isIndexed: true });
    expect(entry.recall).toBeGreaterThanOrEqual(0.95);
    const found = await search(tenant);
    expect(found.filter((document) => before.includes(document)).length).toBeGreaterThanOrEqual(9);
    expect((await climb(other)).rung).toBe('exact');
    const { rows } = await database.root.query(
      `select indexdef from pg_indexes where indexname like 'bulkhead_hnsw_%'`,
    );
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).toContain(tenant.id);
  });

  test('an index search is planned through the tenant’s own index, behind the wall', async () => {
    await database.root.script('analyze');
    const plans: string[] = [];
    const { rows } = await database.root.query<{ space: string }>(
      'select id::text as space from vectors_1.space where tenant_id = $1',
      [tenant.id],
    );
    const { rows: prefix } = await database.root.query<{ p: string }>(
      'select role_prefix as p from bulkhead.installation',
    );
    await database.root.transaction(async (tx) => {
      await tx.script(
        `set local search_path = vectors_1, bulkhead_ext; set local role ${prefix[0]?.p}_app; set local jit = off`,
      );
      const explained = await tx.query<Record<string, string>>(
        `explain select passage from embedding where tenant_id = '${tenant.id}' and space = '${rows[0]?.space}'
          order by vector::vector(${dimension}) <=> '[1,0,0,0,0,0,0,0]'::vector(${dimension}) limit 10`,
      );
      plans.push(...explained.rows.map((row) => row['QUERY PLAN'] ?? ''));
    });
    expect(plans.join('\n')).toMatch(/Index Scan using bulkhead_hnsw_/);
    expect(plans.join('\n')).toContain('InitPlan');
  });

  test('moved to a container of its own its vectors keep their index, and its rows stay', async () => {
    const { node } = bed;
    await node.lifecycle.move({ tenant: tenant.id, isolation: 'schema', only: ['vectors'] }, operator);
    await node.lifecycle.confirmMove(tenant.id, operator);
    const now = await node.registry.tenants.read(tenant.id);
    expect(now?.isolation).toBe('shared');
    expect(now?.placements.find(({ compartment }) => compartment === 'vectors')?.container).toMatch(
      /vectors\/schema/,
    );
    const entry = await climb(tenant);
    expect(entry).toMatchObject({ rung: 'own', isIndexed: true, advice: { step: 'stay' } });
    expect(await search(tenant)).toHaveLength(10);
    const { rows } = await database.root.query(
      'select count(*)::int as n from bulkhead.container_seat where tenant_id = $1',
      [tenant.id],
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  test('the 101st tenant gets a seat: a new container is made when the old one is as full as it may get', async () => {
    const seats = bed.node.registry.seats('vectors', { tenants: 100 });
    const ids = Array.from({ length: 101 }, () => crypto.randomUUID());
    await database.root.query(
      `insert into bulkhead.tenant (id, slug, name, plan_id, isolation, encryption_key_id)
        select id::uuid, 's-' || left(id, 8) || '-' || right(id, 8), 'x', 'free', 'shared', 'k' from unnest($1::text[]) as t (id)`,
      [ids],
    );
    const numbers: number[] = [];
    for (const id of ids) numbers.push(await seats.take(id as Tenant['id'], 'elsewhere'));
    expect(numbers.filter((number) => number === 1)).toHaveLength(90);
    expect(numbers.filter((number) => number === 2)).toHaveLength(11);
    const use = (await seats.uses()).filter(({ container }) => container.startsWith('elsewhere'));
    expect(use.map(({ tenants, limit }) => [tenants, limit])).toEqual([
      [90, 100],
      [11, 100],
    ]);
    // Asked again it is the same seat, and two at once never get one seat both.
    expect(await seats.take(ids[0] as Tenant['id'], 'elsewhere')).toBe(1);
  });
});
