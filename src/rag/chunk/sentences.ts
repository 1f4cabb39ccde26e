import { estimateTokens } from './tokens.ts';

/** Ends that Unicode's rules take for the end of a sentence, and readers do not. */
const ABBREVIATION =
  /(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|cf|ca|approx|Fig|bzw|z\.B|d\.h|usw|Nr|Abs|M|Mme)\.\s*$/u;

/** Where a number with a full stop is an ordinal: `am 3. Mai`. */
const ORDINAL = /\d\.\s*$/;
const withOrdinals = new Set([
  'de',
  'da',
  'nb',
  'nn',
  'fi',
  'cs',
  'sk',
  'pl',
  'hu',
  'hr',
  'sl',
  'et',
  'lv',
  'is',
]);

/** Sentences of the text (Unicode UAX 29, by the language's own rules), each with the space after it. */
export function splitSentences(text: string, language: string): readonly string[] {
  const sentences: string[] = [];
  const hasOrdinals = withOrdinals.has(language.slice(0, 2).toLowerCase());
  for (const { segment } of new Intl.Segmenter(language, { granularity: 'sentence' }).segment(text)) {
    const last = sentences.at(-1);
    if (last !== undefined && (ABBREVIATION.test(last) || (hasOrdinals && ORDINAL.test(last))))
      sentences[sentences.length - 1] = last + segment;
    else sentences.push(segment);
  }
  return sentences;
}

/** Pieces of at most `maxTokens`: sentences where they fit, else words, else characters. Together they are the text. */
export function splitToFit(text: string, maxTokens: number, language: string): readonly string[] {
  if (estimateTokens(text) <= maxTokens) return [text];
  return splitSentences(text, language).flatMap((sentence) =>
    estimateTokens(sentence) <= maxTokens ? [sentence] : splitWords(sentence, maxTokens),
  );
}

function splitWords(text: string, maxTokens: number): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  // A word longer than a piece, such as encoded data, is cut between characters and never inside one.
  for (const word of text.match(/\S+\s*|\s+/gu) ?? [])
    for (const part of estimateTokens(word) <= maxTokens ? [word] : cut(word, maxTokens)) {
      if (piece !== '' && estimateTokens(piece + part) > maxTokens) {
        pieces.push(piece);
        piece = '';
      }
      piece += part;
    }
  if (piece !== '') pieces.push(piece);
  return pieces;
}

function cut(word: string, maxTokens: number): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  let tokens = 0;
  for (const character of word) {
    const own =
      estimateTokens(character) === 1 && character.charCodeAt(0) > 0x0e00 ? 1 : 0.25 * character.length;
    if (tokens + own > maxTokens) {
      pieces.push(piece);
      piece = '';
      tokens = 0;
    }
    piece += character;
    tokens += own;
  }
  if (piece !== '') pieces.push(piece);
  return pieces;
}
