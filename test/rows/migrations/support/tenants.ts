import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { containerPath, quoteName } from '../../../../src/compartments/rows/migrations/names.ts';
import type { AdminDatabase, Row } from '../../../../src/drivers/sql.ts';

/** Runs one statement as a tenant of a container would: its role, its path, its capability. */
export interface Tenant {
  readonly id: string;
  run<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

export async function createTenant(
  admin: AdminDatabase,
  container: { readonly schema: string; readonly role: string },
): Promise<Tenant> {
  const id = randomUUID();
  const token = randomBytes(32).toString('hex');
  const digest = createHash('sha256').update(token).digest('hex');
  await admin.query('insert into bulkhead_wall.tenant (tenant_id) values ($1)', [id]);
  await admin.query(
    `insert into bulkhead_wall.capability (digest, tenant_id, expires_at) values (decode($1, 'hex'), $2, now() + interval '1 hour')`,
    [digest, id],
  );
  return {
    id,
    run: (text, values = []) =>
      admin.transaction(async (tx) => {
        await tx.script(
          `set local role ${quoteName(container.role)}; set local search_path to ${containerPath(container.schema)};`,
        );
        await tx.query(`select set_config('bulkhead.capability', $1, true)`, [token]);
        const { rows } = await tx.query<never>(text, values);
        return rows;
      }),
  };
}
