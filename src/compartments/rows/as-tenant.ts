import type { TenantId } from '../../core/ids.ts';
import type { AdminDatabase, AdminTransaction } from '../../drivers/sql.ts';
import { digestOf, newToken } from './capabilities.ts';
import { containerPath } from './migrations/names.ts';

export interface TenantSide {
  readonly tenant: TenantId;
  readonly schema: string;
  readonly role: string;
}

/**
 * Owner's work on one tenant's rows, done under the wall all the same: the transaction takes the container's role and a
 * capability that lives no longer than itself. Works for sealed tenants too: export and erasure must.
 */
export function asTenant<T>(
  admin: AdminDatabase,
  side: TenantSide,
  body: (tx: AdminTransaction) => Promise<T>,
): Promise<T> {
  return admin.transaction(async (tx) => {
    const token = newToken();
    await tx.query(
      `insert into bulkhead_wall.capability (digest, tenant_id, schema_name, expires_at)
         values (decode($1, 'hex'), $2, $3, statement_timestamp() + interval '1 day')`,
      [digestOf(token).toString('hex'), side.tenant, side.schema],
    );
    await tx.query(
      `select set_config('bulkhead.capability', $1, true), set_config('search_path', $2, true), set_config('role', $3, true)`,
      [token, containerPath(side.schema), side.role],
    );
    const result = await body(tx);
    await tx.query('reset role');
    await tx.query(`delete from bulkhead_wall.capability where digest = decode($1, 'hex')`, [
      digestOf(token).toString('hex'),
    ]);
    return result;
  });
}
