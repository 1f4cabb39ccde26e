import { DatabaseSync } from 'node:sqlite';
import type { Paragraph } from './corpus.ts';

/**
 * The wrong way: one table for everybody, and a filter that each query must remember. Built so on purpose, in memory,
 * next to Bulkhead and never in it.
 */
export interface Toy extends Disposable {
  /** Names of the tenants whose rows the query shows, one a row. */
  list(filter: ToyFilter): readonly string[];
  /** Ids of the paragraphs that match best. */
  search(words: readonly string[], filter: ToyFilter): readonly string[];
}

export type ToyFilter = { readonly tenant: string } | 'forgotten';

export const bestMatches = 5;

export function openToy(paragraphs: readonly Paragraph[]): Toy {
  const database = new DatabaseSync(':memory:');
  database.exec(
    `create virtual table document using fts5 (id unindexed, tenant unindexed, text, tokenize = 'porter')`,
  );
  const insert = database.prepare('insert into document (id, tenant, text) values (?, ?, ?)');
  for (const { id, tenant, text } of paragraphs) insert.run(id, tenant, text);
  const all = database.prepare('select tenant from document');
  const own = database.prepare('select tenant from document where tenant = ?');
  const searchAll = database.prepare(
    `select id from document where document match ? order by rank limit ${bestMatches}`,
  );
  const searchOwn = database.prepare(
    `select id from document where document match ? and tenant = ? order by rank limit ${bestMatches}`,
  );
  return {
    list: (filter) =>
      (filter === 'forgotten' ? all.all() : own.all(filter.tenant)).map(({ tenant }) => String(tenant)),
    search(words, filter) {
      const query = words.map((word) => `"${word}"`).join(' OR ');
      const rows = filter === 'forgotten' ? searchAll.all(query) : searchOwn.all(query, filter.tenant);
      return rows.map(({ id }) => String(id));
    },
    [Symbol.dispose]: () => database.close(),
  };
}
