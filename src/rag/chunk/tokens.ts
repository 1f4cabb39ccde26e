/** Scripts that are written without spaces: a character is about a token of its own. */
const DENSE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/gu;
const charactersAToken = 4;

/**
 * About how many tokens a model takes for the text; within a quarter for Latin, Greek, Cyrillic, Chinese, Japanese and Korean.
 * Exact counts would need the model's own tokenizer.
 */
export function estimateTokens(text: string): number {
  const dense = text.match(DENSE)?.length ?? 0;
  return Math.ceil(dense + (text.length - dense) / charactersAToken);
}
