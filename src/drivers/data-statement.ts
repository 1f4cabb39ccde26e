const dataKeywords: ReadonlySet<string> = new Set([
  'delete',
  'insert',
  'merge',
  'select',
  'table',
  'update',
  'values',
  'with',
]);

/**
 * Whether a statement only reads or writes rows, by its first word: unlike SET, BEGIN, COPY, DO, PREPARE, LISTEN or DDL
 * it cannot, as such, leave anything on the connection. A query in parentheses counts as what is inside.
 */
export function isDataStatement(text: string): boolean {
  const word = /^[a-z]+/i.exec(text.slice(skipGaps(text)))?.[0];
  return word !== undefined && dataKeywords.has(word.toLowerCase());
}

/** The length of leading white space, comments (which nest) and opening parentheses. */
function skipGaps(text: string): number {
  const gap = /\s+|\(|--[^\n\r]*/y;
  let at = 0;
  for (;;) {
    gap.lastIndex = at;
    const size = gap.exec(text)?.[0].length ?? blockCommentSize(text, at);
    if (size === 0) return at;
    at += size;
  }
}

function blockCommentSize(text: string, at: number): number {
  if (!text.startsWith('/*', at)) return 0;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = at;
  let depth = 0;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return found.index + 2 - at;
  }
  return text.length - at;
}
