import { SqlError, type AdminDatabase, type AdminTransaction, type Row, type SqlResult } from '../sql.ts';
import { kindOfStatement } from '../data-statement.ts';
import type { BatchOutcome, BatchRequest } from './batch.ts';
import { lease } from './lease.ts';
import type { PipelinedConnection } from './pipelined-connection.ts';
import type { Pool } from './pool.ts';
import { preparedRefusal, toOutcomeError, toStep } from './scoped-batch.ts';
import { commit, rollback } from './scoped-steps.ts';

/** The owner's statements wait in one line. */
const owner = 'owner';
const tidyUp = 'reset session authorization; reset all';

export class WireAdminDatabase implements AdminDatabase {
  readonly dialect: AdminDatabase['dialect'];
  readonly #pool: Pool;

  constructor(dialect: AdminDatabase['dialect'], pool: Pool) {
    this.dialect = dialect;
    this.#pool = pool;
  }

  async query<R extends Row = Row>(text: string, values: readonly unknown[] = []): Promise<SqlResult<R>> {
    await using leased = await lease(this.#pool, owner, undefined);
    const session = new OwnerSession(leased.connection, this.#pool.naming);
    return session.query<R>(text, values, 'idle');
  }

  async script(text: string, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await using leased = await lease(this.#pool, owner, undefined);
    const session = new OwnerSession(leased.connection, this.#pool.naming);
    try {
      // Apart from the script, because some statements must be alone in theirs.
      for (const [name, value] of Object.entries(settings))
        await session.script(`set ${name} = '${value.replaceAll("'", "''")}'`, 'idle');
      await session.script(text, 'idle');
    } finally {
      session.tidyUp();
    }
  }

  async transaction<T>(body: (tx: AdminTransaction) => Promise<T>): Promise<T> {
    await using leased = await lease(this.#pool, owner, undefined);
    const session = new OwnerSession(leased.connection, 'unnamed');
    await session.script('begin', 'in_transaction');
    try {
      const result = await body({
        query: (text, values = []) => session.query(text, values, 'in_transaction'),
        script: (text) => session.script(text, 'in_transaction'),
      });
      await session.end('commit');
      return result;
    } catch (cause) {
      await session.end('rollback');
      throw cause;
    } finally {
      session.tidyUp();
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** One leased connection, used as the owner. */
class OwnerSession {
  readonly #connection: PipelinedConnection;
  readonly #naming: BatchRequest['naming'];
  #isOver = false;

  constructor(connection: PipelinedConnection, naming: BatchRequest['naming']) {
    this.#connection = connection;
    this.#naming = connection.isDirect ? naming : 'unnamed';
  }

  async query<R extends Row>(
    text: string,
    values: readonly unknown[],
    expects: BatchRequest['expects'],
  ): Promise<SqlResult<R>> {
    this.#assertOpen();
    const step = toStep({ text, values }, '');
    const naming = kindOfStatement(text) === 'other' ? 'unnamed' : this.#naming;
    let outcome = await this.#submit({ steps: [step], naming, expects });
    const refusal =
      outcome.kind === 'refused' && expects === 'idle' ? preparedRefusal(outcome.error) : undefined;
    if (refusal !== undefined && naming === 'named') {
      this.#connection.forgetAll();
      outcome = await this.#submit({ steps: [step], naming: 'unnamed', expects });
    }
    return takeResult(outcome) as SqlResult<R>;
  }

  async script(text: string, expects: BatchRequest['expects']): Promise<void> {
    this.#assertOpen();
    takeResult(
      await new Promise<BatchOutcome>((settle) =>
        this.#connection.submitScript(text, { expects, timeoutMs: 0, settle }),
      ),
    );
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const step = how === 'commit' ? commit : rollback;
    const outcome = await this.#submit({ steps: [step], naming: 'unnamed', expects: 'idle' });
    if (outcome.kind !== 'done') this.#connection.abandon();
    if (how === 'rollback') return;
    if (takeTag(outcome) === 'ROLLBACK')
      throw new SqlError({
        sqlState: '25P02',
        message: 'rolled back, because a statement of the transaction had failed',
      });
  }

  /** What a script or transaction has set must not reach the next one. */
  tidyUp(): void {
    this.#isOver = true;
    this.#connection.submitScript(tidyUp, {
      expects: 'idle',
      timeoutMs: 0,
      settle: (outcome) => {
        if (outcome.kind !== 'done') this.#connection.retire();
      },
    });
  }

  #submit(request: Omit<BatchRequest, 'maxRows' | 'settle' | 'timeoutMs'>): Promise<BatchOutcome> {
    return new Promise((settle) => this.#connection.submit({ ...request, maxRows: 0, timeoutMs: 0, settle }));
  }

  #assertOpen(): void {
    if (this.#isOver) throw new SqlError({ sqlState: '25P01', message: 'the transaction is over' });
  }
}

function takeResult(outcome: BatchOutcome): SqlResult {
  if (outcome.kind === 'done') return outcome.result;
  throw toOutcomeError(outcome, 0);
}

function takeTag(outcome: BatchOutcome): string {
  if (outcome.kind === 'done') return outcome.tag;
  throw toOutcomeError(outcome, 0);
}
