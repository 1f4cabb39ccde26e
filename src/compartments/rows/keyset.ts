import { createHash } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import type { Row } from '../../drivers/sql.ts';
import { columnOf, quote, type SqlBuilder } from './filter.ts';
import type { ColumnModel } from './migrations/table-model.ts';
import type { ListQuery } from './rows.ts';
import type { Table } from './tables.ts';

/** A total order over a table: what was asked for, then the rest of the primary key. Nulls are always last. */
export interface Order {
  readonly columns: readonly { readonly column: ColumnModel; readonly descending: boolean }[];
}

export function toOrder(table: Table, query: ListQuery): Order {
  const asked = (query.orderBy ?? []).map(({ column, direction }) => {
    if (direction !== undefined && direction !== 'asc' && direction !== 'desc')
      throw new BulkheadError('value_invalid', { field: 'direction', reason: 'use asc or desc' });
    return { column: columnOf(table, column), descending: direction === 'desc' };
  });
  const named = new Set(asked.map(({ column }) => column.name));
  const rest = table.primaryKey
    .filter((name) => !named.has(name))
    .map((name) => ({ column: columnOf(table, name), descending: false }));
  return { columns: [...asked, ...rest] };
}

export function toOrderBy(order: Order): string {
  if (order.columns.length === 0) return '';
  const parts = order.columns.map(
    ({ column, descending }) =>
      `${quote(column.name)} ${descending ? 'desc' : 'asc'}${column.nullable ? ' nulls last' : ''}`,
  );
  return ` order by ${parts.join(', ')}`;
}

/** The sort columns once more as text: a JavaScript Date would lose microseconds, and rows with them. */
export function toCursorColumns(order: Order): string {
  return order.columns
    .map(({ column }, index) => `, ${quote(column.name)}::text as "__cursor_${index}"`)
    .join('');
}

/** Removes the cursor columns from the row and returns them. */
export function takeCursor(row: Row, order: Order): readonly (string | null)[] {
  return order.columns.map((_, index) => {
    const name = `__cursor_${index}`;
    const value = row[name];
    delete row[name];
    return typeof value === 'string' ? value : null;
  });
}

export function encodeCursor(table: Table, order: Order, values: readonly (string | null)[]): string {
  return Buffer.from(JSON.stringify([fingerprint(table, order), ...values])).toString('base64url');
}

/** @returns the condition that rows come after the cursor. @throws value_invalid for a cursor of another listing */
export function toAfter(input: { table: Table; order: Order; cursor: string; builder: SqlBuilder }): string {
  const { table, order, cursor, builder } = input;
  const values = decodeCursor(table, order, cursor);
  // (a, b) after (x, y) with mixed directions and nulls: a beyond x, or a level with x and b beyond y.
  const arms = order.columns.flatMap((_, depth) => {
    const last = order.columns[depth];
    if (last === undefined) return [];
    const beyond = toBeyond(last, values[depth] ?? null, builder);
    if (beyond === undefined) return [];
    const level = order.columns.slice(0, depth).map(({ column }, index) => {
      const value = values[index] ?? null;
      return value === null
        ? `${quote(column.name)} is null`
        : `${quote(column.name)} = ${builder.bind(value)}::${column.type}`;
    });
    return [`(${[...level, beyond].join(' and ')})`];
  });
  return arms.length === 0 ? ' and false' : ` and (${arms.join(' or ')})`;
}

function toBeyond(
  part: Order['columns'][number],
  value: string | null,
  builder: SqlBuilder,
): string | undefined {
  if (value === null) return undefined;
  const name = quote(part.column.name);
  const compared = `${name} ${part.descending ? '<' : '>'} ${builder.bind(value)}::${part.column.type}`;
  return part.column.nullable ? `(${compared} or ${name} is null)` : compared;
}

function decodeCursor(table: Table, order: Order, cursor: string): readonly (string | null)[] {
  const refusal = new BulkheadError('value_invalid', {
    field: 'after',
    reason: 'the cursor is not of this listing: pass nextCursor unchanged, with the same order',
  });
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw refusal;
  }
  if (!Array.isArray(decoded)) throw refusal;
  const [mark, ...values] = decoded as unknown[];
  const wellFormed = values.every(
    (value): value is string | null => value === null || typeof value === 'string',
  );
  if (mark !== fingerprint(table, order) || values.length !== order.columns.length || !wellFormed)
    throw refusal;
  return values;
}

function fingerprint(table: Table, order: Order): string {
  const text = [
    table.name,
    ...order.columns.map(({ column, descending }) => `${column.name} ${descending ? 'd' : 'a'}`),
  ];
  return createHash('sha256').update(JSON.stringify(text)).digest('base64url').slice(0, 8);
}
