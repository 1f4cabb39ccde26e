/** Comments that speak to Bulkhead: `-- bulkhead: shared` on the line above a CREATE TABLE. */
import type { ParsedStatement } from '../../../drivers/sql-parser.ts';

export interface Marker {
  readonly line: number;
  readonly word: string;
}

const MARKER = /(?:--|\/\*)\s*bulkhead:\s*(.*?)\s*$/i;
const COMMENT = /^\s*--/;

/** Wherever they stand: one that stands where it means nothing is refused rather than passed over. */
export function readMarkers(script: string): readonly Marker[] {
  return script.split('\n').flatMap((text, index) => {
    const word = MARKER.exec(text)?.[1];
    return word === undefined ? [] : [{ line: index + 1, word }];
  });
}

/** Of the unbroken comment lines directly above a statement; the first statement of its line, where several share one. */
export function markersAbove(
  script: string,
  statements: readonly ParsedStatement[],
  statement: ParsedStatement,
): readonly Marker[] {
  const first = statements.find(({ line }) => line === statement.line);
  if (first !== statement) return [];
  const lines = script.split('\n');
  let top = statement.line - 1;
  while (top > 0 && COMMENT.test(lines[top - 1] ?? '')) top -= 1;
  return readMarkers(script).filter(
    ({ line }) => line > top && line < statement.line && !lines[line - 1]?.includes('/*'),
  );
}
