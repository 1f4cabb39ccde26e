import { createHash, randomBytes } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import type { AdminDatabase, AdminTransaction } from '../../drivers/sql.ts';
import { inShortTransaction } from './journal.ts';
import type { AdoptPlan } from './plan.ts';
import { literal, quote } from './sql-text.ts';

class RolledBack extends Error {}

/**
 * Forces the wall on one table after another and looks through it as the new role: with the tenant's capability it must
 * see every row, without one none. Each in a transaction that is rolled back.
 * @throws table_unwalled
 */
export async function rehearse(
  admin: AdminDatabase,
  plan: AdoptPlan,
  tables: readonly string[],
): Promise<void> {
  for (const table of tables) {
    try {
      await inShortTransaction(admin, async (tx) => {
        await rehearseTable(tx, plan, table);
        throw new RolledBack();
      });
    } catch (cause) {
      if (!(cause instanceof RolledBack)) throw cause;
    }
  }
}

async function rehearseTable(tx: AdminTransaction, plan: AdoptPlan, table: string): Promise<void> {
  const name = `${quote(plan.schema)}.${quote(table)}`;
  const token = randomBytes(32).toString('hex');
  const digest = createHash('sha256').update(token).digest('hex');
  await tx.script(`alter table ${name} enable row level security, force row level security`);
  // A table of millions is not counted while it is locked: some rows say the same.
  const count = `select count(*)::integer as n from (select from ${name} limit 10000) as looked`;
  const { rows: all } = await tx.query<{ n: number }>(count);
  await tx.script(
    `insert into bulkhead_wall.capability (digest, tenant_id, schema_name, expires_at)
       values (decode('${digest}', 'hex'), ${literal(plan.tenant)}, ${literal(plan.schema)}, statement_timestamp() + interval '1 minute');
     grant ${quote(plan.roles.app)} to current_user with inherit false, set true;
     set local role ${quote(plan.roles.app)}`,
  );
  const { rows: without } = await tx.query<{ n: number }>(count);
  await tx.query(`select set_config('bulkhead.capability', $1, true)`, [token]);
  const { rows: within } = await tx.query<{ n: number }>(count);
  await tx.script('reset role');
  const [total, seen, unseen] = [all[0]?.n, within[0]?.n, without[0]?.n];
  // The owner of a forced table sees nothing either; a superuser sees all, and only then can the two be compared.
  if (unseen !== 0 || (total !== 0 && seen !== total))
    throw new BulkheadError('table_unwalled', {
      table,
      reason: `the rehearsal saw ${seen} of ${total} rows of ${table} with a capability and ${unseen} without`,
      hint: 'look at its policies; --undo takes everything back',
    });
}
