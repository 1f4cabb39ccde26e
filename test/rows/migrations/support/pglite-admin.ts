import { PGlite, type Transaction } from '@electric-sql/pglite';
import { citext } from '@electric-sql/pglite/contrib/citext';
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { SqlError, type AdminDatabase, type AdminTransaction } from '../../../../src/drivers/sql.ts';

/** An embedded database of its own, as the owner sees it. */
export async function openEmbedded(): Promise<AdminDatabase> {
  const database = await PGlite.create({ extensions: { btree_gist, citext, pg_trgm } });
  return {
    ...toTransaction(database),
    dialect: 'pglite',
    transaction: (body) => database.transaction((tx) => body(toTransaction(tx))),
    close: () => database.close(),
  };
}

function toTransaction(target: Pick<Transaction, 'query' | 'exec'>): AdminTransaction {
  return {
    query: async (text, values = []) => {
      const { rows, affectedRows } = await named(target.query<never>(text, [...values]));
      return { rows, rowCount: affectedRows ?? rows.length };
    },
    script: async (text) => {
      await named(target.exec(text));
    },
  };
}

async function named<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
    const { constraint, table, column } = cause as Partial<SqlError>;
    throw new SqlError({ sqlState: String(cause.code), message: cause.message, constraint, table, column });
  }
}
