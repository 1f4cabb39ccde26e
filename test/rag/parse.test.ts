import { afterAll, describe, expect, test, vi } from 'vitest';
import { decodeText } from '../../src/rag/parse/decode.ts';
import { parseDocument } from '../../src/rag/parse/parse.ts';
import { createParser } from '../../src/rag/parse/parser.ts';
import { defaultParseLimits, type Block } from '../../src/rag/parse/structured.ts';
import { makeDocx, makeEmptyPdf, makePdf } from './support/documents.ts';
import { makeZip } from './support/zip.ts';

vi.setConfig({ testTimeout: 60_000 });

const parser = createParser();
afterAll(() => parser.close());

const textOf = (block: Block | undefined): unknown => (block?.kind === 'table' ? block.rows : block?.text);
const bytes = (text: string): Buffer => Buffer.from(text);

describe('a document becomes headings, paragraphs, lists and tables', () => {
  test('from PDF, with its pages', async () => {
    const parsed = await parser.parse({ bytes: await makePdf() });
    expect(parsed).toMatchObject({ format: 'pdf', title: 'Lease', pages: 2 });
    expect(parsed.blocks.map(({ kind, page }) => [kind, page])).toEqual([
      ['heading', 1],
      ['paragraph', 1],
      ['paragraph', 1],
      ['heading', 2],
      ['paragraph', 2],
    ]);
    expect(textOf(parsed.blocks[2])).toBe(
      'The deposit is three months’ rent. It is returned within thirty days.',
    );
  });

  test('from DOCX', async () => {
    const parsed = await parser.parse({ bytes: await makeDocx() });
    expect(parsed.title).toBe('Handbook');
    expect(parsed.blocks).toEqual([
      { kind: 'heading', level: 1, text: 'Leave' },
      { kind: 'paragraph', text: 'Everybody has thirty days of leave.' },
      { kind: 'heading', level: 2, text: 'Illness' },
      { kind: 'item', text: 'Call before nine.' },
      {
        kind: 'table',
        rows: [
          ['Country', 'Days'],
          ['Austria', '25'],
          ['Spain', '22'],
        ],
      },
    ]);
  });

  test('from Markdown', async () => {
    const text =
      '---\na: b\n---\n# Guide\n\nFirst *line*\nsecond.\n\n- one\n- two\n\n## Prices\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x;\n```\n\n<script>alert(1)</script>\n';
    const parsed = await parser.parse({ bytes: bytes(text), name: 'guide.md' });
    expect(parsed).toEqual({
      format: 'markdown',
      title: 'Guide',
      pages: undefined,
      blocks: [
        { kind: 'heading', level: 1, text: 'Guide' },
        { kind: 'paragraph', text: 'First line second.' },
        { kind: 'item', text: 'one' },
        { kind: 'item', text: 'two' },
        { kind: 'heading', level: 2, text: 'Prices' },
        {
          kind: 'table',
          rows: [
            ['a', 'b'],
            ['1', '2'],
          ],
        },
        { kind: 'code', text: 'let x;' },
      ],
    });
  });

  test('from HTML, without scripts, styles, menus and hidden parts', async () => {
    const html = `<!doctype html><html><head><title>A &amp; B</title><style>x{}</style></head><body><nav>Menu</nav>
      <h1>Top</h1><p>One<br>two</p><ul><li>first<li>second</ul><p hidden>secret</p><script>evil()</script>
      <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td><b>2</b></td></tr></table><div>end</div></body></html>`;
    const parsed = await parser.parse({ bytes: bytes(html), contentType: 'text/html' });
    expect(parsed.title).toBe('A & B');
    expect(parsed.blocks.map(textOf)).toEqual([
      'Top',
      'One',
      'two',
      'first',
      'second',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      'end',
    ]);
  });
});

describe('a text in', () => {
  const text = 'Grüße aus Köln, ça va? Übermäßig schön war der Ausflug an die Küste nach dem langen Winter.';
  test.each([
    ['UTF-8', Buffer.from(text, 'utf8')],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`, 'utf8')],
    ['UTF-16 little-endian with a mark', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16 little-endian', Buffer.from(text, 'utf16le')],
    ['UTF-16 big-endian', Buffer.from(text, 'utf16le').swap16()],
    ['Latin-1', Buffer.from(text, 'latin1')],
  ])('%s is read', (_, encoded) => {
    expect(decodeText(encoded)).toBe(text);
  });

  test('an encoding that is named is believed', () => {
    const koi8 = Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4]);
    expect(decodeText(koi8, 'koi8-r')).toBe('Привет');
    expect(() => decodeText(koi8, 'nonsense')).toThrowError(
      expect.objectContaining({ code: 'encoding_unknown' }),
    );
    expect(() => decodeText(Buffer.from([0xff, 0x41]), 'utf-8')).toThrowError(
      expect.objectContaining({ code: 'encoding_unknown' }),
    );
  });

  test.each([
    ['Russian in KOI8', Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4, 0x20, 0xcd, 0xc9, 0xd2])],
    ['Japanese in Shift-JIS', Buffer.from([0x93, 0xfa, 0x96, 0x7b, 0x8c, 0xea, 0x82, 0xcc, 0x8f, 0xac])],
    ['binary', Buffer.from([0, 1, 2, 3, 0xff, 0xfe, 0x80, 0x81, 7])],
  ])('%s is refused, and not read wrongly', (_, encoded) => {
    expect(() => decodeText(encoded)).toThrowError(expect.objectContaining({ code: 'encoding_unknown' }));
  });
});

describe('a document is refused with a reason', () => {
  const refuse = async (source: Parameters<typeof parser.parse>[0], code: string): Promise<void> => {
    await expect(parser.parse(source)).rejects.toMatchObject({
      code,
      detail: { reason: expect.any(String) },
    });
  };

  test('when it is broken', async () => {
    const [pdf, docx] = [await makePdf(), await makeDocx()];
    await refuse({ bytes: bytes('%PDF-1.7 and then nothing of the kind') }, 'document_unreadable');
    await refuse({ bytes: docx.subarray(0, docx.length - 200), name: 'a.docx' }, 'document_unreadable');
    await refuse({ bytes: pdf, contentType: 'text/html' }, 'document_unreadable');
    await refuse({ bytes: bytes('hello'), contentType: 'application/pdf' }, 'document_unreadable');
    await refuse(
      { bytes: makeZip([{ name: 'a.txt', content: bytes('x') }]), name: 'a.docx' },
      'document_unreadable',
    );
    await refuse({ bytes: await makePdf({ userPassword: 'x' }) }, 'document_unreadable');
  });

  test('when it holds no text', async () => {
    await refuse({ bytes: await makeEmptyPdf() }, 'document_empty');
    await refuse({ bytes: bytes(' \n\n ') }, 'document_empty');
  });

  test('when nobody here can read it', async () => {
    await refuse({ bytes: bytes('x'), contentType: 'image/png', name: 'a.png' }, 'media_type_unsupported');
  });

  test('when it unpacks to too much, whatever its directory says', async () => {
    const zeros = Buffer.alloc(30_000_000, 0x20);
    const bomb = makeZip([{ name: 'word/document.xml', content: zeros }]);
    expect(bomb.length).toBeLessThan(40_000);
    await refuse({ bytes: bomb }, 'document_too_large');
    const lying = makeZip([{ name: 'word/document.xml', content: zeros, declaredBytes: 1_000 }]);
    await expect(parser.parse({ bytes: lying })).rejects.toMatchObject({
      code: expect.stringMatching(/document_too_large|document_unreadable/),
    });
  });

  test('when it is too large, by bytes or by what it says', async () => {
    const limits = { ...defaultParseLimits, maxBytes: 100, maxCharacters: 20, maxPages: 1 };
    await expect(parseDocument({ bytes: bytes('x'.repeat(101)) }, limits)).rejects.toMatchObject({
      code: 'document_too_large',
    });
    await expect(parseDocument({ bytes: bytes('x'.repeat(21)) }, limits)).rejects.toMatchObject({
      code: 'document_too_large',
    });
    await expect(
      parseDocument({ bytes: await makePdf() }, { ...limits, maxBytes: 1e6, maxCharacters: 1e6 }),
    ).rejects.toMatchObject({ code: 'document_too_large' });
  });
});

describe('a document that would not end', () => {
  // Nested quotes and brackets: a parser has to look at all of it again and again.
  const deep = bytes('> '.repeat(60_000) + '['.repeat(60_000));

  test('is stopped in its worker, and the next one is read', async () => {
    const strict = createParser({ limits: { timeoutMs: 300 } });
    await expect(strict.parse({ bytes: deep, name: 'deep.md' })).rejects.toMatchObject({
      code: expect.stringMatching(/document_too_costly|document_unreadable/),
    });
    let blockedMs = performance.now();
    const beat = setInterval(() => {
      blockedMs = performance.now();
    }, 10);
    const waiting = strict.parse({ bytes: deep, name: 'deep.md' }).catch(() => undefined);
    await new Promise((wake) => setTimeout(wake, 200));
    // This thread went on meanwhile.
    expect(performance.now() - blockedMs).toBeLessThan(150);
    await waiting;
    clearInterval(beat);
    const patient = createParser();
    expect((await patient.parse({ bytes: bytes('fine') })).blocks.length).toBe(1);
    await strict.close();
    await patient.close();
  });

  test('is stopped when its caller goes away', async () => {
    const abort = new AbortController();
    const parsing = parser.parse({ bytes: deep, name: 'deep.md' }, abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(parsing).rejects.toMatchObject({ code: 'aborted' });
    expect((await parser.parse({ bytes: bytes('fine') })).blocks.length).toBe(1);
  });

  test('cannot take the memory of the node', async () => {
    const small = createParser({ limits: { memoryMb: 32 } });
    const huge = bytes('a\n\n'.repeat(4_000_000));
    await expect(small.parse({ bytes: huge })).rejects.toMatchObject({ code: 'document_too_costly' });
    await small.close();
  });

  test('makes others wait, and not for ever', async () => {
    const busy = createParser({ limits: { timeoutMs: 2_000 }, maxWaiting: 1 });
    const running = Promise.allSettled([
      busy.parse({ bytes: deep, name: 'a.md' }),
      busy.parse({ bytes: bytes('b') }),
    ]);
    await expect(busy.parse({ bytes: bytes('c') })).rejects.toMatchObject({ code: 'pool_saturated' });
    expect((await running)[1]?.status).toBe('fulfilled');
    await busy.close();
  });
});
