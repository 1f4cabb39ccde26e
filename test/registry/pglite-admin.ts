/** PGlite as an AdminDatabase, for these tests. */
import { PGlite, type PGliteInterface, type Transaction } from '@electric-sql/pglite';
import {
  SqlError,
  type AdminDatabase,
  type AdminTransaction,
  type Row,
  type SqlResult,
} from '../../src/drivers/sql.ts';

export async function openPgliteAdmin(): Promise<AdminDatabase> {
  const db = await PGlite.create();
  return {
    dialect: 'pglite',
    ...session(db),
    transaction: (body) => db.transaction((tx) => body(session(tx))),
    close: () => db.close(),
  };
}

function session(on: PGliteInterface | Transaction): AdminTransaction {
  return {
    async query<R extends Row>(text: string, values: readonly unknown[] = []): Promise<SqlResult<R>> {
      const result = await on.query<R>(text, [...values]).catch(toSqlError);
      return { rows: result.rows, rowCount: Math.max(result.rows.length, result.affectedRows ?? 0) };
    },
    async script(text: string): Promise<void> {
      await on.exec(text).catch(toSqlError);
    },
  };
}

function toSqlError(cause: unknown): never {
  const { code, message, constraint } = cause as { code?: string; message: string; constraint?: string };
  if (code === undefined) throw cause;
  throw new SqlError({ sqlState: code, message, constraint });
}
