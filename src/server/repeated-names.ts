/** Names of one object that is open at this point of the text; undefined for a list. */
type Open = Set<string> | undefined;

/**
 * Whether an object in the text has a name twice; RFC 8259 leaves open what that means, and `JSON.parse` keeps the last.
 * @param text JSON that has been parsed, and so is well formed
 */
export function hasRepeatedName(text: string): boolean {
  const open: Open[] = [];
  let isName = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        open.push(new Set());
        isName = true;
        break;
      case 0x5b: // [
        open.push(undefined);
        isName = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        isName = false;
        break;
      case 0x2c: // ,
        isName = open.at(-1) !== undefined;
        break;
      case 0x22: {
        const end = endOfString(text, at);
        if (isName && isKnown(open.at(-1), text.slice(at, end))) return true;
        isName = false;
        at = end - 1;
      }
    }
  }
  return false;
}

/** Escapes may spell one name in several ways. */
function isKnown(names: Open, quoted: string): boolean {
  const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  if (names === undefined || !names.has(name)) {
    names?.add(name);
    return false;
  }
  return true;
}

/** @param start of the opening quote. @returns the place behind the closing one */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}
