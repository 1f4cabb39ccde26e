import type { SqlNode } from '../../../drivers/sql-parser.ts';

/**
 * Types that a tenant id can be cast to and keep apart what was apart. Not `character`, under which trailing blanks do
 * not count, and nothing with a length, which cuts.
 */
const lossless = new Set(['uuid', 'text', 'varchar', 'int4', 'int8', 'numeric']);

/** Names to write instead of those in the expression, as for a function that was given without its schema. */
export type Renames = ReadonlyMap<string, string>;

/**
 * Writes an expression in one normal form, so that two spellings of the same context compare equal: without lossless
 * casts, without the brackets of `(select f())`, without `nullif(…, '')` and without the second argument of
 * `current_setting`. For common expressions the form is SQL again.
 */
export function toNormalForm(node: SqlNode, renames: Renames = new Map()): string {
  const inner = unwrap(node);
  if (inner !== node) return toNormalForm(inner, renames);
  if ('FuncCall' in node) return callForm(node.FuncCall, renames);
  if ('A_Const' in node) return constantForm(node.A_Const);
  if ('SQLValueFunction' in node) return String(node.SQLValueFunction.op).replace('SVFOP_', '');
  if ('TypeCast' in node && node.TypeCast.arg !== undefined)
    return `(${toNormalForm(node.TypeCast.arg, renames)})::${typeForm(node)}`;
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_OP')
    return [node.A_Expr.lexpr, nameForm(node.A_Expr.name), node.A_Expr.rexpr]
      .map((part) =>
        typeof part === 'string' ? part : part === undefined ? '' : toNormalForm(part, renames),
      )
      .join(' ');
  return JSON.stringify(withoutLocations(node));
}

/** Takes off what does not change a tenant id: one layer at a time is enough for callers that recurse. */
export function unwrap(node: SqlNode): SqlNode {
  return losslessCastOf(node) ?? bareSelectOf(node) ?? blankAsNullOf(node) ?? node;
}

function losslessCastOf(node: SqlNode): SqlNode | undefined {
  if (!('TypeCast' in node)) return undefined;
  const { typeName, arg } = node.TypeCast;
  const plain = (typeName?.typmods ?? []).length === 0 && (typeName?.arrayBounds ?? []).length === 0;
  return plain && lossless.has(lastName(typeName?.names)) ? arg : undefined;
}

/** `(select x)` with nothing but x: a spelling that makes PostgreSQL evaluate x once per statement. */
function bareSelectOf(node: SqlNode): SqlNode | undefined {
  if (!('SubLink' in node) || node.SubLink.subLinkType !== 'EXPR_SUBLINK') return undefined;
  const select = node.SubLink.subselect;
  if (select === undefined || !('SelectStmt' in select)) return undefined;
  const bare = new Set(['targetList', 'limitOption', 'op']);
  if (Object.keys(select.SelectStmt).some((key) => !bare.has(key))) return undefined;
  const [target, ...others] = select.SelectStmt.targetList ?? [];
  return target !== undefined && others.length === 0 && 'ResTarget' in target
    ? target.ResTarget.val
    : undefined;
}

/** `nullif(x, '')`: the empty string never names a tenant, it is what a setting looks like after a transaction. */
function blankAsNullOf(node: SqlNode): SqlNode | undefined {
  if (!('A_Expr' in node) || node.A_Expr.kind !== 'AEXPR_NULLIF') return undefined;
  const { lexpr, rexpr } = node.A_Expr;
  return rexpr !== undefined && toNormalForm(rexpr) === `''` ? lexpr : undefined;
}

interface Call {
  readonly funcname?: readonly SqlNode[];
  readonly args?: readonly SqlNode[];
}

function callForm(call: Call, renames: Renames): string {
  const name = qualifiedName(call.funcname);
  const args = name === 'current_setting' ? (call.args ?? []).slice(0, 1) : (call.args ?? []);
  return `${renames.get(name) ?? name}(${args.map((arg) => toNormalForm(arg, renames)).join(', ')})`;
}

/** `schema.name`; `pg_catalog` is left out, as it is in deparsed text. */
export function qualifiedName(parts: readonly SqlNode[] | undefined): string {
  return namesOf(parts)
    .filter((name, i, all) => !(i === 0 && all.length > 1 && name === 'pg_catalog'))
    .join('.');
}

export function namesOf(parts: readonly SqlNode[] | undefined): string[] {
  return (parts ?? []).flatMap((part) => ('String' in part ? [part.String.sval ?? ''] : []));
}

function lastName(parts: readonly SqlNode[] | undefined): string {
  return namesOf(parts).at(-1) ?? '';
}

function nameForm(parts: readonly SqlNode[] | undefined): string {
  const names = namesOf(parts);
  return names.length === 1 ? (names[0] ?? '') : `operator(${names.join('.')})`;
}

function typeForm(node: Extract<SqlNode, { TypeCast: unknown }>): string {
  const { typeName } = node.TypeCast;
  const more = [...(typeName?.typmods ?? []), ...(typeName?.arrayBounds ?? [])];
  return `${qualifiedName(typeName?.names)}${more.length === 0 ? '' : JSON.stringify(withoutLocations(more))}`;
}

interface Constant {
  readonly isnull?: boolean;
  readonly ival?: { readonly ival?: number };
  readonly fval?: { readonly fval?: string };
  readonly boolval?: { readonly boolval?: boolean };
  readonly sval?: { readonly sval?: string };
}

function constantForm(constant: Constant): string {
  if (constant.isnull === true) return 'null';
  if (constant.sval !== undefined) return `'${(constant.sval.sval ?? '').replaceAll("'", "''")}'`;
  if (constant.ival !== undefined) return String(constant.ival.ival ?? 0);
  if (constant.boolval !== undefined) return String(constant.boolval.boolval ?? false);
  return constant.fval?.fval ?? JSON.stringify(withoutLocations(constant));
}

function withoutLocations(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLocations);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'location')
      .map(([key, inner]) => [key, withoutLocations(inner)]),
  );
}
