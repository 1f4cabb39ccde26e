/** A piece of a document, in reading order. */
export type Block = (
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'item'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  /** The first row may be a head. */
  | { readonly kind: 'table'; readonly rows: readonly (readonly string[])[] }
) & {
  /** From 1, where the format has pages. */
  readonly page?: number;
};

export const formats = ['text', 'markdown', 'html', 'pdf', 'docx'] as const;
export type Format = (typeof formats)[number];

/** What a document says, whatever its format was. */
export interface StructuredText {
  readonly format: Format;
  readonly title: string | undefined;
  readonly pages: number | undefined;
  readonly blocks: readonly Block[];
}

/** What one document may cost. Beyond it, it is refused; the node goes on. */
export interface ParseLimits {
  readonly maxBytes: number;
  /** Of text, once parsed. */
  readonly maxCharacters: number;
  readonly maxPages: number;
  /** Of what a ZIP container unpacks to: all of it, and as a multiple of what it was. */
  readonly maxInflatedBytes: number;
  readonly maxInflation: number;
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

export const defaultParseLimits: ParseLimits = Object.freeze({
  maxBytes: 50 * 1024 * 1024,
  maxCharacters: 20_000_000,
  maxPages: 5_000,
  maxInflatedBytes: 200 * 1024 * 1024,
  maxInflation: 200,
  timeoutMs: 30_000,
  memoryMb: 512,
});

/** White space as a reader sees it: runs become one space, ends are cut. */
export function tidy(text: string): string {
  return text.replaceAll(/[\s\u00a0]+/gu, ' ').trim();
}
