import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BulkheadError } from '../core/errors.ts';
import type { AdminDatabase, AdminTransaction } from '../drivers/sql.ts';
import { defaultPlans } from './default-plans.ts';
import { planValues, writePlanText } from './plan-row.ts';

/** The registry's own migrations, in a checkout and in the package alike. */
export const controlMigrationsDir = fileURLToPath(new URL('../../sql/control', import.meta.url));

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;
/** Key of the advisory lock that installers queue on; any number that nobody else uses. */
const INSTALL_LOCK = '7022337046881';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
}

/**
 * Brings the registry's schema up to date, makes the installation row once, and adds default plans that are missing.
 * Safe to run from any number of nodes at once; plans that an operator has changed stay as they are.
 * @throws migration_refused where a file was edited after it was applied, a number is missing, or the database is
 * newer than this program.
 */
export async function installRegistry(
  admin: AdminDatabase,
  migrationsDir: string = controlMigrationsDir,
): Promise<void> {
  const migrations = await readMigrations(migrationsDir);
  await admin.transaction(async (tx) => {
    // Released by the end of the transaction, so it works behind a transaction pooler too.
    await tx.query('select pg_advisory_xact_lock($1::bigint)', [INSTALL_LOCK]);
    const applied = await readApplied(tx);
    assertSameHistory(migrations, applied);
    for (const migration of migrations.slice(applied.length)) await apply(tx, migration);
    await tx.query(
      'insert into bulkhead.installation (role_prefix) values ($1) on conflict (singleton) do nothing',
      [`bh_${randomBytes(4).toString('hex')}`],
    );
    const { rows } = await tx.query<{ id: string }>('select id from bulkhead.plan');
    const known = new Set(rows.map((row) => row.id));
    for (const plan of defaultPlans) if (!known.has(plan.id)) await tx.query(writePlanText, planValues(plan));
  });
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted();
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(FILE_NAME.exec(name)?.[1]);
      if (number !== index + 1)
        throw new BulkheadError('migration_refused', {
          file: name,
          reason: `expected a file named ${String(index + 1).padStart(4, '0')}_name.sql`,
        });
      // A checkout with other line ends holds the same migration.
      const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return { number, name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

async function readApplied(tx: AdminTransaction): Promise<readonly string[]> {
  const { rows: found } = await tx.query<{ made: boolean }>(
    `select to_regclass('bulkhead.control_migration') is not null as made`,
  );
  if (found[0]?.made !== true) return [];
  const { rows } = await tx.query<{ sha256: string }>(
    'select sha256 from bulkhead.control_migration order by number',
  );
  return rows.map((row) => row.sha256);
}

function assertSameHistory(migrations: readonly Migration[], applied: readonly string[]): void {
  if (applied.length > migrations.length)
    throw new BulkheadError('migration_refused', {
      reason: `the database has ${applied.length} control migrations and this program knows ${migrations.length}`,
      hint: 'run the newer version of Bulkhead',
    });
  for (const [index, sha256] of applied.entries()) {
    const migration = migrations[index];
    if (migration?.sha256 !== sha256)
      throw new BulkheadError('migration_refused', {
        file: migration?.name,
        reason: 'the file was edited after it was applied',
        hint: 'restore it, and put the change into a new file with the next number',
      });
  }
}

async function apply(tx: AdminTransaction, migration: Migration): Promise<void> {
  await tx.script(migration.text);
  await tx.query('insert into bulkhead.control_migration (number, name, sha256) values ($1, $2, $3)', [
    migration.number,
    migration.name,
    migration.sha256,
  ]);
}
