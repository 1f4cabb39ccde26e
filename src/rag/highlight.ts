import { commonWords } from './embed/common-words.ts';
import { wordsOf } from './embed/lexical.ts';

const longest = 300;

/** A part of a text, and the places in it that a reader looked for: [start, end) in characters of the part. */
export interface Excerpt {
  readonly text: string;
  readonly marks: readonly (readonly [start: number, end: number])[];
}

/** The part of the text with the most words of the query, cut at words. Marks are positions, so that nothing of the text is read as markup. */
export function highlight(text: string, query: string): Excerpt {
  const sought = new Set(wordsOf(query).filter((word) => !commonWords.has(word)));
  const hits = [...text.matchAll(/[\p{L}\p{N}]+/gu)]
    .filter(([word]) => isSought(word, sought))
    .map(({ index, 0: word }) => [index, index + word.length] as const);
  const start = toStart(text, hits);
  const end = Math.min(text.length, start + longest);
  return {
    text: text.slice(start, end),
    marks: hits
      .filter(([from, to]) => from >= start && to <= end)
      .map(([from, to]) => [from - start, to - start]),
  };
}

function isSought(word: string, sought: ReadonlySet<string>): boolean {
  const [plain = ''] = wordsOf(word);
  if (sought.has(plain)) return true;
  // Other forms of a word begin alike.
  return (
    plain.length > 4 && [...sought].some((each) => each.length > 4 && each.slice(0, 5) === plain.slice(0, 5))
  );
}

function toStart(text: string, hits: readonly (readonly [number, number])[]): number {
  let best = 0;
  let most = 0;
  for (const [from] of hits) {
    const within = hits.filter(([other, to]) => other >= from && to <= from + longest).length;
    if (within > most) [best, most] = [from, within];
  }
  if (text.length <= longest) return 0;
  const start = Math.max(0, Math.min(best - 40, text.length - longest));
  const word = text.indexOf(' ', start);
  return start === 0 || word === -1 || word - start > 30 ? start : word + 1;
}
