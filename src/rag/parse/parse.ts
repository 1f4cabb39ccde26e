import { BulkheadError } from '../../core/errors.ts';
import { decodeText } from './decode.ts';
import { charsetOf, detectFormat, type DocumentSource } from './detect.ts';
import { parseDocx } from './docx.ts';
import { parseHtml } from './html.ts';
import { parseMarkdown } from './markdown.ts';
import { parsePdf } from './pdf.ts';
import type { Block, ParseLimits, StructuredText } from './structured.ts';
import { parseText } from './text.ts';

/**
 * Text of a document, in this thread and without a limit of time: use `createParser` for documents of strangers.
 * @throws media_type_unsupported, document_unreadable, document_too_large, document_empty, encoding_unknown
 */
export async function parseDocument(source: DocumentSource, limits: ParseLimits): Promise<StructuredText> {
  assertSize(source.bytes, limits);
  const parsed = await parseAs(source, limits);
  const characters = parsed.blocks.reduce((sum, block) => sum + lengthOf(block), 0);
  if (characters > limits.maxCharacters)
    throw new BulkheadError('document_too_large', {
      field: 'content',
      limit: limits.maxCharacters,
      reason: `it holds more than ${limits.maxCharacters} characters of text; split it`,
    });
  if (characters === 0)
    throw new BulkheadError('document_empty', { field: 'content', reason: 'it holds no text' });
  return parsed;
}

/** Asked before a document is handed to anybody. @throws document_too_large */
export function assertSize(bytes: Uint8Array, { maxBytes }: ParseLimits): void {
  if (bytes.byteLength > maxBytes)
    throw new BulkheadError('document_too_large', {
      field: 'content',
      limit: maxBytes,
      reason: `it has more than ${maxBytes} bytes; split it`,
    });
}

async function parseAs(source: DocumentSource, limits: ParseLimits): Promise<StructuredText> {
  const { bytes, contentType } = source;
  const format = detectFormat(source);
  switch (format) {
    case 'pdf':
      return await parsePdf(bytes, limits);
    case 'docx':
      return await parseDocx(bytes, limits);
    case 'html':
      return parseHtml(decodeText(bytes, charsetOf(contentType) ?? charsetInHtml(bytes)));
    case 'markdown':
      return parseMarkdown(decodeText(bytes, charsetOf(contentType)));
    case 'text':
      return parseText(decodeText(bytes, charsetOf(contentType)));
  }
}

/** What a page says of itself in its first kilobyte, as browsers look for it. */
function charsetInHtml(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 1_024)).toString('latin1');
  return /<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head)?.[1];
}

function lengthOf(block: Block): number {
  return block.kind === 'table'
    ? block.rows.reduce((sum, row) => sum + row.reduce((cells, cell) => cells + cell.length, 0), 0)
    : block.text.length;
}
