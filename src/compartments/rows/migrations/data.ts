/** INSERT, UPDATE and DELETE in a migration: they run as the owner, over the rows of every tenant. */
import { allOf, as, walk, type NodeOf } from './ast.ts';
import type { SqlNode } from '../../../drivers/sql-parser.ts';
import type { Relations } from './keys.ts';
import { tenantColumn } from './names.ts';
import { refuse } from './refusal.ts';

/**
 * Rows stay with their tenant: what is inserted says whose it is, and nothing is handed to another.
 * @throws StatementRefused
 */
export async function refuseLooseData(node: SqlNode, relations: Relations): Promise<void> {
  const inserts: NodeOf<'InsertStmt'>[] = [];
  walk(node, (inner) => {
    const insert = as(inner, 'InsertStmt');
    if (insert !== undefined) inserts.push(insert);
    refuseNewTenant(as(inner, 'UpdateStmt')?.targetList);
    refuseNewTenant(as(inner, 'OnConflictClause')?.targetList);
  });
  for (const insert of inserts) await refuseOwnerless(insert, relations);
}

function refuseNewTenant(targets: readonly SqlNode[] | undefined): void {
  if (allOf(targets, 'ResTarget').some(({ name }) => name === tenantColumn))
    refuse(`${tenantColumn} must not be changed: the row would go to another tenant`);
}

async function refuseOwnerless(insert: NodeOf<'InsertStmt'>, relations: Relations): Promise<void> {
  const name = insert.relation?.relname ?? '';
  const table = await relations.find(name);
  if (table?.kind !== 'tenant') return;
  if (!allOf(insert.cols, 'ResTarget').some((column) => column.name === tenantColumn))
    refuse(
      `rows of ${name} belong to tenants, and this insert does not say to which`,
      `name ${tenantColumn} in the column list and select it from rows that have it, or declare the table shared`,
    );
}
