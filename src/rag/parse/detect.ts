import { BulkheadError } from '../../core/errors.ts';
import type { Format } from './structured.ts';

const byType: Readonly<Record<string, Format>> = {
  'text/plain': 'text',
  'text/markdown': 'markdown',
  'text/x-markdown': 'markdown',
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'application/pdf': 'pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
};

const byEnding: Readonly<Record<string, Format>> = {
  txt: 'text',
  text: 'text',
  md: 'markdown',
  markdown: 'markdown',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  pdf: 'pdf',
  docx: 'docx',
};

export interface DocumentSource {
  readonly bytes: Uint8Array;
  /** As it was sent, with its parameters. */
  readonly contentType?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * What a document is: the bytes decide where they can, because names and types are what somebody says.
 * @throws media_type_unsupported, document_unreadable where bytes and type contradict each other
 */
export function detectFormat({ bytes, contentType, name }: DocumentSource): Format {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  const ending = name?.includes('.') === true ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
  const said = byType[type ?? ''] ?? byEnding[ending];
  const seen = signatureOf(bytes);
  if (seen === 'pdf' || seen === 'zip') {
    const format = seen === 'zip' ? 'docx' : 'pdf';
    if (said === undefined || said === format) return format;
    throw contradiction(said);
  }
  if (said === 'pdf' || said === 'docx') throw contradiction(said);
  if (said !== undefined) return said;
  if (type === undefined || type === 'application/octet-stream') {
    if (/^\s*(?:<!doctype html|<html)/i.test(Buffer.from(bytes.subarray(0, 512)).toString('latin1')))
      return 'html';
    if (type === undefined) return 'text';
  }
  throw new BulkheadError('media_type_unsupported', {
    field: 'contentType',
    reason: 'send text, Markdown, HTML, PDF or DOCX, with its content type or a name that ends so',
  });
}

export function charsetOf(contentType: string | undefined): string | undefined {
  return /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? '')?.[1];
}

/** PDF readers look for the signature in the first kilobyte. */
function signatureOf(bytes: Uint8Array): 'pdf' | 'zip' | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 1_024));
  if (head.includes('%PDF-')) return 'pdf';
  if (head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5)) return 'zip';
  return undefined;
}

function contradiction(said: Format): BulkheadError {
  return new BulkheadError('document_unreadable', {
    field: 'content',
    reason: `its type says ${said}, and its content is something else`,
  });
}
