import { BulkheadError } from '../../core/errors.ts';
import {
  SqlError,
  type Row,
  type RunOptions,
  type SqlResult,
  type SqlStatement,
  type SqlTransaction,
  type WallContext,
} from '../sql.ts';
import { kindOfStatement } from '../data-statement.ts';
import type { BatchOutcome, BatchRequest, Step } from './batch.ts';
import { onAbort } from './on-abort.ts';
import type { PipelinedConnection } from './pipelined-connection.ts';
import {
  assertAllowed,
  domainOf,
  isDataTag,
  preparedRefusal,
  toOutcomeError,
  toStep,
} from './scoped-batch.ts';
import { commit, rollback, type ScopedSteps } from './scoped-steps.ts';

/**
 * A transaction on a leased connection. BEGIN and the context travel with the first statement, so that one of a single
 * statement costs two round trips.
 */
export class TenantTransaction implements SqlTransaction {
  readonly #connection: PipelinedConnection;
  readonly #surround: ScopedSteps;
  readonly #context: WallContext;
  readonly #domain: string;
  readonly #naming: BatchRequest['naming'];
  #opening: Promise<unknown> | undefined;
  #state: 'fresh' | 'open' | 'over' = 'fresh';
  #aborted = false;
  #leavesTraces = false;

  constructor(
    connection: PipelinedConnection,
    surround: ScopedSteps,
    { context, naming }: { readonly context: WallContext; readonly naming: BatchRequest['naming'] },
  ) {
    this.#connection = connection;
    this.#surround = surround;
    this.#context = context;
    this.#domain = domainOf(context);
    // A pooler keeps one server connection for the transaction, but not the names of the one before.
    this.#naming = connection.isDirect ? naming : 'unnamed';
  }

  /** @throws what the statement is refused with; `aborted` once the transaction was aborted. */
  async run<R extends Row = Row>(statement: SqlStatement, options: RunOptions = {}): Promise<SqlResult<R>> {
    assertAllowed(this.#surround, kindOfStatement(statement.text));
    const step = toStep(statement, this.#domain);
    this.#assertOpen();
    const stopListening =
      options.signal === undefined ? undefined : onAbort(options.signal, () => this.abort());
    try {
      return (await this.#send(step, options.maxRows ?? 0)) as SqlResult<R>;
    } finally {
      stopListening?.();
    }
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.#aborted = true;
    this.#connection.abandon();
  }

  /** @throws where the transaction did not commit, or nobody can know. */
  async commit(): Promise<void> {
    this.#assertOpen();
    if (this.#state === 'fresh') return this.#over();
    const outcome = await this.#submit([commit], { maxRows: 0, expects: 'idle' });
    this.#over();
    if (outcome.kind !== 'done') throw this.#toError(outcome, 0);
    // A COMMIT of a failed transaction is answered with ROLLBACK, and no error.
    if (outcome.tag === 'ROLLBACK')
      throw new SqlError({
        sqlState: '25P02',
        message: 'rolled back, because a statement of the transaction had failed',
      });
  }

  /** Never throws: a connection that cannot even roll back is closed, which does. */
  async rollback(): Promise<void> {
    const wasOpen = this.#state === 'open';
    this.#state = 'over';
    if (!wasOpen) return;
    const outcome = await this.#submit([rollback], { maxRows: 0, expects: 'idle' });
    if (outcome.kind !== 'done') this.#connection.abandon();
    this.#over();
  }

  async #send(step: Step, maxRows: number): Promise<SqlResult> {
    if (this.#opening === undefined) {
      const first = this.#open(step, maxRows);
      this.#opening = first;
      return first;
    }
    // Whatever became of the first statement: behind it BEGIN and context are in force, or the transaction has failed.
    await this.#opening.catch(() => undefined);
    this.#assertOpen();
    const steps = this.#surround.following(this.#context, step);
    return this.#take(await this.#submit(steps, { maxRows, expects: 'in_transaction' }), maxRows);
  }

  async #open(step: Step, maxRows: number): Promise<SqlResult> {
    this.#state = 'open';
    const steps = this.#surround.opening(this.#context, step);
    const outcome = await this.#submit(steps, { maxRows, expects: 'in_transaction' });
    const refusal = outcome.kind === 'refused' ? preparedRefusal(outcome.error) : undefined;
    if (refusal === undefined || this.#naming === 'unnamed') return this.#take(outcome, maxRows);
    // Nothing was done yet, and the caller has seen nothing: begin again.
    this.#connection.forgetAll();
    await this.#submit([rollback], { maxRows: 0, expects: 'idle' });
    return this.#take(await this.#submit(steps, { maxRows, expects: 'in_transaction' }), maxRows);
  }

  #submit(
    steps: readonly Step[],
    { maxRows, expects }: Pick<BatchRequest, 'maxRows' | 'expects'>,
  ): Promise<BatchOutcome> {
    const naming = this.#naming;
    return new Promise((settle) => {
      this.#connection.submit({
        steps,
        maxRows: maxRows > 0 ? maxRows + 1 : 0,
        expects,
        timeoutMs: this.#surround.timeoutMs(this.#context),
        naming,
        settle,
      });
    });
  }

  #take(outcome: BatchOutcome, maxRows: number): SqlResult {
    if (outcome.kind !== 'done') throw this.#toError(outcome, maxRows);
    if (!isDataTag(outcome.tag)) this.#leavesTraces = true;
    return outcome.result;
  }

  #toError(outcome: Exclude<BatchOutcome, { kind: 'done' }>, maxRows: number): Error {
    return this.#aborted ? new BulkheadError('aborted') : toOutcomeError(outcome, maxRows);
  }

  #assertOpen(): void {
    if (this.#aborted) throw new BulkheadError('aborted');
    if (this.#state === 'over')
      throw new BulkheadError('request_invalid', { reason: 'the transaction is over' });
  }

  #over(): void {
    this.#state = 'over';
    // SET, PREPARE, LISTEN, DDL: rather a new connection than one that somebody else's statement depends on.
    if (this.#leavesTraces) this.#connection.retire();
  }
}
