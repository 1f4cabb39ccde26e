import { randomBytes } from 'node:crypto';
import { openPglite } from '../../../src/drivers/pglite/database.ts';
import { openPostgresAdmin } from '../../../src/drivers/postgres/open.ts';
import type { AdminDatabase, AdminTransaction } from '../../../src/drivers/sql.ts';

export interface ScratchDatabase extends AsyncDisposable {
  readonly db: AdminDatabase;
  /** For names of roles, which belong to a whole server. */
  readonly prefix: string;
}

export async function openEmbedded(): Promise<ScratchDatabase> {
  const database = await openPglite({ store: 'memory' });
  return { db: database.admin, prefix: 'proof', [Symbol.asyncDispose]: () => database.close() };
}

/** A database of its own on a real server; it and the roles with its prefix are removed afterwards. */
export async function openOnServer(url: string): Promise<ScratchDatabase> {
  const prefix = `proof_${randomBytes(5).toString('hex')}`;
  const server = openPostgresAdmin({ url, applicationName: 'bulkhead-test' });
  await server.script(`create database ${prefix}`);
  const own = new URL(url);
  own.pathname = `/${prefix}`;
  const db = openPostgresAdmin({ url: own.href, applicationName: 'bulkhead-test' });
  return {
    db,
    prefix,
    [Symbol.asyncDispose]: async () => {
      await db.close();
      await server.script(`drop database ${prefix} with (force)`);
      const { rows } = await server.query<{ name: string }>(
        `select quote_ident(rolname) as name from pg_roles where starts_with(rolname, $1)`,
        [`${prefix}_`],
      );
      for (const { name } of rows) await server.script(`drop role ${name}`);
      await server.close();
    },
  };
}

/** Runs `body` in a transaction that is rolled back, whatever it returns. */
export async function undone<T>(db: AdminDatabase, body: (tx: AdminTransaction) => Promise<T>): Promise<T> {
  const outcome: { value?: T } = {};
  const undo = new Error('undo');
  try {
    await db.transaction(async (tx) => {
      outcome.value = await body(tx);
      throw undo;
    });
  } catch (cause) {
    if (cause !== undo) throw cause;
  }
  return outcome.value as T;
}
