import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkDocument, toEmbeddedText } from '../../src/rag/chunk/chunk.ts';
import { splitSentences, splitToFit } from '../../src/rag/chunk/sentences.ts';
import { estimateTokens } from '../../src/rag/chunk/tokens.ts';
import type { Block, StructuredText } from '../../src/rag/parse/structured.ts';

const paragraph = (text: string): Block => ({ kind: 'paragraph', text });
const heading = (level: number, text: string): Block => ({ kind: 'heading', level, text });
const document = (blocks: readonly Block[], title?: string): StructuredText => ({
  format: 'text',
  title,
  pages: undefined,
  blocks,
});

/** A paragraph that is like no other. */
const about = (n: number): string =>
  `Section ${n} begins here with its number. It says that item ${n * 7} costs ${n * 3} euros. Whoever wants number ${n} has to ask for it in writing.`;

describe('chunks', () => {
  test('never cross a heading, and know the headings above them', () => {
    const chunks = chunkDocument(
      document(
        [
          heading(1, 'A'),
          paragraph('one'),
          heading(2, 'B'),
          paragraph('two'),
          heading(1, 'C'),
          paragraph('three'),
        ],
        'T',
      ),
    );
    expect(chunks.map(({ headings, text }) => [...headings, text])).toEqual([
      ['T', 'A', 'one'],
      ['T', 'A', 'B', 'two'],
      ['T', 'C', 'three'],
    ]);
    expect(toEmbeddedText(chunks[1] ?? { headings: [], text: '' })).toBe('T › A › B\ntwo');
  });

  test('lose nothing, and keep to their size, whatever the text', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 800 })
      .map((raw) => raw.replaceAll(/\s+/g, ' ').trim());
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), (texts) => {
        const blocks = texts.filter((each) => each !== '').map(paragraph);
        const chunks = chunkDocument(document(blocks), { maxTokens: 40, overlapTokens: 8 });
        const squeezed = (raw: string): string => raw.replaceAll(/\s+/gu, '');
        const all = squeezed(chunks.map((chunk) => chunk.text).join(''));
        for (const character of new Set(squeezed(texts.join('')))) expect(all).toContain(character);
        for (const chunk of chunks) expect(estimateTokens(chunk.text)).toBeLessThanOrEqual(44);
      }),
      { numRuns: 150 },
    );
  });

  test('repeat whole sentences of the one before, and no more than asked', () => {
    const blocks = Array.from({ length: 12 }, (_, n) => paragraph(about(n)));
    const chunks = chunkDocument(document(blocks), { maxTokens: 90, overlapTokens: 30 });
    expect(chunks.length).toBeGreaterThan(3);
    for (const [index, chunk] of chunks.slice(1).entries()) {
      const first = splitSentences(chunk.text, 'en')[0]?.trim() ?? '';
      expect(chunks[index]?.text).toContain(first);
    }
    const plain = chunkDocument(document(blocks), { maxTokens: 90, overlapTokens: 0 });
    expect(plain.map(({ text }) => text).join('\n\n')).toBe(
      blocks.map((block) => (block as { text: string }).text).join('\n\n'),
    );
  });

  test('stay what they were when a paragraph is put in elsewhere', () => {
    const blocks = Array.from({ length: 60 }, (_, n) => paragraph(about(n)));
    const options = { maxTokens: 160, overlapTokens: 30 };
    const before = new Set(chunkDocument(document(blocks), options).map(({ contentHash }) => contentHash));
    const changed = chunkDocument(document([paragraph('Something new stands here.'), ...blocks]), options);
    const fresh = changed.filter(({ contentHash }) => !before.has(contentHash));
    expect(before.size).toBeGreaterThan(12);
    expect(fresh.length).toBeLessThanOrEqual(4);
    expect(chunkDocument(document(blocks), options)).toEqual(chunkDocument(document(blocks), options));
  });

  test('of a table name the column of each cell', () => {
    const table: Block = {
      kind: 'table',
      rows: [
        ['Country', 'Days'],
        ['Austria', '25'],
        ['Spain', '22'],
      ],
    };
    expect(chunkDocument(document([table])).map(({ text }) => text)).toEqual([
      'Country: Austria | Days: 25\nCountry: Spain | Days: 22',
    ]);
  });

  test('are refused sizes that leave no room', () => {
    for (const options of [{ maxTokens: 15 }, { maxTokens: 40, overlapTokens: 40 }, { maxTokens: 40.5 }])
      expect(() => chunkDocument(document([paragraph('x')]), options)).toThrowError(
        expect.objectContaining({ code: 'value_invalid' }),
      );
  });
});

describe('sentences', () => {
  test.each([
    ['en', 'Dr. Smith paid $3.50. He left, e.g. on foot. Why?', 3],
    ['de', 'Das gilt z.B. hier. Dr. Weiß kam am 3. Mai. Gut!', 3],
    ['fr', 'Il est parti. Où ? À Paris.', 3],
    ['ja', '今日は晴れです。明日は雨でしょう。', 2],
    ['zh', '今天天气很好。我们去公园吧！', 2],
  ])('end where a reader of %s sees their end', (language, text, count) => {
    const sentences = splitSentences(text, language);
    expect(sentences.length).toBe(count);
    expect(sentences.join('')).toBe(text);
  });

  test('that are too long are cut between words, and words between characters', () => {
    const long = `${'word '.repeat(50)}${'😀'.repeat(100)}`;
    const pieces = splitToFit(long, 20, 'en');
    expect(pieces.join('')).toBe(long);
    expect(pieces.every((piece) => estimateTokens(piece) <= 20 && piece.isWellFormed())).toBe(true);
  });
});
