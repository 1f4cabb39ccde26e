import type { Usage } from '../../../core/compartment.ts';
import type { AdminDatabase } from '../../../drivers/sql.ts';
import { asTenant, type TenantSide } from '../as-tenant.ts';
import { quote } from '../filter.ts';
import { tenantTables, type Table } from '../tables.ts';

/** Rows and bytes of one tenant, summed under the wall. */
export async function measureRows(
  admin: AdminDatabase,
  side: TenantSide,
  tables: readonly Table[],
): Promise<readonly Usage[]> {
  const owned = tenantTables(tables);
  const parts = owned.map(
    (table) =>
      `select count(*) as n, coalesce(sum(pg_column_size(t.*)), 0) as size from ${quote(table.name)} t where t.tenant_id = $1`,
  );
  const { rows } = await asTenant(admin, side, (tx) =>
    tx.query<{ n: string; size: string }>(
      `select sum(m.n)::text as n, sum(m.size)::text as size from (${parts.join(' union all ')}) m`,
      [side.tenant],
    ),
  );
  return [
    { resource: 'rows', unit: 'rows', amount: BigInt(rows[0]?.n ?? '0'), limit: undefined },
    { resource: 'row_bytes', unit: 'bytes', amount: BigInt(rows[0]?.size ?? '0'), limit: undefined },
  ];
}
