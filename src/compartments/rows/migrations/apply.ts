/** Brings one container up to date. */
import { BulkheadError } from '../../../core/errors.ts';
import { SqlError, type AdminDatabase } from '../../../drivers/sql.ts';
import { toExtensionSql } from './compile-file.ts';
import type { CompiledMigration } from './compile.ts';
import { explainFailure } from './explain-failure.ts';
import { readApplied, toPending } from './history.ts';
import { createExtensionSchema, extensionSchema } from './names.ts';
import { toScript, type Container } from './script.ts';

export interface ApplyInput extends Container {
  readonly migrations: readonly CompiledMigration[];
  /** Number of the last migration of each set to apply; default all. */
  readonly upTo?: number | undefined;
}

export interface ApplyReceipt {
  readonly schema: string;
  /** What this call applied; empty where all was there. */
  readonly applied: readonly { readonly set: string; readonly number: number }[];
}

/** About a minute of trying. */
const attempts = 40;

/**
 * Applies what is pending, in one transaction (or more, where a migration says so); a transaction leaves all of its
 * files or nothing. Safe to run from many nodes at once.
 * @throws migration_refused where a file was edited after it was applied, is out of order, or fails on the rows of this
 *   container; operation_in_progress where a lock could not be had
 */
export async function applyMigrations(admin: AdminDatabase, input: ApplyInput): Promise<ApplyReceipt> {
  const migrations = input.migrations.filter(({ number }) => number <= (input.upTo ?? Infinity));
  const applied: { readonly set: string; readonly number: number }[] = [];
  for (let attempt = 1; ;) {
    const pending = toPending(input.schema, migrations, await readApplied(admin, input.schema));
    const batch = firstBatch(pending);
    if (batch.length === 0) return { schema: input.schema, applied };
    await installExtensions(admin, batch);
    const outcome = await runScript(admin, input, batch);
    if (outcome === 'applied') {
      applied.push(...batch.map(({ set, number }) => ({ set, number })));
      if (batch.length === pending.length) return { schema: input.schema, applied };
    }
    if (outcome !== 'locked') continue;
    if (attempt >= attempts) throw lockNotHad(input.schema);
    await sleep(retryDelayMs(attempt));
    attempt += 1;
  }
}

/** As many as may be applied in one transaction. */
function firstBatch(pending: readonly CompiledMigration[]): readonly CompiledMigration[] {
  const end = pending.findIndex(({ ownTransaction }) => ownTransaction);
  return end < 0 ? pending : pending.slice(0, end + 1);
}

type Outcome = 'applied' | 'overtaken' | 'locked';

async function runScript(
  admin: AdminDatabase,
  container: Container,
  pending: readonly CompiledMigration[],
): Promise<Outcome> {
  try {
    await admin.script(toScript(container, pending));
    return 'applied';
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    // Another node wrote the same line first; the transaction that would have repeated its work is gone.
    if (error.sqlState === '23505' && error.constraint === 'migration_pkey') return 'overtaken';
    if (error.sqlState === '55P03' || error.sqlState === '40P01') return 'locked';
    throw await explainFailure(admin, { container, pending, error });
  }
}

async function installExtensions(admin: AdminDatabase, pending: readonly CompiledMigration[]): Promise<void> {
  const names = [...new Set(pending.flatMap(({ extensions }) => extensions))];
  if (names.length === 0) return;
  await admin.script(
    [
      // Two nodes that create the same extension would fail on each other.
      `select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('bulkhead.extensions', 0))`,
      createExtensionSchema,
      `grant usage on schema ${extensionSchema} to public`,
      ...names.map(toExtensionSql),
    ].join(';\n'),
  );
}

function retryDelayMs(attempt: number): number {
  return Math.min(1_500, 50 * 2 ** attempt) * (0.5 + Math.random() / 2);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function lockNotHad(schema: string): BulkheadError {
  return new BulkheadError('operation_in_progress', {
    schema,
    reason: 'a lock on the tables could not be had, and the traffic was not held up for it',
    hint: 'migrate again when fewer long transactions are open',
  });
}
