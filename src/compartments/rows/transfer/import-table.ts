import { BulkheadError } from '../../../core/errors.ts';
import { quote } from '../filter.ts';
import { copiedColumns, type Table } from '../tables.ts';

/** How the records of one set go into their table, which may be newer than they are. */
export interface ImportTable {
  readonly set: string;
  /** Columns that records have and the table too. */
  readonly columns: readonly string[];
  /** Takes the tenant, then one text array a column. */
  readonly insertSql: string;
  /** @throws value_invalid for a field that never was a column */
  assertColumns(value: Readonly<Record<string, unknown>>): void;
}

/**
 * @param source the table as it was where the records come from; columns it had and the table has not are left out, those
 * that came since get their defaults
 * @throws value_invalid where a column came since that has no default and cannot be null
 */
export function toImportTable(table: Table, source: Table): ImportTable {
  const columns = copiedColumns(table);
  const known = new Set(copiedColumns(source).map(({ name }) => name));
  const missing = columns.find(
    ({ name, nullable, hasDefault }) => !known.has(name) && !nullable && !hasDefault,
  );
  if (missing !== undefined)
    throw new BulkheadError('value_invalid', {
      field: missing.name,
      reason: `${table.name}.${missing.name} came after these records, and has no default`,
    });
  const taken = columns.filter(({ name }) => known.has(name));
  const names = taken.map(({ name }) => quote(name));
  const arrays = taken.map((_, index) => `$${index + 2}::text::text[]`);
  const values = taken.map(({ type }, index) => `, u.c${index}::${type}`);
  return {
    set: table.name,
    columns: taken.map(({ name }) => name),
    insertSql: `insert into ${quote(table.name)} (${['tenant_id', ...names].join(', ')})
      select $1::uuid${values.join('')}
      from unnest(${arrays.join(', ')}) as u (${taken.map((_, index) => `c${index}`).join(', ')})`,
    assertColumns(value) {
      for (const name in value)
        if (!known.has(name) && name !== 'tenant_id')
          throw new BulkheadError('value_invalid', {
            field: 'value',
            reason: `a record of ${table.name} has a field that is no column`,
          });
    },
  };
}
