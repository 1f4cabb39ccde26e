import { getDocumentProxy } from 'unpdf';
import { BulkheadError } from '../../core/errors.ts';
import { tidy, type Block, type ParseLimits, type StructuredText } from './structured.ts';

/** A run of text where it stands on its page. */
interface Run {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly size: number;
}

interface Line {
  readonly text: string;
  readonly y: number;
  readonly size: number;
  readonly page: number;
}

/** How much larger than the body a line must be set to be taken for a heading. */
const headingRatio = 1.15;
const maxHeadingCharacters = 200;

/**
 * Text of a PDF by pdf.js, without its fonts being drawn and without any script of it run. Lines become paragraphs by the gaps
 * between them; headings are told by their size alone.
 * @throws document_unreadable (broken, encrypted), document_too_large (pages), document_empty (scanned)
 */
export async function parsePdf(bytes: Uint8Array, limits: ParseLimits): Promise<StructuredText> {
  const document = await open(bytes);
  if (document.numPages > limits.maxPages)
    throw new BulkheadError('document_too_large', {
      field: 'content',
      limit: limits.maxPages,
      reason: `it has more than ${limits.maxPages} pages; split it`,
    });
  const lines: Line[] = [];
  for (let number = 1; number <= document.numPages; number += 1) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    lines.push(...toLines(toRuns(items), number));
    page.cleanup();
  }
  const { info } = await document.getMetadata();
  const { numPages } = document;
  await document.loadingTask.destroy();
  if (lines.length === 0)
    throw new BulkheadError('document_empty', {
      field: 'content',
      reason: 'its pages hold no text, only pictures perhaps; run it through text recognition (OCR) first',
    });
  const blocks = toBlocks(lines);
  const named = toTitle((info as { Title?: unknown }).Title);
  const heading = blocks.find((block) => block.kind === 'heading');
  const title = named === '' ? (heading?.kind === 'heading' ? heading.text : undefined) : named;
  return { format: 'pdf', title, pages: numPages, blocks };
}

function toTitle(raw: unknown): string {
  return typeof raw === 'string' ? tidy(raw) : '';
}

async function open(bytes: Uint8Array): ReturnType<typeof getDocumentProxy> {
  try {
    // A copy: pdf.js takes its buffer away.
    return await getDocumentProxy(new Uint8Array(bytes), {
      isEvalSupported: false,
      disableFontFace: true,
      stopAtErrors: false,
      verbosity: 0,
    });
  } catch (cause) {
    const locked = cause instanceof Error && cause.name === 'PasswordException';
    throw new BulkheadError(
      'document_unreadable',
      {
        field: 'content',
        reason: locked
          ? 'the PDF is protected by a password; save it without one'
          : 'the PDF is broken; open it and save it again',
      },
      { cause },
    );
  }
}

function toRuns(items: readonly unknown[]): readonly Run[] {
  return items.flatMap((item): readonly Run[] => {
    const {
      str,
      transform,
      width = 0,
      height = 0,
    } = item as {
      str?: string;
      transform?: readonly number[];
      width?: number;
      height?: number;
    };
    if (str === undefined || str.trim() === '' || transform === undefined) return [];
    const [, , , scaleY = 0, x = 0, y = 0] = transform;
    return [{ text: str, x, y, width, size: Math.abs(height || scaleY) }];
  });
}

/** Runs on one height are a line. The order of a PDF is kept: it is the one thing that tells columns apart. */
function toLines(runs: readonly Run[], page: number): readonly Line[] {
  const lines: { text: string; y: number; size: number; end: number }[] = [];
  for (const run of runs) {
    const last = lines.at(-1);
    if (
      last !== undefined &&
      Math.abs(last.y - run.y) < Math.max(run.size, 1) * 0.5 &&
      run.x >= last.end - run.size
    ) {
      const gap = run.x - last.end > run.size * 0.15 ? ' ' : '';
      last.text += `${gap}${run.text}`;
      last.size = Math.max(last.size, run.size);
      last.end = run.x + run.width;
    } else lines.push({ text: run.text, y: run.y, size: run.size, end: run.x + run.width });
  }
  return lines
    .map(({ text, y, size }) => ({ text: tidy(text), y, size, page }))
    .filter(({ text }) => text !== '');
}

function toBlocks(lines: readonly Line[]): readonly Block[] {
  const body = bodySize(lines);
  const sizes = [...new Set(lines.map(({ size }) => Math.round(size)))].filter(
    (size) => size > body * headingRatio,
  );
  const levels = new Map(
    sizes.toSorted((a, b) => b - a).map((size, index) => [size, Math.min(index + 1, 6)]),
  );
  const blocks: Block[] = [];
  let paragraph: Line[] = [];
  const flush = (): void => {
    const [first] = paragraph;
    if (first !== undefined) blocks.push({ kind: 'paragraph', text: joinLines(paragraph), page: first.page });
    paragraph = [];
  };
  for (const line of lines) {
    const level = line.text.length <= maxHeadingCharacters ? levels.get(Math.round(line.size)) : undefined;
    const last = paragraph.at(-1);
    if (level !== undefined) {
      flush();
      blocks.push({ kind: 'heading', level, text: line.text, page: line.page });
    } else {
      if (last !== undefined && isNewParagraph(last, line)) flush();
      paragraph.push(line);
    }
  }
  flush();
  return blocks;
}

/** The size most characters are set in. */
function bodySize(lines: readonly Line[]): number {
  const characters = new Map<number, number>();
  for (const { size, text } of lines)
    characters.set(Math.round(size), (characters.get(Math.round(size)) ?? 0) + text.length);
  return [...characters].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 0;
}

function isNewParagraph(last: Line, line: Line): boolean {
  if (line.page !== last.page) return /[.!?:]["”’)]?$/.test(last.text);
  const gap = last.y - line.y;
  return gap < 0 || gap > Math.max(last.size, line.size) * 1.7;
}

/** A word that was divided at the end of its line is one again. */
function joinLines(lines: readonly Line[]): string {
  return lines.reduce((text, line) => {
    if (text === '') return line.text;
    if (/\p{Ll}-$/u.test(text) && /^\p{Ll}/u.test(line.text)) return text.slice(0, -1) + line.text;
    return `${text} ${line.text}`;
  }, '');
}
