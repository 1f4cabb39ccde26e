import { BulkheadError } from '../../../core/errors.ts';
import { quote } from '../filter.ts';
import type { Table } from '../tables.ts';
import { asMover, type MoveEnd } from './end.ts';
import { addHashes, toBoundSql, toHashSql } from './row-sql.ts';

/** A stretch of a table in the order of its keys; undefined = from the beginning, to the end. */
export interface KeyRange {
  readonly after: readonly string[] | undefined;
  readonly upTo: readonly string[] | undefined;
}

/**
 * Reads a stretch back from the target and compares it with what was read from the source. The stretches of a table lie
 * side by side and the last has no end, so together they leave no room for a row too many.
 */
async function assertStretch(
  to: MoveEnd,
  table: Table,
  stretch: KeyRange & { readonly count: number; readonly hash: string },
): Promise<void> {
  const { after, upTo } = stretch;
  const first = 2 + (after?.length ?? 0);
  const { rows } = await to.withAdmin((admin) =>
    asMover(admin, to, {
      as: 'reader',
      body: (tx) =>
        tx.query<{ count: number; hash: string }>(
          `select count(*)::int as count, ${toHashSql(table, 't')} as hash from ${quote(table.name)} t
             where t.tenant_id = $1${after === undefined ? '' : toBoundSql(table, '>', 2)}${upTo === undefined ? '' : toBoundSql(table, '<=', first)}`,
          [to.tenant, ...(after ?? []), ...(upTo ?? [])],
        ),
    }),
  );
  const [written] = rows;
  if (written?.count !== stretch.count || addHashes(written.hash) !== addHashes(stretch.hash))
    throw new BulkheadError('internal', {
      reason: 'the copy differs from what was read of its source',
      table: table.name,
      read: stretch.count,
      written: written?.count ?? 0,
    });
}

/** Types whose order no locale decides, so that a stretch holds the same keys on every server. */
const orderedAlike = /^(?:uuid|smallint|integer|bigint|numeric|boolean|date|timestamp|time|inet|bytea)\b/;

/** The read-back of a copy: page by page beside the next page where both ends order keys alike, else of the whole at the end. */
export class ReadBack {
  readonly #to: MoveEnd;
  readonly #table: Table;
  readonly #inPages: boolean;
  #checking: Promise<void> = Promise.resolve();
  #total = { count: 0n, hash: '0' };

  constructor(to: MoveEnd, table: Table) {
    this.#to = to;
    this.#table = table;
    this.#inPages = table.primaryKey.every((name) => orderedAlike.test(table.byName.get(name)?.type ?? ''));
  }

  get total(): { readonly count: bigint; readonly hash: string } {
    return this.#total;
  }

  /** Begins with a page that has been written. The one before must have been waited for. */
  begin(stretch: KeyRange & { readonly count: number; readonly hash: string }): void {
    this.#total = {
      count: this.#total.count + BigInt(stretch.count),
      hash: addHashes(this.#total.hash, stretch.hash),
    };
    if (!this.#inPages) return;
    this.#checking = assertStretch(this.#to, this.#table, stretch);
    // Whoever waits for it hears of its failure; nobody may be waiting yet.
    this.#checking.catch(() => undefined);
  }

  /** @throws internal where the last page differs */
  wait(): Promise<void> {
    return this.#checking;
  }

  async end(): Promise<void> {
    await this.#checking;
    if (this.#inPages) return;
    const { count, hash } = this.#total;
    await assertStretch(this.#to, this.#table, {
      after: undefined,
      upTo: undefined,
      count: Number(count),
      hash,
    });
  }
}
