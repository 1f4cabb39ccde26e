import { BulkheadError } from '../../core/errors.ts';
import type {
  PoolStats,
  Row,
  RunOptions,
  SqlResult,
  SqlStatement,
  SqlTransaction,
  TenantDatabase,
  WallContext,
} from '../sql.ts';
import { StatementKinds } from '../data-statement.ts';
import { lease } from './lease.ts';
import { onAbort } from './on-abort.ts';
import type { Pool } from './pool.ts';
import type { ScopedSteps } from './scoped-steps.ts';
import { SingleRun } from './single-run.ts';
import { TenantTransaction } from './transaction.ts';

export class WireTenantDatabase implements TenantDatabase {
  readonly #pool: Pool;
  readonly #steps: ScopedSteps;
  readonly #kinds = new StatementKinds();

  constructor(pool: Pool, steps: ScopedSteps) {
    this.#pool = pool;
    this.#steps = steps;
  }

  async run<R extends Row = Row>(
    context: WallContext,
    statement: SqlStatement,
    options: RunOptions = {},
  ): Promise<SqlResult<R>> {
    return new SingleRun(this.#pool, this.#steps, {
      context,
      statement,
      options,
      traits: this.#kinds.of(statement.text),
    }).result<R>(options.signal);
  }

  async transaction<T>(
    context: WallContext,
    body: (tx: SqlTransaction) => Promise<T>,
    options: RunOptions = {},
  ): Promise<T> {
    await using leased = await lease(this.#pool, context.tenantId, options.signal);
    const tx = new TenantTransaction(leased.connection, this.#steps, { context, naming: this.#pool.naming });
    const stopListening =
      options.signal === undefined ? undefined : onAbort(options.signal, () => tx.abort());
    try {
      const result = await body(tx);
      await tx.commit();
      return result;
    } catch (cause) {
      await tx.rollback();
      throw options.signal?.aborted === true ? new BulkheadError('aborted', {}, { cause }) : cause;
    } finally {
      stopListening?.();
    }
  }

  stats(): PoolStats {
    return this.#pool.stats();
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
