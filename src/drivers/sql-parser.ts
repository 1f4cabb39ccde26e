/** PostgreSQL's own parser (libpg-query, compiled to WebAssembly): what a script or an expression says, without a server. */
import { hasSqlDetails, loadModule, parseSync, type Node, type SelectStmt } from 'libpg-query';

/** One node of the parse tree: an object with exactly one key, the node's type. */
export type SqlNode = Node;

/** Types of nodes: 'CreateStmt', 'FuncCall' … */
export type SqlNodeKind = KeyOfEach<Node>;
type KeyOfEach<Union> = Union extends unknown ? keyof Union & string : never;

export interface ParsedStatement {
  /** The type of its top node, as in 'CreateStmt' or 'AlterTableStmt'. */
  readonly kind: SqlNodeKind;
  readonly node: SqlNode;
  /** The statement as written, without leading comments and without the semicolon. */
  readonly text: string;
  /** 1-based line of its first word. */
  readonly line: number;
}

export interface SqlParser {
  /**
   * The statements of a script, in order; none for an empty one.
   * Throws SqlSyntaxError where PostgreSQL would.
   */
  readonly parseScript: (text: string) => ParsedStatement[];
  /** One scalar or boolean expression, as in a policy or a default. Throws SqlSyntaxError for anything else. */
  readonly parseExpression: (text: string) => SqlNode;
}

/** Text that PostgreSQL's grammar refuses. The message names the token, so treat it as part of the script. */
export class SqlSyntaxError extends Error {
  /** 1-based. */
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.name = 'SqlSyntaxError';
    this.line = line;
  }
}

/** Loads the parser (some ten milliseconds, the first time in a process); what it returns works synchronously. */
export async function loadSqlParser(): Promise<SqlParser> {
  await loadModule();
  return { parseScript, parseExpression };
}

/** The type of a node. */
export function kindOf(node: SqlNode): SqlNodeKind {
  const [kind] = Object.keys(node);
  return kind as SqlNodeKind;
}

function parseScript(text: string): ParsedStatement[] {
  // The parser counts in bytes of UTF-8.
  const bytes = Buffer.from(text, 'utf8');
  return parseTree(text).map((raw) => {
    const from = raw.stmt_location ?? 0;
    // No length means: up to the end of the script.
    const to = raw.stmt_len === undefined || raw.stmt_len === 0 ? bytes.length : from + raw.stmt_len;
    const withComments = bytes.toString('utf8', from, to);
    const start = lengthOfLeadingSpace(withComments);
    const before = bytes.toString('utf8', 0, from) + withComments.slice(0, start);
    return {
      kind: kindOf(raw.stmt),
      node: raw.stmt,
      text: withComments.slice(start).trimEnd(),
      line: countLines(before),
    };
  });
}

function parseExpression(text: string): SqlNode {
  // The line break closes a trailing comment; the shape is checked below, so text cannot break out of the brackets.
  const [only, ...rest] = parseTree(`select (${text}\n)`);
  if (only === undefined || rest.length > 0 || !('SelectStmt' in only.stmt))
    throw new SqlSyntaxError('not one expression', 1);
  const value = soleTarget(only.stmt.SelectStmt);
  if (value === undefined) throw new SqlSyntaxError('not one expression', 1);
  return value;
}

function soleTarget(select: SelectStmt): SqlNode | undefined {
  const bare = new Set(['targetList', 'limitOption', 'op']);
  if (Object.keys(select).some((key) => !bare.has(key))) return undefined;
  const [target, ...others] = select.targetList ?? [];
  if (target === undefined || others.length > 0 || !('ResTarget' in target)) return undefined;
  return target.ResTarget.name === undefined ? target.ResTarget.val : undefined;
}

interface RawStatement {
  readonly stmt: SqlNode;
  readonly stmt_location?: number | undefined;
  readonly stmt_len?: number | undefined;
}

function parseTree(text: string): RawStatement[] {
  // The parser takes a C string: what follows a NUL would go unread.
  if (text.includes('\0'))
    throw new SqlSyntaxError('NUL character', countLines(text.split('\0', 1)[0] ?? ''));
  if (text === '') return [];
  try {
    return (parseSync(text).stmts ?? []).flatMap(({ stmt, stmt_location, stmt_len }) =>
      stmt === undefined ? [] : [{ stmt, stmt_location, stmt_len }],
    );
  } catch (cause) {
    if (!hasSqlDetails(cause)) throw cause;
    const position = cause.sqlDetails?.cursorPosition ?? 0;
    throw new SqlSyntaxError(cause.message, countLines(Array.from(text).slice(0, position).join('')));
  }
}

/** White space and comments; comments nest, as in PostgreSQL. */
function lengthOfLeadingSpace(text: string): number {
  let at = 0;
  for (;;) {
    const rest = text.slice(at);
    const gap = /^(?:\s+|--[^\n\r]*)/.exec(rest)?.[0].length ?? lengthOfBlockComment(rest);
    if (gap === 0) return at;
    at += gap;
  }
}

function lengthOfBlockComment(text: string): number {
  if (!text.startsWith('/*')) return 0;
  let depth = 0;
  for (const mark of text.matchAll(/\/\*|\*\//g)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.index + 2;
  }
  return text.length;
}

function countLines(before: string): number {
  return before.split('\n').length;
}
