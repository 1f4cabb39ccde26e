import type { SqlNode } from '../../../drivers/sql-parser.ts';
import { namesOf, toNormalForm, unwrap } from './normal-form.ts';

/** What a wall compares with what. */
export interface WallTerms {
  readonly tenantColumn: string;
  /** The context, in normal form. */
  readonly context: string;
  /** The tenant column is NOT NULL, so `is not distinct from` is as good as `=`. */
  readonly notNull: boolean;
}

/**
 * Whether an expression lets a row through only if its tenant column equals the context: `column = context` in either
 * order, as one part of an AND, or in every arm of an OR. What is merely unusual is not understood and counts as open.
 */
export function isWall(node: SqlNode, terms: WallTerms): boolean {
  if ('BoolExpr' in node) {
    const args = node.BoolExpr.args ?? [];
    switch (node.BoolExpr.boolop) {
      case 'AND_EXPR':
        return args.some((arg) => isWall(arg, terms));
      case 'OR_EXPR':
        return args.length > 0 && args.every((arg) => isWall(arg, terms));
      case 'NOT_EXPR':
        return args.some((arg) => isNotDistinct(arg, 'AEXPR_DISTINCT', terms));
      case undefined:
        return false;
    }
  }
  if ('CoalesceExpr' in node) return (node.CoalesceExpr.args ?? []).every((arg) => isWall(arg, terms));
  if ('BooleanTest' in node)
    return node.BooleanTest.booltesttype === 'IS_TRUE' && node.BooleanTest.arg !== undefined
      ? isWall(node.BooleanTest.arg, terms)
      : false;
  return isNever(node) || isEquality(node, terms) || isNotDistinct(node, 'AEXPR_NOT_DISTINCT', terms);
}

/** `false` and `null` let nothing through. */
function isNever(node: SqlNode): boolean {
  const form = 'A_Const' in node ? toNormalForm(node) : '';
  return form === 'false' || form === 'null';
}

function isEquality(node: SqlNode, terms: WallTerms): boolean {
  if (!('A_Expr' in node)) return false;
  const { kind, name, lexpr, rexpr } = node.A_Expr;
  // With search_path = pg_catalog an operator from elsewhere is deparsed as OPERATOR(schema.=): two names.
  const names = namesOf(name);
  if (names.length !== 1 || names[0] !== '=' || lexpr === undefined || rexpr === undefined) return false;
  if (kind === 'AEXPR_OP') return pairs(lexpr, rexpr, terms);
  if (kind === 'AEXPR_IN')
    return 'List' in rexpr && isEach(rexpr.List.items, (item) => pairs(lexpr, item, terms));
  if (kind === 'AEXPR_OP_ANY')
    return 'A_ArrayExpr' in rexpr && isEach(rexpr.A_ArrayExpr.elements, (item) => pairs(lexpr, item, terms));
  return false;
}

function isEach(items: readonly SqlNode[] | undefined, test: (item: SqlNode) => boolean): boolean {
  return items !== undefined && items.length > 0 && items.every(test);
}

function isNotDistinct(
  node: SqlNode,
  kind: 'AEXPR_DISTINCT' | 'AEXPR_NOT_DISTINCT',
  terms: WallTerms,
): boolean {
  if (!terms.notNull || !('A_Expr' in node) || node.A_Expr.kind !== kind) return false;
  const { lexpr, rexpr } = node.A_Expr;
  return lexpr !== undefined && rexpr !== undefined && pairs(lexpr, rexpr, terms);
}

function pairs(one: SqlNode, other: SqlNode, terms: WallTerms): boolean {
  const isContext = (node: SqlNode): boolean => toNormalForm(node) === terms.context;
  return (isTenantColumn(one, terms) && isContext(other)) || (isTenantColumn(other, terms) && isContext(one));
}

export function isTenantColumn(node: SqlNode, terms: Pick<WallTerms, 'tenantColumn'>): boolean {
  const inner = unwrap(node);
  if (inner !== node) return isTenantColumn(inner, terms);
  // Outside sub-selects a policy can only name columns of its own table.
  return 'ColumnRef' in node && namesOf(node.ColumnRef.fields).at(-1) === terms.tenantColumn;
}
