import type { StructuredText } from './structured.ts';
import { tidy } from './structured.ts';

/** Paragraphs are what blank lines divide. */
export function parseText(text: string): StructuredText {
  const blocks = text
    .replaceAll('\r\n', '\n')
    .split(/\n[ \t]*\n+/)
    .map((paragraph) => tidy(paragraph))
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => ({ kind: 'paragraph', text: paragraph }) as const);
  return { format: 'text', title: undefined, pages: undefined, blocks };
}
