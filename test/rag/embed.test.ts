import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLexicalEmbedder } from '../../src/rag/embed/lexical.ts';
import { createEndpointEmbedder } from '../../src/rag/embed/openai.ts';
import { embeddings, json, openModelServer, type ModelServer } from './support/model-server.ts';

const lexical = createLexicalEmbedder();
const dot = (a: Float32Array | undefined, b: Float32Array | undefined): number =>
  [...(a ?? [])].reduce((sum, value, index) => sum + value * (b?.[index] ?? 0), 0);

describe('the lexical embedder', () => {
  test('gives every text a finite vector of length 1, the same each time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 400 }), async (text) => {
        const [one, two] = await lexical.embed([text, text], { as: 'passage' });
        expect(one).toEqual(two);
        expect(one).toHaveLength(lexical.dimension);
        expect(dot(one, one)).toBeCloseTo(1, 4);
      }),
      { numRuns: 60 },
    );
  });

  test('brings forms of a word, misspellings and the same words in another order near each other', async () => {
    const [about, near, misspelt, far] = await lexical.embed(
      [
        'The bakery delivers fresh bread to restaurants every morning.',
        'Which restaurants get their bread delivered by the bakeries?',
        'fresh bred from the bakkery',
        'The quarterly audit of network switches found no faults.',
      ],
      { as: 'passage' },
    );
    expect(dot(about, near)).toBeGreaterThan(0.25);
    expect(dot(about, misspelt)).toBeGreaterThan(0.12);
    expect(Math.abs(dot(about, far))).toBeLessThan(0.1);
  });
});

describe('an embedder behind HTTP', () => {
  let server: ModelServer;
  beforeAll(async () => {
    server = await openModelServer(embeddings(4));
  });
  beforeEach(() => {
    server.asked.length = 0;
    server.next.length = 0;
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const embedder = () =>
    createEndpointEmbedder({ url: server.url, key: 'secret-key-1', model: 'some-model', dimension: 4 });

  test('sends batches with the key, and puts each vector to its own text', async () => {
    const texts = Array.from({ length: 150 }, (_, index) => 'x'.repeat(index));
    const vectors = await embedder().embed(texts, { as: 'passage' });
    expect(vectors.map((vector) => vector[0])).toEqual(texts.map((text) => Math.max(1, text.length)));
    expect(server.asked.map(({ path, authorization }) => `${path} ${authorization}`)).toEqual(
      Array.from({ length: 3 }, () => '/v1/embeddings Bearer secret-key-1'),
    );
    expect(server.asked.every(({ body }) => body['model'] === 'some-model')).toBe(true);
  });

  test('comes back after 429 and 503, when it was told to', async () => {
    server.next.push(json({}, 429, { 'retry-after': '0' }), json({}, 503, { 'retry-after': '0' }));
    expect(await embedder().embed(['abc'], { as: 'query' })).toHaveLength(1);
    expect(server.asked).toHaveLength(3);
  });

  test.each([
    ['refuses the key', json({ error: 'key secret-key-1 is bad' }, 401)],
    ['no JSON', (_: unknown, response: import('node:http').ServerResponse) => void response.end('<html>')],
    ['another form', json({ vectors: [] })],
    ['too few', json({ data: [] })],
    ['another dimension', json({ data: [{ index: 0, embedding: [1, 2, 3] }] })],
    ['a text that was not sent', json({ data: [{ index: 7, embedding: [1, 2, 3, 4] }] })],
    ['no numbers', json({ data: [{ index: 0, embedding: [1, null, 3, 4] }] })],
  ])('answers nonsense (%s): a clear error without the key', async (_name, answer) => {
    server.next.push(answer);
    const failure = await embedder()
      .embed(['abc'], { as: 'query' })
      .catch((cause: unknown) => cause);
    expect(failure).toMatchObject({ code: 'model_unavailable' });
    expect(JSON.stringify(failure) + String(failure)).not.toContain('secret-key-1');
  });

  test('cannot be reached, or is given up by the caller', async () => {
    const nobody = createEndpointEmbedder({
      url: 'http://127.0.0.1:1/v1',
      key: undefined,
      model: 'm',
      dimension: 4,
    });
    const gone = AbortSignal.abort();
    await expect(nobody.embed(['x'], { as: 'query', signal: gone })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});
