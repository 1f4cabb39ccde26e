import { BulkheadError } from '../../core/errors.ts';
import type { Row, RunOptions, SqlResult, SqlStatement, WallContext } from '../sql.ts';
import type { StatementTraits } from '../data-statement.ts';
import type { BatchOutcome, Step } from './batch.ts';
import { onAbort } from './on-abort.ts';
import type { PipelinedConnection } from './pipelined-connection.ts';
import type { Pool } from './pool.ts';
import {
  assertAllowed,
  domainOf,
  isDataTag,
  preparedRefusal,
  toOutcomeError,
  toStep,
} from './scoped-batch.ts';
import type { ScopedSteps } from './scoped-steps.ts';
import type { Turn } from './turn.ts';

/** One statement in its tenant's context: waits for its turn, travels, and settles its caller's promise once. */
export class SingleRun implements Turn {
  readonly tenantId: string;
  readonly lane: Turn['lane'];
  readonly effect: Turn['effect'];
  readonly #pool: Pool;
  readonly #surround: ScopedSteps;
  readonly #context: WallContext;
  readonly #step: Step;
  readonly #domain: string;
  readonly #maxRows: number;
  readonly #timeoutMs: number;
  #connection: PipelinedConnection | undefined;
  #naming: 'named' | 'unnamed';
  #settled = false;
  #stopListening: () => void = nothing;
  #resolve: (result: SqlResult) => void = nothing;
  #reject: (error: unknown) => void = nothing;

  /** @throws value_invalid */
  constructor(pool: Pool, surround: ScopedSteps, request: RunRequest) {
    const { context, statement, options, traits } = request;
    const { kind } = traits;
    assertAllowed(surround, kind);
    this.tenantId = context.tenantId;
    // What is not plain work on rows may leave something behind, so nobody's batch may be on its way behind it.
    this.lane = kind === 'other' || traits.setsSettings ? 'alone' : (options.lane ?? 'shared');
    this.effect = kind === 'reads' ? 'reads' : 'writes';
    this.#pool = pool;
    this.#domain = domainOf(context);
    this.#surround = surround;
    this.#context = context;
    this.#step = toStep(statement, this.#domain);
    this.#timeoutMs = surround.timeoutMs(context);
    this.#maxRows = options.maxRows ?? 0;
    this.#naming = pool.naming;
  }

  result<R extends Row>(signal: AbortSignal | undefined): Promise<SqlResult<R>> {
    return new Promise<SqlResult>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (signal !== undefined) this.#stopListening = onAbort(signal, () => this.#abort());
      if (!this.#settled) this.#pool.take(this);
    }) as Promise<SqlResult<R>>;
  }

  start(connection: PipelinedConnection): void {
    this.#connection = connection;
    connection.submit({
      steps: this.#surround.single(this.#context, this.#step, connection.session),
      // One more than wanted, so that the server stops there and says so.
      maxRows: this.#maxRows > 0 ? this.#maxRows + 1 : 0,
      expects: 'idle',
      timeoutMs: this.#timeoutMs,
      naming: this.#naming,
      settle: (outcome) => this.#arrived(connection, outcome),
    });
  }

  refuse(error: BulkheadError): void {
    this.#settle(() => this.#reject(error));
  }

  #arrived(connection: PipelinedConnection, outcome: BatchOutcome): void {
    if (outcome.kind === 'refused' && this.#isRetried(connection, outcome)) return this.start(connection);
    if (this.effect === 'writes') this.#pool.wrote(connection.lastServiceMs);
    if (this.lane === 'alone') {
      if (outcome.kind === 'done' && !isDataTag(outcome.tag)) connection.retire();
      this.#pool.giveBack(connection);
    }
    if (outcome.kind === 'done') this.#settle(() => this.#resolve(outcome.result));
    else this.#settle(() => this.#reject(toOutcomeError(outcome, this.#maxRows)));
  }

  /** Once, unnamed: the refused batch was rolled back whole, so nothing is done twice. */
  #isRetried(connection: PipelinedConnection, { error }: BatchOutcome & { kind: 'refused' }): boolean {
    const refusal = this.#naming === 'named' ? preparedRefusal(error) : undefined;
    if (refusal === undefined || this.#settled || !connection.isUsable) return false;
    if (refusal === 'outdated') connection.forget(this.#domain, this.#step.text);
    else this.#pool.namesUnknownTo(connection);
    this.#naming = 'unnamed';
    return true;
  }

  #abort(): void {
    this.#pool.withdraw(this);
    this.#settle(() => this.#reject(new BulkheadError('aborted')));
    // On a shared connection others are behind it: its statement timeout bounds it, and its rows are dropped.
    if (this.lane === 'alone') this.#connection?.abandon();
  }

  #settle(answer: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#stopListening();
    answer();
  }
}

export interface RunRequest {
  readonly context: WallContext;
  readonly statement: SqlStatement;
  readonly options: RunOptions;
  readonly traits: StatementTraits;
}

function nothing(): void {
  // Replaced where there is something to do.
}
