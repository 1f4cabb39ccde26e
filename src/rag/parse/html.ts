import { Parser } from 'htmlparser2';
import { tidy, type Block, type StructuredText } from './structured.ts';

/** What is no text of the document, or is the same on every page. */
const skipped = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'iframe',
  'object',
  'nav',
  'head',
  'select',
]);
const breaking = new Set([
  'p',
  'div',
  'section',
  'article',
  'main',
  'header',
  'footer',
  'aside',
  'blockquote',
  'figure',
  'figcaption',
  'ul',
  'ol',
  'dl',
  'dt',
  'dd',
  'form',
  'fieldset',
  'address',
  'hr',
  'br',
  'body',
  'html',
  'table',
  'caption',
]);

/** Text of a page by htmlparser2: no script runs, no address is opened, no entity of a document's own is known. */
export function parseHtml(html: string): StructuredText {
  const reader = new HtmlReader();
  const parser = new Parser(
    {
      onopentag: (name, attributes) => reader.open(name, attributes),
      onclosetag: (name) => reader.close(name),
      ontext: (text) => reader.text(text),
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.write(html);
  parser.end();
  return reader.end();
}

/** A number is the level of a heading. */
type Kind = 'paragraph' | 'item' | 'code' | number;

class HtmlReader {
  readonly #blocks: Block[] = [];
  #title = '';
  #inTitle = false;
  #skipDepth = 0;
  #text = '';
  #kind: Kind = 'paragraph';
  #cell: string | undefined;
  #row: string[] | undefined;
  #rows: string[][] | undefined;
  #tableDepth = 0;

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (name === 'title' && this.#title === '') this.#inTitle = true;
    if (this.#skipDepth > 0 || skipped.has(name) || attributes['hidden'] !== undefined) {
      if (!isVoid(name)) this.#skipDepth += 1;
      return;
    }
    if (name === 'table') {
      this.#flush();
      this.#tableDepth += 1;
      if (this.#tableDepth === 1) this.#rows = [];
    } else if (name === 'tr' && this.#tableDepth === 1) this.#row = [];
    else if ((name === 'td' || name === 'th') && this.#tableDepth === 1) this.#cell = '';
    else if (this.#cell !== undefined) this.#cell += ' ';
    else if (/^h[1-6]$/.test(name)) this.#begin(Number(name[1]));
    else if (name === 'li') this.#begin('item');
    else if (name === 'pre') this.#begin('code');
    else if (breaking.has(name)) this.#flush();
    if (name === 'img' && attributes['alt'] !== undefined) this.text(` ${attributes['alt']} `);
  }

  close(name: string): void {
    if (name === 'title') this.#inTitle = false;
    if (this.#skipDepth > 0) {
      if (!isVoid(name)) this.#skipDepth -= 1;
      return;
    }
    if (name === 'table') this.#endTable();
    else if (name === 'tr' && this.#tableDepth === 1) this.#endRow();
    else if ((name === 'td' || name === 'th') && this.#tableDepth === 1) this.#endCell();
    else if (
      this.#cell === undefined &&
      (/^h[1-6]$/.test(name) || name === 'li' || name === 'pre' || breaking.has(name))
    )
      this.#flush();
  }

  text(text: string): void {
    if (this.#inTitle) this.#title += text;
    if (this.#skipDepth > 0) return;
    if (this.#cell !== undefined) this.#cell += text;
    else this.#text += text;
  }

  end(): StructuredText {
    if (this.#tableDepth > 0) {
      this.#tableDepth = 1;
      this.#endTable();
    }
    this.#flush();
    const heading = this.#blocks.find((block) => block.kind === 'heading');
    const title = tidy(this.#title) || (heading?.kind === 'heading' ? heading.text : '');
    return {
      format: 'html',
      title: title === '' ? undefined : title,
      pages: undefined,
      blocks: this.#blocks,
    };
  }

  #begin(kind: Kind): void {
    this.#flush();
    this.#kind = kind;
  }

  #flush(): void {
    const kind = this.#kind;
    const text = kind === 'code' ? this.#text.replaceAll(/^\n|\s+$/g, '') : tidy(this.#text);
    this.#text = '';
    this.#kind = 'paragraph';
    if (text === '') return;
    if (typeof kind === 'number') this.#blocks.push({ kind: 'heading', level: kind, text });
    else this.#blocks.push({ kind, text });
  }

  #endCell(): void {
    if (this.#cell !== undefined) (this.#row ??= []).push(tidy(this.#cell));
    this.#cell = undefined;
  }

  #endRow(): void {
    this.#endCell();
    if (this.#row?.some((cell) => cell !== '') === true) this.#rows?.push(this.#row);
    this.#row = undefined;
  }

  #endTable(): void {
    if (this.#tableDepth > 1) {
      this.#tableDepth -= 1;
      return;
    }
    this.#endRow();
    if (this.#rows !== undefined && this.#rows.length > 0)
      this.#blocks.push({ kind: 'table', rows: this.#rows });
    this.#rows = undefined;
    this.#tableDepth = 0;
  }
}

function isVoid(name: string): boolean {
  return /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/.test(name);
}
