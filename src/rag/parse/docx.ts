import { Parser } from 'htmlparser2';
import { BulkheadError } from '../../core/errors.ts';
import { tidy, type Block, type ParseLimits, type StructuredText } from './structured.ts';
import { readZipEntries } from './zip.ts';

const body = 'word/document.xml';
const styles = 'word/styles.xml';
const properties = 'docProps/core.xml';

/** WordprocessingML (ECMA-376): paragraphs, headings by style or outline level, lists, tables. Deleted text and field codes are left out. */
export async function parseDocx(bytes: Uint8Array, limits: ParseLimits): Promise<StructuredText> {
  const entries = await readZipEntries(bytes, [body, styles, properties], limits);
  const document = entries.get(body);
  if (document === undefined)
    throw new BulkheadError('document_unreadable', {
      field: 'content',
      reason: 'it is a ZIP file, and no Word document; send DOCX, not DOC, ODT or a spreadsheet',
    });
  const reader = new DocxReader(readHeadingStyles(entries.get(styles)?.toString('utf8') ?? ''));
  parseXml(document.toString('utf8'), reader);
  const blocks = reader.blocks();
  const heading = blocks.find((block) => block.kind === 'heading');
  const title =
    readTitle(entries.get(properties)?.toString('utf8') ?? '') ??
    (heading?.kind === 'heading' ? heading.text : undefined);
  return { format: 'docx', title, pages: undefined, blocks };
}

interface XmlReader {
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  close(name: string): void;
  text(text: string): void;
}

function parseXml(xml: string, reader: XmlReader): void {
  const parser = new Parser(
    {
      onopentag: (name, attributes) => reader.open(name, attributes),
      onclosetag: (name) => reader.close(name),
      ontext: (text) => reader.text(text),
    },
    // Entities of a document's own are not expanded by this parser.
    { xmlMode: true, decodeEntities: true },
  );
  parser.write(xml);
  parser.end();
}

class DocxReader implements XmlReader {
  readonly #blocks: Block[] = [];
  readonly #headings: ReadonlyMap<string, number>;
  #text = '';
  #inText = false;
  #level: number | undefined;
  #isItem = false;
  #deleted = 0;
  #tableDepth = 0;
  #rows: string[][] = [];
  #row: string[] = [];
  #cell = '';

  constructor(headings: ReadonlyMap<string, number>) {
    this.#headings = headings;
  }

  blocks(): readonly Block[] {
    return this.#blocks;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    const value = attributes['w:val'];
    switch (name) {
      case 'w:p':
        this.#text = '';
        this.#level = undefined;
        this.#isItem = false;
        return;
      case 'w:pStyle':
        this.#level ??= this.#headings.get(value ?? '');
        return;
      case 'w:outlineLvl':
        if (Number(value) < 6) this.#level = Number(value) + 1;
        return;
      case 'w:numPr':
        this.#isItem = true;
        return;
      case 'w:t':
        this.#inText = true;
        return;
      case 'w:tab':
      case 'w:br':
      case 'w:cr':
        this.#text += ' ';
        return;
      case 'w:del':
      case 'w:moveFrom':
        this.#deleted += 1;
        return;
      case 'w:tbl':
        this.#tableDepth += 1;
        if (this.#tableDepth === 1) this.#rows = [];
        return;
      case 'w:tr':
        if (this.#tableDepth === 1) this.#row = [];
        return;
      case 'w:tc':
        if (this.#tableDepth === 1) this.#cell = '';
        return;
      default:
    }
  }

  close(name: string): void {
    switch (name) {
      case 'w:t':
        this.#inText = false;
        return;
      case 'w:p':
        return this.#endParagraph();
      case 'w:del':
      case 'w:moveFrom':
        this.#deleted -= 1;
        return;
      case 'w:tc':
        if (this.#tableDepth === 1) this.#row.push(tidy(this.#cell));
        return;
      case 'w:tr':
        if (this.#tableDepth === 1 && this.#row.some((cell) => cell !== '')) this.#rows.push(this.#row);
        return;
      case 'w:tbl':
        this.#tableDepth -= 1;
        if (this.#tableDepth === 0 && this.#rows.length > 0)
          this.#blocks.push({ kind: 'table', rows: this.#rows });
        return;
      default:
    }
  }

  text(text: string): void {
    if (this.#inText && this.#deleted === 0) this.#text += text;
  }

  #endParagraph(): void {
    const text = tidy(this.#text);
    this.#text = '';
    if (text === '') return;
    if (this.#tableDepth > 0) this.#cell += ` ${text}`;
    else if (this.#level !== undefined) this.#blocks.push({ kind: 'heading', level: this.#level, text });
    else this.#blocks.push({ kind: this.#isItem ? 'item' : 'paragraph', text });
  }
}

/** Ids of styles that are headings: by their own name, by their outline level, or by what they are based on. */
function readHeadingStyles(xml: string): ReadonlyMap<string, number> {
  const levels = new Map<string, number>([['Title', 1]]);
  const basedOn = new Map<string, string>();
  let id = '';
  parseXml(xml, {
    open(name, attributes) {
      if (name === 'w:style') id = attributes['w:styleId'] ?? '';
      const value = attributes['w:val'] ?? '';
      const level = name === 'w:name' ? /^heading ([1-6])$/i.exec(value)?.[1] : undefined;
      if (level !== undefined) levels.set(id, Number(level));
      if (name === 'w:outlineLvl' && Number(value) < 6) levels.set(id, Number(value) + 1);
      if (name === 'w:basedOn') basedOn.set(id, value);
    },
    close: () => {},
    text: () => {},
  });
  for (const [style, base] of basedOn) {
    const level = levels.get(base);
    if (level !== undefined && !levels.has(style)) levels.set(style, level);
  }
  return levels;
}

function readTitle(xml: string): string | undefined {
  let inTitle = false;
  let title = '';
  parseXml(xml, {
    open: (name) => {
      inTitle = name === 'dc:title';
    },
    close: () => {
      inTitle = false;
    },
    text: (text) => {
      if (inTitle) title += text;
    },
  });
  return tidy(title) || undefined;
}
