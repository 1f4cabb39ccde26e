import { BulkheadError } from '../../../core/errors.ts';
import { SqlSyntaxError, type SqlNode, type SqlParser } from '../../../drivers/sql-parser.ts';
import { isTenantColumn } from './is-wall.ts';
import { qualifiedName, toNormalForm, type Renames } from './normal-form.ts';

/** The expression that says which tenant the current statement is for. */
export interface ContextExpression {
  /** As it was given. */
  readonly text: string;
  readonly normalForm: string;
  /** Functions it calls outside pg_catalog, with their schema where one was written. */
  readonly functions: readonly string[];
  /** Settings it reads by name. */
  readonly settings: readonly string[];
}

/** @throws value_invalid when the text is no expression */
export function parseContext(parser: SqlParser, text: string, renames?: Renames): ContextExpression {
  const node = parseOrRefuse(parser, text);
  const calls = [...callsIn(node)];
  return {
    text,
    normalForm: toNormalForm(node, renames),
    functions: calls
      .map(({ name }) => renames?.get(name) ?? name)
      .filter((name) => name !== 'current_setting'),
    settings: calls.flatMap(({ name, firstArgument }) =>
      name === 'current_setting' && firstArgument?.startsWith("'") === true
        ? [firstArgument.slice(1, -1)]
        : [],
    ),
  };
}

function parseOrRefuse(parser: SqlParser, text: string): SqlNode {
  try {
    return parser.parseExpression(text);
  } catch (cause) {
    if (!(cause instanceof SqlSyntaxError)) throw cause;
    throw new BulkheadError('value_invalid', { reason: `the context is not one SQL expression` }, { cause });
  }
}

interface CallSite {
  readonly name: string;
  /** In normal form. */
  readonly firstArgument: string | undefined;
}

function* callsIn(value: unknown): Generator<CallSite> {
  if (Array.isArray(value)) {
    for (const item of value) yield* callsIn(item);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if ('FuncCall' in value) {
    const { FuncCall: call } = value as Extract<SqlNode, { FuncCall: unknown }>;
    const [first] = call.args ?? [];
    yield {
      name: qualifiedName(call.funcname),
      firstArgument: first === undefined ? undefined : toNormalForm(first),
    };
  }
  for (const inner of Object.values(value)) yield* callsIn(inner);
}

/**
 * What the policies of a schema compare the tenant column with: how often, by normal form. For callers that were not
 * told the context.
 */
export function countContexts(
  parser: SqlParser,
  input: { readonly expressions: ReadonlyMap<string, number>; readonly tenantColumn: string },
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [text, times] of input.expressions)
    for (const context of new Set(comparedIn(parser.parseExpression(text), input)))
      found.set(context, (found.get(context) ?? 0) + times);
  return found;
}

function* comparedIn(value: unknown, terms: { readonly tenantColumn: string }): Generator<string> {
  if (Array.isArray(value)) {
    for (const item of value) yield* comparedIn(item, terms);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if ('A_Expr' in value) {
    const { lexpr, rexpr } = (value as Extract<SqlNode, { A_Expr: unknown }>).A_Expr;
    if (lexpr !== undefined && rexpr !== undefined) {
      const other = isTenantColumn(lexpr, terms) ? rexpr : isTenantColumn(rexpr, terms) ? lexpr : undefined;
      if (other !== undefined && isLikelyContext(other)) yield toNormalForm(other);
    }
  }
  for (const inner of Object.values(value)) yield* comparedIn(inner, terms);
}

/** Not a constant and not another column. */
function isLikelyContext(node: SqlNode): boolean {
  const form = toNormalForm(node);
  return form.includes('(') ? !form.startsWith('{') : /^(CURRENT|SESSION)_(USER|ROLE)$/.test(form);
}
