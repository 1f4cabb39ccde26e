/** One column definition: its own text, and the keys that were written behind it. */
import { allOf, as, namesOf, type NodeOf } from './ast.ts';
import { isKey, type ConstraintNode } from './keys.ts';
import { isSimpleName, tenantColumn } from './names.ts';
import { refuse } from './refusal.ts';
import { charOffset, tokensOf, type Span } from './tokens.ts';

export type ColumnNode = NodeOf<'ColumnDef'>;

/** What every tenant table begins with. */
export const tenantColumnSql = `${tenantColumn} uuid not null default bulkhead_wall.current_tenant_id()`;

export interface ColumnParts {
  readonly name: string;
  /** The definition without primary, unique and foreign keys. */
  readonly text: string;
  readonly keys: readonly ConstraintNode[];
}

/**
 * Takes the keys out of a column definition, because they have to name the tenant and so become table constraints.
 * @param span the definition within `sql`, which is the whole statement
 * @throws StatementRefused
 */
export function toColumnParts(sql: string, span: Span, column: ColumnNode): ColumnParts {
  const name = column.colname ?? '';
  if (!isSimpleName(name)) refuse(`the column name ${JSON.stringify(name)} is not a simple name`);
  refuseCounters(name, column);
  const clauses = clausesOf(sql, span, column);
  const keys: ConstraintNode[] = [];
  const kept = [withoutEnd(sql.slice(span.start, clauses[0]?.start ?? span.end))];
  let within: 'key' | 'column' = 'column';
  for (const { constraint, start, end } of clauses) {
    if (constraint !== undefined && isKey(constraint)) {
      within = 'key';
      keys.push(constraint);
    } else if (within === 'key' && constraint !== undefined && isAttribute(constraint)) {
      keys.push(withAttribute(keys.pop(), constraint));
    } else {
      within = 'column';
      kept.push(withoutEnd(sql.slice(start, end)));
    }
  }
  return { name, text: kept.join(' '), keys };
}

/** A comment that stood before a key must not swallow what comes to stand behind it. */
function withoutEnd(part: string): string {
  return part.slice(0, tokensOf(part).at(-1)?.end ?? 0);
}

/** A sequence counts the rows of all tenants together, and tells each of them. */
function refuseCounters(name: string, column: ColumnNode): void {
  const hint = 'write: id uuid primary key default gen_random_uuid()';
  const type = namesOf(column.typeName?.names).at(-1) ?? '';
  if (/^(?:small|big)?serial[248]?$/.test(type))
    refuse(`${name} is ${type}: a sequence tells each tenant how many rows the others write`, hint);
  if (allOf(column.constraints, 'Constraint').some(({ contype }) => contype === 'CONSTR_IDENTITY'))
    refuse(
      `${name} is an identity column: its sequence tells each tenant how many rows the others write`,
      hint,
    );
}

interface Clause extends Span {
  /** undefined for COLLATE */
  readonly constraint: ConstraintNode | undefined;
}

/** The constraints of a column in the order they were written; each reaches up to the next. */
function clausesOf(sql: string, span: Span, column: ColumnNode): Clause[] {
  const found = allOf(column.constraints, 'Constraint').map((constraint) => ({
    constraint: constraint as ConstraintNode | undefined,
    start: charOffset(sql, constraint.location ?? 0),
  }));
  const collation = column.collClause?.location;
  if (collation !== undefined) found.push({ constraint: undefined, start: charOffset(sql, collation) });
  const sorted = found.toSorted((a, b) => a.start - b.start);
  return sorted.map(({ constraint, start }, index) => {
    const end = sorted[index + 1]?.start ?? span.end;
    return { constraint, start, end };
  });
}

function isAttribute({ contype }: ConstraintNode): boolean {
  return contype?.startsWith('CONSTR_ATTR_') ?? false;
}

function withAttribute(key: ConstraintNode | undefined, attribute: ConstraintNode): ConstraintNode {
  if (attribute.contype === 'CONSTR_ATTR_NOT_ENFORCED')
    refuse('a key must be enforced', 'leave out NOT ENFORCED');
  if (attribute.contype === 'CONSTR_ATTR_DEFERRABLE') return { ...key, deferrable: true };
  if (attribute.contype === 'CONSTR_ATTR_DEFERRED') return { ...key, deferrable: true, initdeferred: true };
  return { ...key };
}

/**
 * A tenant column of the user's own is welcome when it is the one we would have added.
 * @throws StatementRefused
 */
export function assertTenantColumn(column: ColumnNode, keyed: 'in_primary_key' | 'not_in_primary_key'): void {
  const hint = `leave it out, or write: ${tenantColumn} uuid not null`;
  const type = namesOf(column.typeName?.names);
  if (type.length !== 1 || type[0] !== 'uuid' || (column.typeName?.arrayBounds ?? []).length > 0)
    refuse(`${tenantColumn} must be of type uuid`, hint);
  const constraints = allOf(column.constraints, 'Constraint');
  const notNull = constraints.some(
    ({ contype }) => contype === 'CONSTR_NOTNULL' || contype === 'CONSTR_PRIMARY',
  );
  if (!notNull && keyed === 'not_in_primary_key') refuse(`${tenantColumn} must be NOT NULL`, hint);
  for (const constraint of constraints) {
    if (!allowedOnTenant(constraint)) refuse(`${tenantColumn} has its own default and no other rules`, hint);
  }
}

function allowedOnTenant(constraint: ConstraintNode): boolean {
  if (constraint.contype === 'CONSTR_NOTNULL' || isKey(constraint) || isAttribute(constraint)) return true;
  if (constraint.contype !== 'CONSTR_DEFAULT') return false;
  const call = as(constraint.raw_expr, 'FuncCall');
  return call !== undefined && namesOf(call.funcname).join('.') === 'bulkhead_wall.current_tenant_id';
}
