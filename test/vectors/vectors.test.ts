import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { VectorsHandle } from '../../src/compartments/vectors/vectors.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { queryDocuments, upsertDocuments } from '../../src/index.ts';
import { describeOnEachStore } from '../support/each-store.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const unit = (dimension: number, axis: number): number[] =>
  Array.from({ length: dimension }, (_, index) => (index === axis % dimension ? 1 : 0));

describeOnEachStore('vectors', (store) => {
  const as = <T>(tenant: Tenant, body: (vectors: VectorsHandle) => Promise<T>): Promise<T> => {
    const { node } = store().bed;
    return node.run(tenant.id, async (scope) => {
      await using vectors = await (node.vectors ?? expect.fail('no pgvector')).open(scope);
      return await body(vectors);
    });
  };

  describe('under their published names', () => {
    test.each([384, 1_536])(
      '%i dimensions are stored and found, by their own tenant alone',
      async (dimension) => {
        const { node } = store().bed;
        const [a, b] = [await store().bed.tenant('shared'), await store().bed.tenant('shared')];
        const documents = [0, 1, 2].map((axis) => ({
          id: `d${axis}`,
          values: unit(dimension, axis),
          title: `Title ${axis}`,
          metadata: Object.freeze({ confidential: axis === 1 }),
        }));
        const receipt = await upsertDocuments(node, a.slug, documents);
        expect(receipt).toMatchObject({ upserted: 3, isolation: 'shared' });
        expect(receipt.namespace).toMatch(/vectors\/shared\/\d+$/);
        expect(documents[0]?.metadata).toEqual({ confidential: false });
        const found = await queryDocuments(node, a.id, { vector: unit(dimension, 1), topK: 2 });
        expect(found.matches[0]).toMatchObject({
          id: 'd1',
          title: 'Title 1',
          metadata: { confidential: true, tenant_id: a.id },
        });
        expect(found.overheadMs).toBeGreaterThanOrEqual(0);
        expect((await queryDocuments(node, b.id, { vector: unit(dimension, 1), topK: 2 })).matches).toEqual(
          [],
        );
        await expect(
          upsertDocuments(node, b.id, [
            { id: 'x', values: unit(dimension, 0), metadata: { tenant_id: a.id } },
          ]),
        ).rejects.toMatchObject({ code: 'value_invalid' });
        // @ts-expect-error: without a tenant it does not compile, and does not run.
        await expect(queryDocuments(node, undefined, { vector: [1], topK: 1 })).rejects.toMatchObject({
          name: 'BulkheadError',
        });
      },
    );
  });

  describe('of one tenant', () => {
    let tenant: Tenant;
    beforeAll(async () => {
      tenant = await store().bed.tenant('shared');
      await as(tenant, async (vectors) => {
        await vectors.ensureSpace({ model: 'm', dimension: 3, metric: 'cosine' });
        await vectors.upsert(
          Array.from({ length: 30 }, (_, index) => ({
            document: `d${index}`,
            body: `number ${index}`,
            metadata: {
              index,
              parity: index % 2 === 0 ? 'even' : 'odd',
              ...(index === 7 ? { rare: true } : {}),
            },
            vector: [Math.cos(index / 10), Math.sin(index / 10), 0],
          })),
        );
      });
    });

    test('a search gives min(k, n), nearest first, also behind a filter that lets few through', async () => {
      await as(tenant, async (vectors) => {
        const vector = [1, 0, 0];
        const all = await vectors.search({ mode: 'vector', vector, limit: 200 });
        expect(all.matches).toHaveLength(30);
        expect(all.matches.slice(0, 3).map(({ document }) => document)).toEqual(['d0', 'd1', 'd2']);
        const scores = all.matches.map(({ score }) => score);
        expect(scores).toEqual(scores.toSorted((x, y) => y - x));
        const search = async (filter: NonNullable<Parameters<typeof vectors.search>[0]['filter']>) =>
          (await vectors.search({ mode: 'vector', vector, limit: 50, filter })).matches.map(
            ({ document }) => document,
          );
        expect(await search({ rare: true })).toEqual(['d7']);
        expect(await search({ parity: 'odd', index: { lt: 6 } })).toEqual(['d1', 'd3', 'd5']);
        expect(await search({ index: { in: [3, 29] } })).toEqual(['d3', 'd29']);
        expect(await search({ rare: { exists: false }, index: { gte: 6, lte: 8 } })).toEqual(['d6', 'd8']);
        expect(await search({ parity: { gt: 1 } })).toEqual([]);
        for (const bad of [{ index: { near: 3 } }, { index: { in: [] } }, { index: {} }, { 'a\u0000b': 1 }])
          await expect(search(bad as never)).rejects.toMatchObject({ code: 'value_invalid' });
      });
    });

    test.each([
      ['another dimension', [1, 2]],
      ['NaN', [1, Number.NaN, 0]],
      ['an infinity', [1, Number.POSITIVE_INFINITY, 0]],
      ['no direction', [0, 0, 0]],
    ])(
      'a vector with %s is refused with its place, and nothing of the batch is written',
      async (_name, vector) => {
        await as(tenant, async (vectors) => {
          const before = await vectors.count();
          await expect(
            vectors.upsert([
              { document: 'new', vector: [1, 0, 0] },
              { document: 'bad', vector },
            ]),
          ).rejects.toMatchObject({ code: 'value_invalid', detail: { field: 'passages[1].vector' } });
          expect(await vectors.count()).toBe(before);
          await expect(vectors.search({ mode: 'vector', vector })).rejects.toMatchObject({
            code: 'value_invalid',
          });
        });
      },
    );

    test('two items of one place, hostile names and texts, and too large a batch', async () => {
      await as(tenant, async (vectors) => {
        await expect(vectors.upsert([{ document: 'x' }, { document: 'x' }])).rejects.toMatchObject({
          detail: { field: 'passages[1].ordinal' },
        });
        for (const bad of [
          { document: '' },
          { document: 'a\u0000' },
          { document: 'x', language: "english'; drop" },
        ])
          await expect(vectors.upsert([bad])).rejects.toMatchObject({ code: 'value_invalid' });
        const hostile = `o'neil"; delete from passage; --`;
        await vectors.upsert([{ document: hostile, body: `' or 1=1 \\ ${hostile}`, vector: [0, 0, 1] }]);
        const { matches } = await vectors.search({
          mode: 'text',
          text: `o'neil \\ ' | & ! <-> :* delete`,
          language: 'simple',
        });
        expect(matches.map(({ document }) => document)).toContain(hostile);
        expect(await vectors.remove(hostile)).toBe(1);
        expect((await vectors.search({ mode: 'text', text: 'neil', language: 'simple' })).matches).toEqual(
          [],
        );
      });
    });

    test('another model is built beside the one that serves, and takes its place in one step', async () => {
      await as(tenant, async (vectors) => {
        await expect(
          vectors.ensureSpace({ model: 'other', dimension: 2, metric: 'l2' }),
        ).rejects.toMatchObject({ code: 'conflict' });
        const built = await vectors.buildSpace({ model: 'other', dimension: 2, metric: 'l2' });
        for (let after: string | undefined; ;) {
          const page = await vectors.passages({ limit: 20, ...(after === undefined ? {} : { after }) });
          await vectors.upsert(
            page.map(({ document, ordinal, body, metadata }) => ({
              document,
              ordinal,
              body,
              metadata,
              vector: [Number(metadata['index']), 1],
            })),
            built,
          );
          after = page.at(-1)?.id;
          if (page.length < 20) break;
        }
        // The old one still serves.
        expect(
          (await vectors.search({ mode: 'vector', vector: [1, 0, 0], limit: 1 })).matches[0]?.document,
        ).toBe('d0');
        await vectors.serveSpace(built.id);
        const { matches } = await vectors.search({ mode: 'vector', vector: [12, 1], limit: 3 });
        expect(matches[0]).toMatchObject({ document: 'd12', score: 1 });
        await expect(vectors.dropSpace(built.id)).rejects.toMatchObject({ code: 'conflict' });
      });
    });
  });

  test('3,072 dimensions, by inner product', async () => {
    const tenant = await store().bed.tenant('shared');
    await as(tenant, async (vectors) => {
      await vectors.ensureSpace({ model: 'large', dimension: 3_072, metric: 'inner_product' });
      await vectors.upsert([0, 1, 2].map((axis) => ({ document: `d${axis}`, vector: unit(3_072, axis) })));
      const { matches } = await vectors.search({ mode: 'vector', vector: unit(3_072, 2), limit: 2 });
      expect(matches[0]).toMatchObject({ document: 'd2', score: 1 });
    });
  });
});
