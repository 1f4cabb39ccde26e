import { BulkheadError } from '../../../core/errors.ts';
import type { AdminTransaction } from '../../../drivers/sql.ts';
import { quote } from '../filter.ts';
import type { Table } from '../tables.ts';

/** Looks for rows of the transaction's tenant that refer to rows which are not there. @throws reference_invalid */
export async function assertReferences(tx: AdminTransaction, tables: readonly Table[]): Promise<void> {
  for (const table of tables) {
    for (const { table: parent, columns, referencedColumns, constraint } of table.references) {
      const isSet = columns.map((name) => `c.${quote(name)} is not null`);
      const isSame = columns.map(
        (name, index) => `p.${quote(referencedColumns[index] ?? '')} = c.${quote(name)}`,
      );
      const parentTenant = tables.some(({ name }) => name === parent) ? ['p.tenant_id = c.tenant_id'] : [];
      const { rows } = await tx.query(
        `select 1 as dangling from ${quote(table.name)} c
           where ${isSet.join(' and ') || 'true'} and not exists (
             select from ${quote(parent)} p where ${[...parentTenant, ...isSame].join(' and ') || 'true'}) limit 1`,
      );
      if (rows.length > 0)
        throw new BulkheadError('reference_invalid', {
          constraint,
          reason: `a row of ${table.name} refers to one of ${parent} that is not there`,
        });
    }
  }
}
