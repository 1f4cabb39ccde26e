import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { BulkheadError } from '../../src/core/errors.ts';
import type { Embedder } from '../../src/rag/embed/embedder.ts';
import { createLexicalEmbedder } from '../../src/rag/embed/lexical.ts';
import { createIngest, type Ingest, type NewDocument, type Stage } from '../../src/rag/ingest/ingest.ts';
import { arrange } from '../../src/rag/ingest/ordinals.ts';
import type { ChunkIndex, DocumentShelf, IndexedChunk } from '../../src/rag/ingest/ports.ts';
import { toChunkIndex } from '../../src/rag/ingest/vector-index.ts';
import { createParser } from '../../src/rag/parse/parser.ts';
import { newTestNode, type TestNode } from '../support/node.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** An index in memory that does what the interface says, and fails when it is told to. */
class TestIndex implements ChunkIndex {
  readonly chunks = new Map<string, IndexedChunk>();
  failing: string | undefined;

  async kept(document: string) {
    return this.of(document).map(({ ordinal, contentHash }) => ({ ordinal, contentHash }));
  }
  async upsert(chunks: readonly IndexedChunk[]) {
    this.#mayFail('upsert');
    for (const chunk of chunks) this.chunks.set(`${chunk.document} ${chunk.ordinal}`, chunk);
  }
  async remove(document: string, only?: readonly number[]) {
    this.#mayFail('remove');
    const gone = this.of(document).filter(({ ordinal }) => only?.includes(ordinal) !== false);
    for (const { ordinal } of gone) this.chunks.delete(`${document} ${ordinal}`);
    return gone.length;
  }
  of(document: string): readonly IndexedChunk[] {
    return [...this.chunks.values()]
      .filter((chunk) => chunk.document === document)
      .toSorted((a, b) => a.ordinal - b.ordinal);
  }
  #mayFail(verb: string): void {
    if (this.failing === verb) throw new BulkheadError('compartment_unreachable', { kind: 'vectors' });
  }
}

const parser = createParser();
let bed: TestNode;
let shelf: DocumentShelf;
let index: TestIndex;
let embeddedTexts: number;
let embedder: Embedder;
let ingest: Ingest;

beforeAll(async () => {
  bed = await newTestNode();
  const tenant = await bed.tenant('shared');
  shelf = await bed.node.objects.open(await bed.node.scope(tenant.id));
});
afterAll(async () => {
  await parser.close();
  await bed[Symbol.asyncDispose]();
});
beforeEach(() => {
  index = new TestIndex();
  embeddedTexts = 0;
  const lexical = createLexicalEmbedder();
  embedder = {
    ...lexical,
    embed: (texts, options) => {
      embeddedTexts += texts.length;
      return lexical.embed(texts, options);
    },
  };
  ingest = createIngest({ shelf, index, parser, embedder, chunking: { maxTokens: 60, overlapTokens: 0 } });
});

let serial = 0;
const newId = (): string => `doc/${(serial += 1)}/../ü`;
const paragraphs = (count: number, from = 0): string =>
  Array.from(
    { length: count },
    (_, n) =>
      `Paragraph ${n + from} says that item ${(n + from) * 7} costs ${(n + from) * 3} euros and is blue.`,
  ).join('\n\n');
const doc = (id: string, text: string, more: Partial<NewDocument> = {}): NewDocument => ({
  id,
  bytes: Buffer.from(text),
  contentType: 'text/plain',
  ...more,
});

describe('a document', () => {
  test('is parsed, chunked, embedded, indexed and kept, and says where it is', async () => {
    const id = newId();
    const seen: Stage[] = [];
    const receipt = await ingest.put(doc(id, paragraphs(20), { title: 'Prices', metadata: { a: 1 } }), {
      watch: ({ stage }) => void seen.push(stage),
    });
    expect(seen).toEqual(['parsing', 'chunking', 'embedding', 'indexing', 'storing', 'done']);
    expect(receipt).toMatchObject({ id, outcome: 'indexed', removed: 0 });
    expect(receipt.chunks).toBeGreaterThan(3);
    expect(index.of(id).length).toBe(receipt.chunks);
    expect(index.of(id)[0]).toMatchObject({
      title: 'Prices',
      metadata: { a: 1, headings: ['Prices'] },
      language: 'english',
    });
    expect(
      index
        .of(id)
        .map(({ body }) => body)
        .join('\n\n'),
    ).toBe(paragraphs(20));
  });

  test('that comes a second time costs nothing', async () => {
    const id = newId();
    await ingest.put(doc(id, paragraphs(20)));
    const before = embeddedTexts;
    expect(await ingest.put(doc(id, paragraphs(20)))).toMatchObject({ outcome: 'unchanged', embedded: 0 });
    expect(embeddedTexts).toBe(before);
    // The same bytes with other metadata are not the same.
    expect(await ingest.put(doc(id, paragraphs(20), { metadata: { a: 2 } }))).toMatchObject({
      outcome: 'indexed',
    });
  });

  test('that changed has its new chunks embedded alone, and nothing of the old is found', async () => {
    const id = newId();
    const first = await ingest.put(doc(id, paragraphs(60)));
    const changed = `Something new.\n\n${paragraphs(30)}\n\n${paragraphs(25, 35)}`;
    const second = await ingest.put(doc(id, changed));
    expect(second.embedded).toBeLessThan(first.chunks / 3);
    expect(second.removed).toBeGreaterThan(0);
    expect(
      index
        .of(id)
        .map(({ body }) => body)
        .join('\n\n'),
    ).toBe(changed);
  });

  test('that is deleted is gone from index and shelf, and can be deleted again', async () => {
    const id = newId();
    await ingest.put(doc(id, paragraphs(5)));
    expect(await ingest.delete(id)).toBe(true);
    expect(index.of(id)).toEqual([]);
    expect(await ingest.delete(id)).toBe(false);
    expect(await ingest.put(doc(id, paragraphs(5)))).toMatchObject({ outcome: 'indexed' });
  });
});

describe('a failure', () => {
  test.each(['upsert', 'remove'])(
    'in %s leaves no mark, and the same again ends well and embeds nothing twice',
    async (verb) => {
      const id = newId();
      await ingest.put(doc(id, paragraphs(20)));
      const changed = doc(id, `New.\n\n${paragraphs(8)}`);
      index.failing = verb;
      await expect(ingest.put(changed)).rejects.toMatchObject({ code: 'compartment_unreachable' });
      index.failing = undefined;
      const again = await ingest.put(changed);
      expect(again.outcome).toBe('indexed');
      if (verb === 'remove') expect(again.embedded).toBe(0);
      expect(
        index
          .of(id)
          .map(({ body }) => body)
          .join('\n\n'),
      ).toBe(`New.\n\n${paragraphs(8)}`);
    },
  );

  test('of the embedder or the parser writes nothing', async () => {
    const id = newId();
    const down = createIngest({
      shelf,
      index,
      parser,
      embedder: { ...embedder, embed: () => Promise.reject(new BulkheadError('model_unavailable')) },
    });
    await expect(down.put(doc(id, paragraphs(3)))).rejects.toMatchObject({ code: 'model_unavailable' });
    await expect(
      ingest.put(doc(id, '%PDF-broken', { contentType: 'application/pdf' })),
    ).rejects.toMatchObject({
      code: 'document_unreadable',
    });
    expect(index.chunks.size).toBe(0);
    expect(await ingest.delete(id)).toBe(false);
  });
});

describe('a batch', () => {
  const batch = (): NewDocument[] =>
    Array.from({ length: 5 }, (_, n) => doc(newId(), n === 3 ? '   ' : paragraphs(3, n * 10)));

  test('of all or nothing says which item is bad, and writes none', async () => {
    const documents = batch();
    await expect(ingest.putAll(documents, 'all_or_nothing')).rejects.toMatchObject({
      code: 'document_empty',
      detail: { item: 3, document: documents[3]?.id },
    });
    expect(index.chunks.size).toBe(0);
    const good = documents.filter((_, n) => n !== 3);
    expect((await ingest.putAll(good, 'all_or_nothing')).every((item) => 'receipt' in item)).toBe(true);
    expect(new Set([...index.chunks.values()].map(({ document }) => document)).size).toBe(4);
  });

  test('of parts writes the good ones, and lists the bad', async () => {
    const documents = batch();
    const items = await ingest.putAll(documents, 'partial');
    expect(items.map((item) => ('receipt' in item ? item.receipt.outcome : item.failure.code))).toEqual([
      'indexed',
      'indexed',
      'indexed',
      'document_empty',
      'indexed',
    ]);
  });

  test('with one id twice is refused whole', async () => {
    const twice = doc(newId(), paragraphs(2));
    for (const mode of ['partial', 'all_or_nothing'] as const)
      await expect(ingest.putAll([twice, doc(newId(), 'x'), twice], mode)).rejects.toMatchObject({
        code: 'value_invalid',
        detail: { item: 2 },
      });
    expect(index.chunks.size).toBe(0);
  });
});

test('what is ingested is found by the tenant’s own search, and what was replaced is not', async () => {
  const tenant = await bed.tenant('shared');
  const scope = await bed.node.scope(tenant.id);
  const { vectors, objects } = bed.node;
  if (vectors === undefined) throw new Error('the embedded database has no vectors');
  await using handle = await vectors.open(scope);
  const real = createIngest({
    shelf: await objects.open(scope),
    index: toChunkIndex(handle, embedder),
    parser,
    embedder,
    chunking: { maxTokens: 60, overlapTokens: 0 },
  });
  const find = async (query: string): Promise<readonly string[]> =>
    (await handle.search({ mode: 'text', text: query })).matches.map(({ body }) => body);
  await real.put(doc('lease', `The deposit is paid in pandas.\n\n${paragraphs(10)}`));
  expect((await find('pandas')).length).toBe(1);
  const second = await real.put(doc('lease', `The deposit is paid in gold.\n\n${paragraphs(10)}`));
  expect(second.embedded).toBeLessThan(second.chunks);
  expect([(await find('pandas')).length, (await find('gold')).length]).toEqual([0, 1]);
  await real.delete('lease');
  expect(await find('gold')).toEqual([]);
});

test('ordinals increase, fit what is new in, and keep what stayed, whatever was there', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(letters, { minLength: 1, maxLength: 6 }), (versions) => {
      let kept: { ordinal: number; contentHash: string }[] = [];
      for (const hashes of versions) {
        const { ordinals, fresh, stale } = arrange(hashes, kept);
        const next = new Map(kept.map(({ ordinal, contentHash }) => [ordinal, contentHash]));
        for (const ordinal of stale) next.delete(ordinal);
        for (const at of fresh) next.set(ordinals[at] ?? -1, hashes[at] ?? '');
        kept = [...next]
          .map(([ordinal, contentHash]) => ({ ordinal, contentHash }))
          .toSorted((a, b) => a.ordinal - b.ordinal);
        expect(kept.map(({ contentHash }) => contentHash)).toEqual(hashes);
        expect(arrange(hashes, kept)).toMatchObject({ fresh: [], stale: [] });
      }
    }),
    { numRuns: 300 },
  );
});
