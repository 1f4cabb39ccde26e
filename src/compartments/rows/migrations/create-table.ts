/** CREATE TABLE as the user wrote it, turned into the table that stands in every container. */
import type { SqlNode } from '../../../drivers/sql-parser.ts';
import { as, namesOf, type NodeOf } from './ast.ts';
import { assertTenantColumn, tenantColumnSql, toColumnParts, type ColumnParts } from './column.ts';
import { isKey, toKeySql, withTenant, type ConstraintNode, type Relation, type Relations } from './keys.ts';
import { isSimpleName, tenantColumn } from './names.ts';
import { refuse, refusedFrom } from './refusal.ts';
import { findToken, splitList, tokensOf, type Span } from './tokens.ts';

type CreateNode = NodeOf<'CreateStmt'>;

export interface Declared {
  /** `shared` when `-- bulkhead: shared` stands above the statement. */
  readonly kind: 'tenant' | 'shared';
  readonly relations: Relations;
}

/**
 * Adds the tenant column and puts the tenant first in every key.
 * @param sql the statement that `create` was parsed from
 * @throws StatementRefused
 */
export async function toCreateTableSql(sql: string, create: CreateNode, declared: Declared): Promise<string> {
  const name = create.relation?.relname ?? '';
  if (!isSimpleName(name)) refuse(`the table name ${JSON.stringify(name)} is not a simple name`);
  refuseForms(create);
  if (create.partbound !== undefined) return toPartitionSql(sql, create, declared);
  const elements = await readElements(sql, create);
  if (declared.kind === 'shared') refuseTenantColumn(name, elements);
  const table = describeTable(name, declared.kind, elements);
  const lines = await toLines(sql, elements, { table, relations: declared.relations });
  const { start, end } = elements.list;
  const head = declared.kind === 'tenant' ? [tenantColumnSql] : [];
  return `${sql.slice(0, start)}\n  ${[...head, ...lines].join(',\n  ')}\n${sql.slice(end)}`;
}

function refuseForms(create: CreateNode): void {
  if (create.relation?.relpersistence === 't')
    refuse('a temporary table survives the tenant it was made for on a pooled connection');
  if (create.relation?.relpersistence === 'u')
    refuse('an unlogged table loses its rows in a crash', 'leave out UNLOGGED');
  if (create.ofTypename !== undefined) refuse('a table OF a type cannot be given a tenant column');
  if ((create.inhRelations ?? []).length > 0 && create.partbound === undefined)
    refuse('a child reached through its parent would not be behind its own wall', 'use PARTITION BY');
  if (create.tablespacename !== undefined) refuse('a table must stay in the tablespace of its container');
  if (create.accessMethod !== undefined) refuse('only ordinary tables are supported', 'leave out USING');
}

/** A partition gets columns, keys and walls from its parent. */
function toPartitionSql(sql: string, create: CreateNode, { kind }: Declared): string {
  if (kind === 'shared') refuse('a partition is shared when its table is', 'put the comment above the table');
  if ((create.tableElts ?? []).length > 0)
    refuse('a partition must not have columns or keys of its own', 'put them on the partitioned table');
  return sql;
}

interface Column {
  readonly kind: 'column';
  readonly span: Span;
  readonly node: NodeOf<'ColumnDef'>;
  readonly parts: ColumnParts;
}
interface TableConstraint {
  readonly kind: 'constraint';
  readonly span: Span;
  readonly node: ConstraintNode;
}
type Element = Column | TableConstraint;
interface Elements {
  /** Between the brackets. */
  readonly list: Span;
  readonly all: readonly Element[];
  /** Columns of the primary key, as the user wrote it. */
  readonly primaryKey: readonly string[];
}

async function readElements(sql: string, create: CreateNode): Promise<Elements> {
  const tokens = tokensOf(sql);
  const open = findToken(tokens, '(', 0);
  const { elements: spans, next } = splitList(tokens, open + 1);
  const nodes = create.tableElts ?? [];
  const list = { start: tokens[open]?.end ?? 0, end: tokens[next]?.start ?? sql.length };
  if (spans.length !== nodes.length) refuse('the columns of this table cannot be told apart');
  const all: Element[] = [];
  for (const [index, span] of spans.entries())
    all.push(await refusedFrom(span.start, () => toElement(sql, span, nodes[index])));
  return { list, all, primaryKey: all.flatMap(toPrimaryKey) };
}

function toElement(sql: string, span: Span, node: SqlNode | undefined): Element {
  const column = as(node, 'ColumnDef');
  if (column !== undefined)
    return { kind: 'column', span, node: column, parts: toColumnParts(sql, span, column) };
  const constraint = as(node, 'Constraint');
  if (constraint !== undefined) return { kind: 'constraint', span, node: constraint };
  return refuse('LIKE would copy keys that belong to another table', 'write the columns out');
}

function refuseTenantColumn(table: string, elements: Elements): void {
  if (elements.all.some((element) => element.kind === 'column' && element.parts.name === tenantColumn))
    refuse(
      `${table} is declared shared and has ${tenantColumn}`,
      'take one of them away: shared tables hold the same rows for every tenant',
    );
}

function toPrimaryKey(element: Element): readonly string[] {
  if (element.kind === 'constraint')
    return element.node.contype === 'CONSTR_PRIMARY' ? namesOf(element.node.keys) : [];
  return element.parts.keys.some(({ contype }) => contype === 'CONSTR_PRIMARY') ? [element.parts.name] : [];
}

function describeTable(name: string, kind: 'tenant' | 'shared', { primaryKey }: Elements): Relation {
  const bare = primaryKey.length === 0 || kind === 'shared';
  return { name, kind, primaryKey: bare ? primaryKey : withTenant(primaryKey) };
}

interface TableContext {
  readonly table: Relation;
  readonly relations: Relations;
}

async function toLines(sql: string, elements: Elements, context: TableContext): Promise<string[]> {
  const columns: string[] = [];
  const constraints: string[] = [];
  for (const element of elements.all) {
    const lines = await refusedFrom(element.span.start, () => toElementLines(sql, element, context));
    constraints.push(...lines);
    if (element.kind === 'constraint') continue;
    if (element.parts.name !== tenantColumn) columns.push(element.parts.text);
    else await refusedFrom(element.span.start, () => acceptTenantColumn(element, elements.primaryKey));
  }
  return [...columns, ...constraints];
}

function acceptTenantColumn(column: Column, primaryKey: readonly string[]): void {
  const keyed = primaryKey.includes(tenantColumn);
  assertTenantColumn(column.node, keyed ? 'in_primary_key' : 'not_in_primary_key');
}

/** The table constraints that an element stands for, the keys behind a column among them. */
async function toElementLines(
  sql: string,
  element: Element,
  context: TableContext,
): Promise<readonly string[]> {
  if (element.kind === 'constraint') return toConstraintLines(sql, element, context);
  const lines = [];
  for (const key of element.parts.keys)
    lines.push(...(await toKeySql(context.table, key, { ...context, column: element.parts.name })));
  return lines;
}

async function toConstraintLines(
  sql: string,
  element: TableConstraint,
  context: TableContext,
): Promise<readonly string[]> {
  if (isKey(element.node)) return toKeySql(context.table, element.node, context);
  refuseLooseExclusion(element.node, context.table);
  return [sql.slice(element.span.start, element.span.end)];
}

/**
 * An exclusion over all tenants tells one of them what another has.
 * @throws StatementRefused unless it compares the tenant with `=`
 */
export function refuseLooseExclusion(constraint: ConstraintNode, table: Relation): void {
  if (constraint.contype !== 'CONSTR_EXCLUSION' || table.kind === 'shared') return;
  const scoped = (constraint.exclusions ?? []).some((pair) => {
    const [element, operator] = as(pair, 'List')?.items ?? [];
    const names = namesOf(as(operator, 'List')?.items);
    return as(element, 'IndexElem')?.name === tenantColumn && names.at(-1) === '=';
  });
  if (!scoped)
    refuse(
      'an exclusion constraint without the tenant tells one tenant what another has',
      `begin it with: ${tenantColumn} WITH = (extension btree_gist)`,
    );
}
