import { BulkheadError } from '../../core/errors.ts';
import type { ColumnModel } from './migrations/table-model.ts';
import type { Condition, Filter, Scalar } from './rows.ts';
import type { Table } from './tables.ts';

/** Text of a statement under construction and the values it binds. */
export class SqlBuilder {
  readonly values: unknown[] = [];

  /** @returns the placeholder of a newly bound value */
  bind(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** @throws value_invalid where the table has no such column; names never reach SQL unless they come from the model */
export function columnOf(table: Table, name: string): ColumnModel {
  const column = table.byName.get(name);
  if (column === undefined)
    throw new BulkheadError('value_invalid', {
      field: name.slice(0, 63),
      table: table.name,
      reason: `the table has no such column; it has ${[...table.byName.keys()].join(', ')}`,
    });
  return column;
}

/** Names in the model are the database's own; quoting keeps them names whatever they hold. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const comparisons = { eq: '=', ne: '<>', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;
const operators = new Set([...Object.keys(comparisons), 'in', 'isNull', 'startsWith']);
const maxListed = 1_000;

/** @returns ` and …` for every condition, or the empty text */
export function toWhere(table: Table, filter: Filter | undefined, builder: SqlBuilder): string {
  if (filter === undefined) return '';
  return Object.entries(filter)
    .map(([name, condition]) => ` and ${toCondition(columnOf(table, name), condition, builder)}`)
    .join('');
}

function toCondition(column: ColumnModel, condition: Condition, builder: SqlBuilder): string {
  const name = quote(column.name);
  if (condition === null) return `${name} is null`;
  if (typeof condition !== 'object' || condition instanceof Date)
    return `${name} = ${builder.bind(condition)}`;
  const parts = Object.entries(condition)
    .filter(([, operand]) => operand !== undefined)
    .map(([operator, operand]) => toComparison(column, operator, { operand, builder }));
  if (parts.length === 0)
    throw new BulkheadError('value_invalid', { field: column.name, reason: 'a condition needs an operator' });
  return parts.join(' and ');
}

function toComparison(
  column: ColumnModel,
  operator: string,
  input: { operand: unknown; builder: SqlBuilder },
): string {
  const { operand, builder } = input;
  const name = quote(column.name);
  if (!operators.has(operator))
    throw new BulkheadError('value_invalid', {
      field: column.name,
      reason: `unknown operator; use one of ${[...operators].join(', ')}`,
    });
  if (operator === 'isNull') return operand === true ? `${name} is null` : `${name} is not null`;
  if (operator === 'in')
    return `${name} = any (${builder.bind(parseList(column, operand))}::${column.type}[])`;
  // ^@ is leakproof and indexable under row-level security, LIKE is neither.
  if (operator === 'startsWith') return `${name} ^@ ${builder.bind(String(operand))}`;
  if (operand === null)
    throw new BulkheadError('value_invalid', { field: column.name, reason: 'compare with null by isNull' });
  return `${name} ${comparisons[operator as keyof typeof comparisons]} ${builder.bind(operand)}`;
}

function parseList(column: ColumnModel, operand: unknown): readonly Scalar[] {
  if (!Array.isArray(operand) || operand.length > maxListed)
    throw new BulkheadError('value_invalid', {
      field: column.name,
      reason: `"in" takes a list of at most ${maxListed} values`,
    });
  return operand as Scalar[];
}
