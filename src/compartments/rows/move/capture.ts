import { setTimeout } from 'node:timers/promises';
import { BulkheadError } from '../../../core/errors.ts';
import { SqlError, type AdminDatabase } from '../../../drivers/sql.ts';
import { quote } from '../filter.ts';
import { tenantTables, type Table } from '../tables.ts';
import { literal } from '../wall.ts';
import type { MoveEnd } from './end.ts';

/** How long a trigger may stand in the queue for its table, with all writers of all tenants behind it. */
const lockTimeoutMs = 60;
const attempts = 60;

/** Two triggers a table and tenant: neighbours in a shared table pay for a comparison and nothing else. */
function triggersOf({ tenant }: MoveEnd): { readonly written: string; readonly deleted: string } {
  const stem = `bulkhead_move_${tenant.replaceAll('-', '')}`;
  return { written: `${stem}_w`, deleted: `${stem}_d` };
}

/** Puts the triggers on; what they do is decided by the tenant's row. */
export async function installTriggers(end: MoveEnd, tables: readonly Table[]): Promise<void> {
  const names = triggersOf(end);
  for (const table of tenantTables(tables)) {
    const on = `${quote(end.schema)}.${quote(table.name)}`;
    const columns = [table.name, ...table.primaryKey].map(literal).join(', ');
    const call = `execute function bulkhead_wall.capture_change(${columns})`;
    const mine = (row: 'new' | 'old'): string => `(${row}.tenant_id = ${literal(end.tenant)}::uuid)`;
    await end.withAdmin((admin) =>
      locking(
        admin,
        table.name,
        `create or replace trigger ${quote(names.written)} after insert or update on ${on}
           for each row when ${mine('new')} ${call};
         create or replace trigger ${quote(names.deleted)} after delete on ${on}
           for each row when ${mine('old')} ${call};`,
      ),
    );
  }
}

export async function dropTriggers(end: MoveEnd, tables: readonly Table[]): Promise<void> {
  const names = triggersOf(end);
  const there = await readTriggered(end, names.written);
  for (const table of tenantTables(tables).filter(({ name }) => there.has(name))) {
    const on = `${quote(end.schema)}.${quote(table.name)}`;
    await end.withAdmin((admin) =>
      locking(
        admin,
        table.name,
        `drop trigger if exists ${quote(names.written)} on ${on}; drop trigger if exists ${quote(names.deleted)} on ${on};`,
      ),
    );
  }
}

async function readTriggered(end: MoveEnd, trigger: string): Promise<ReadonlySet<string>> {
  const { rows } = await end.withAdmin((admin) =>
    admin.query<{ name: string }>(
      `select c.relname::text as name from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where t.tgname = $1 and c.relnamespace = to_regnamespace($2)`,
      [trigger, quote(end.schema)],
    ),
  );
  return new Set(rows.map(({ name }) => name));
}

/** Waits for a moment without writers by asking often and briefly, never by standing in the queue. */
async function locking(admin: AdminDatabase, table: string, script: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await admin.script(`set local lock_timeout = ${lockTimeoutMs}; ${script}`);
    } catch (cause) {
      const busy = cause instanceof SqlError && (cause.sqlState === '55P03' || cause.sqlState === '40P01');
      if (!busy) throw cause;
      if (attempt === attempts)
        throw new BulkheadError(
          'operation_in_progress',
          { table, reason: 'a long transaction holds the table, and traffic was not held up for it' },
          { cause },
        );
    }
    await setTimeout(Math.min(1_000, 20 * attempt) * (0.5 + Math.random()));
  }
}
