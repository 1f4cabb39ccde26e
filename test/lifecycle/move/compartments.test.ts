import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { TenantId } from '../../../src/core/ids.ts';
import { createLifecycle } from '../../../src/lifecycle/create-lifecycle.ts';
import type { Lifecycle } from '../../../src/lifecycle/lifecycle.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { describeWith } from '../../support/services.ts';
import { ShelfCompartment } from '../support/shelf.ts';
import { fill, readIds } from './support/traffic.ts';

describeWith('postgres', 'a tenant in two compartments', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let shelf: ShelfCompartment;
  let lifecycle: Lifecycle;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    const { registry, rows } = bed.node;
    const plan = await registry.plans.read('enterprise');
    if (plan === undefined) throw new Error('no such plan');
    shelf = new ShelfCompartment('vectors', plan);
    lifecycle = createLifecycle({ registry, compartments: [rows, shelf], clock: systemClock });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  async function newTenant(): Promise<TenantId> {
    const slug = `t-${randomBytes(8).toString('hex')}`;
    const input = { slug, name: slug, plan: 'enterprise', isolation: 'shared' };
    const { id } = (await lifecycle.create(input, operator)).tenant;
    await bed.node.run(id, async (scope) => {
      await using handle = await shelf.open(scope);
      for (const name of ['a', 'b', 'c']) handle.put(name, `of ${id}`);
    });
    return id;
  }

  async function whereabouts(id: TenantId): Promise<Record<string, string | undefined>> {
    const tenant = await bed.node.registry.tenants.read(id);
    const of = (kind: string) =>
      tenant?.placements.find(({ compartment }) => compartment === kind)?.isolation;
    return { called: tenant?.isolation, rows: of('rows'), vectors: of('vectors') };
  }

  async function things(id: TenantId): Promise<readonly string[]> {
    return await bed.node.run(id, async (scope) => {
      await using handle = await shelf.open(scope);
      return handle.list();
    });
  }

  test('one compartment is moved alone, and back: its rows stay, and so does what the tenant is called', async () => {
    const id = await newTenant();
    const ids = await fill(bed.node, id, 50);
    const wish = { tenant: id, isolation: 'schema', only: ['vectors'] };
    const plan = await lifecycle.planMove(wish);
    expect(plan.from.map(({ compartment }) => compartment)).toEqual(['vectors']);
    expect(plan).toMatchObject({ rows: 3n, refusals: [] });

    await lifecycle.move(wish, operator);
    expect(await whereabouts(id)).toEqual({ called: 'shared', rows: 'shared', vectors: 'schema' });
    expect(await things(id)).toEqual(['a', 'b', 'c']);
    expect(await readIds(bed.node, id)).toHaveLength(ids.length);

    await lifecycle.rollBackMove(id, operator);
    expect(await whereabouts(id)).toEqual({ called: 'shared', rows: 'shared', vectors: 'shared' });
    expect(await things(id)).toEqual(['a', 'b', 'c']);

    await lifecycle.move(wish, operator);
    const { erased } = await lifecycle.confirmMove(id, operator);
    expect(erased).toMatchObject({ vectors: { removed: 3n, left: 0n } });
    expect(shelf.shelves.has(`shelf:shared ${id}`)).toBe(false);
    expect(await things(id)).toEqual(['a', 'b', 'c']);
  });

  test('a move of everything leaves out what is there already, and takes the rest', async () => {
    const id = await newTenant();
    await lifecycle.move({ tenant: id, isolation: 'schema', only: ['vectors'] }, operator);
    await lifecycle.confirmMove(id, operator);
    const plan = await lifecycle.planMove({ tenant: id, isolation: 'schema' });
    expect(plan.from.map(({ compartment }) => compartment)).toEqual(['rows']);
    await lifecycle.move({ tenant: id, isolation: 'schema' }, operator);
    expect(await whereabouts(id)).toEqual({ called: 'schema', rows: 'schema', vectors: 'schema' });
    expect(await things(id)).toEqual(['a', 'b', 'c']);
    await lifecycle.confirmMove(id, operator);
    expect((await lifecycle.planMove({ tenant: id, isolation: 'schema' })).refusals).toEqual([
      'rows: it is there already',
      'vectors: it is there already',
    ]);
    await expect(lifecycle.move({ tenant: id, isolation: 'schema' }, operator)).rejects.toMatchObject({
      code: 'isolation_unavailable',
    });
    expect(await things(id)).toEqual(['a', 'b', 'c']);
  });

  test('both are moved together, and taken back together', async () => {
    const id = await newTenant();
    const { to } = await lifecycle.move({ tenant: id, isolation: 'schema' }, operator);
    expect(to.map(({ compartment }) => compartment).toSorted()).toEqual(['rows', 'vectors']);
    await lifecycle.rollBackMove(id, operator);
    expect(await whereabouts(id)).toEqual({ called: 'shared', rows: 'shared', vectors: 'shared' });
    expect(await things(id)).toEqual(['a', 'b', 'c']);
  });

  test('a compartment that fails leaves the tenant whole where it was, in the others too', async () => {
    const id = await newTenant();
    const ids = await fill(bed.node, id, 20);
    shelf.fault = (verb, tenant) => {
      if (verb === 'import' && tenant === id) throw new Error('no space left on the shelf');
    };
    await expect(lifecycle.move({ tenant: id, isolation: 'schema' }, operator)).rejects.toThrow(
      /settle vectors/,
    );
    shelf.fault = () => {};
    expect(await whereabouts(id)).toEqual({ called: 'shared', rows: 'shared', vectors: 'shared' });
    expect(await things(id)).toEqual(['a', 'b', 'c']);
    expect(await readIds(bed.node, id)).toHaveLength(ids.length);
    expect(shelf.shelves.has(`shelf:schema/${id} ${id}`)).toBe(false);
  });

  test('what cannot be meant is refused, and says why', async () => {
    const id = await newTenant();
    const refused = (only: readonly string[]) =>
      expect(lifecycle.planMove({ tenant: id, isolation: 'schema', only })).rejects;
    await refused([]).toMatchObject({ code: 'request_invalid', detail: { field: 'only' } });
    await refused(['jobs']).toMatchObject({
      code: 'request_invalid',
      detail: {
        reason: 'the tenant has no place in a compartment jobs; it has one in rows, vectors',
      },
    });
    await lifecycle.move({ tenant: id, isolation: 'schema', only: ['vectors'] }, operator);
    await expect(
      lifecycle.move({ tenant: id, isolation: 'schema', only: ['rows'] }, operator),
    ).rejects.toMatchObject({
      code: 'transition_refused',
      detail: { reason: 'its last move, of vectors, is neither confirmed nor taken back' },
    });
  });
});
