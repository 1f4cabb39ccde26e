/** What running a statement may do: read rows, write rows, or something else (SET, BEGIN, COPY, DO, PREPARE, DDL …). */
export type StatementKind = 'reads' | 'writes' | 'other';

const kinds: ReadonlyMap<string, StatementKind | 'unclear'> = new Map([
  ['delete', 'writes'],
  ['insert', 'writes'],
  ['merge', 'writes'],
  ['select', 'reads'],
  ['table', 'reads'],
  ['update', 'writes'],
  ['values', 'reads'],
  ['with', 'unclear'],
]);

/**
 * By the statement's first word. One that reads or writes rows cannot, as such, leave anything on its connection.
 * What counts as reading may call a function that writes: the distinction is for planning, not for protection.
 */
export function kindOfStatement(text: string): StatementKind {
  const word = /^[a-z]+/i.exec(text.slice(skipGaps(text)))?.[0];
  const kind = kinds.get(word?.toLowerCase() ?? '') ?? 'other';
  if (kind !== 'unclear') return kind;
  return /\b(?:delete|insert|merge|update)\b/i.test(text) ? 'writes' : 'reads';
}

/** Whether a statement only reads or writes rows, and so leaves nothing on its connection. */
export function isDataStatement(text: string): boolean {
  return kindOfStatement(text) !== 'other';
}

/** What the driver must know of a statement before it sends it. */
export interface StatementTraits {
  readonly kind: StatementKind;
  /** Whether its text asks for a setting that may outlive it. Functions it calls are not looked into. */
  readonly setsSettings: boolean;
}

/** The traits of statements seen before, which are few and come again and again. */
export class StatementKinds {
  readonly #known = new Map<string, StatementTraits>();

  of(text: string): StatementTraits {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= maxKnown) this.#known.clear();
    // U&"…" can spell any name.
    const traits = { kind: kindOfStatement(text), setsSettings: /set_config|u&"/i.test(text) };
    this.#known.set(text, traits);
    return traits;
  }
}

const maxKnown = 1_000;

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
