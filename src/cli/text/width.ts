const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\uFF01-\uFF60\uFFE0-\uFFE6]/u;
const INVISIBLE = /[\p{Mn}\p{Me}\p{Cf}]/u;
// oxlint-disable-next-line no-control-regex -- control characters are what it removes
const CONTROL = /[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu;

/** Columns a terminal gives the text. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (INVISIBLE.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

/** One line without control characters: a tenant's name must not be able to move the operator's cursor or hide text. */
export function toSafeLine(text: string): string {
  return text.replaceAll(CONTROL, '\uFFFD');
}

/** At most `width` columns; what is cut is shown as `…`. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    const next = widthOf(character);
    if (used + next > width - 1) break;
    kept += character;
    used += next;
  }
  return `${kept}…`;
}
