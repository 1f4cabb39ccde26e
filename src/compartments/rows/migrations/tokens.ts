/** The words of one SQL statement that is known to parse, so that parts of its text can be kept, moved or left out. */

export interface Token {
  readonly kind: 'word' | 'quoted' | 'text' | 'mark';
  readonly text: string;
  /** Offsets in characters; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

const patterns: readonly (readonly [Token['kind'] | 'gap', RegExp])[] = [
  ['gap', /\s+|--[^\n\r]*/y],
  ['text', /[eE]'(?:[^'\\]|\\[^]|'')*'/y],
  ['text', /(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'/y],
  ['quoted', /(?:[uU]&)?"(?:[^"]|"")*"/y],
  ['text', /\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[^]*?\$\1\$/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['text', /\d[\w.]*/y],
  ['mark', /[^]/y],
];

/** Without white space and comments. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const comment = blockCommentLength(sql, at);
    if (comment > 0) {
      at += comment;
      continue;
    }
    const { kind, length } = matchAt(sql, at);
    if (kind !== 'gap') tokens.push({ kind, text: sql.slice(at, at + length), start: at, end: at + length });
    at += length;
  }
  return tokens;
}

function matchAt(sql: string, at: number): { kind: Token['kind'] | 'gap'; length: number } {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const [found] = pattern.exec(sql) ?? [];
    if (found !== undefined) return { kind, length: found.length };
  }
  return { kind: 'mark', length: 1 };
}

/** Block comments nest. */
function blockCommentLength(sql: string, at: number): number {
  if (!sql.startsWith('/*', at)) return 0;
  const marks = /\/\*|\*\//g;
  marks.lastIndex = at;
  let depth = 0;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex - at;
  }
  return sql.length - at;
}

/** Position of the first token at or after `from` that is this mark or word, outside all brackets opened since. */
export function findToken(tokens: readonly Token[], text: string, from: number): number {
  let depth = 0;
  for (let index = from; index < tokens.length; index++) {
    const token = tokens[index];
    if (depth === 0 && token?.kind !== 'quoted' && token?.text.toLowerCase() === text) return index;
    depth += depthChange(token);
  }
  return -1;
}

/**
 * The comma-separated elements that begin at a token, up to the bracket that closes their list or the end.
 * Each is a span of text from the first to the last token of the element.
 */
export function splitList(tokens: readonly Token[], from: number): { elements: Span[]; next: number } {
  const elements: Span[] = [];
  let first: Token | undefined;
  let last: Token | undefined;
  let depth = 0;
  let index = from;
  const close = (): void => {
    if (first !== undefined && last !== undefined) elements.push({ start: first.start, end: last.end });
    first = undefined;
  };
  for (; index < tokens.length; index++) {
    const token = tokens[index];
    if (depth === 0 && token?.text === ')') break;
    if (depth === 0 && token?.text === ',') {
      close();
      continue;
    }
    depth += depthChange(token);
    first ??= token;
    last = token;
  }
  close();
  return { elements, next: index };
}

function depthChange(token: Token | undefined): number {
  if (token?.text === '(' || token?.text === '[') return 1;
  return token?.text === ')' || token?.text === ']' ? -1 : 0;
}

/** The parser counts bytes of UTF-8, our text is counted in characters. */
export function charOffset(sql: string, byteOffset: number): number {
  return Buffer.from(sql, 'utf8').toString('utf8', 0, byteOffset).length;
}
