import type { Row, SqlResult } from '../sql.ts';
import type { ServerError } from './server-error.ts';
import { noColumns, type RowShape } from './row-shape.ts';
import type { CachedStatement } from './statement-cache.ts';
import type { WireValue } from './wire-writer.ts';

export interface Step {
  readonly text: string;
  /** Role and search path it is parsed under; '' where it depends on neither. See StatementCache. */
  readonly domain: string;
  readonly values: readonly WireValue[];
}

/** How the server must say it is once the batch is through: outside any transaction, or inside ours. */
export type ExpectedState = 'idle' | 'in_transaction';

/** What came of a batch. `lost`: the connection went away first, so nobody knows what the server did. */
export type BatchOutcome =
  | { readonly kind: 'done'; readonly result: SqlResult; readonly tag: string }
  | { readonly kind: 'refused'; readonly error: ServerError }
  | { readonly kind: 'row_cap_exceeded' }
  | { readonly kind: 'copy_refused' }
  | { readonly kind: 'state_left_open' }
  | { readonly kind: 'lost'; readonly error: ServerError | undefined };

/**
 * Statements that travel together and end with one Sync: one round trip and, outside a transaction, one transaction.
 * Only the rows of the last step are kept.
 */
export interface BatchRequest {
  readonly steps: readonly Step[];
  /** 0 = no cap. */
  readonly maxRows: number;
  readonly expects: ExpectedState;
  /** How long a server without a statement timeout of its own may take; 0 = no bound. */
  readonly timeoutMs: number;
  /** `unnamed`: parse each time, because a pooler may give the next batch another server connection. */
  readonly naming: 'named' | 'unnamed';
  readonly settle: (outcome: BatchOutcome) => void;
}

/** What was written of one step, and so what the server will answer. */
export interface SentStep {
  readonly statement: CachedStatement | undefined;
  readonly parses: boolean;
}

/** A batch on its way: takes in the server's messages until ReadyForQuery. */
export class BatchInFlight {
  readonly request: BatchRequest;
  readonly #sent: readonly SentStep[];
  #step = 0;
  #shape: RowShape | undefined;
  #rows: Row[] = [];
  #tag = '';
  #problem: BatchOutcome | undefined;

  constructor(request: BatchRequest, sent: readonly SentStep[]) {
    this.request = request;
    this.#sent = sent;
    this.#shape = sent.at(-1)?.statement?.shape;
  }

  parsed(): void {
    const statement = this.#sent[this.#step]?.statement;
    if (statement !== undefined) statement.state = 'ready';
  }

  described(shape: RowShape): void {
    const statement = this.#sent[this.#step]?.statement;
    if (statement !== undefined) statement.shape = shape;
    if (this.#isLast()) this.#shape = shape;
  }

  /** The shape to read a row by; undefined where the row is not wanted. */
  wantedRow(): RowShape | undefined {
    if (!this.#isLast() || this.#problem !== undefined) return undefined;
    return this.#shape ?? noColumns;
  }

  addRow(row: Row): void {
    this.#rows.push(row);
  }

  completed(tag: string): void {
    if (this.#isLast()) this.#tag = tag;
    this.#step += 1;
  }

  /** The server stopped at the row we said: there are more than the caller wants. */
  suspended(): void {
    this.#problem ??= { kind: 'row_cap_exceeded' };
    this.#rows = [];
    this.#step += 1;
  }

  failed(error: ServerError): void {
    this.#problem = { kind: 'refused', error };
  }

  copyRefused(): void {
    this.#problem ??= { kind: 'copy_refused' };
  }

  /** ReadyForQuery. @returns whether the connection may go on. */
  finish(state: ExpectedState | 'failed_transaction'): boolean {
    for (const { parses, statement } of this.#sent)
      if (parses && statement?.state === 'parsing') statement.state = 'new';
    const asExpected =
      state === this.request.expects ||
      (state === 'failed_transaction' && this.request.expects === 'in_transaction');
    this.request.settle(asExpected ? this.#outcome() : (this.#problem ?? { kind: 'state_left_open' }));
    return asExpected;
  }

  lose(error: ServerError | undefined): void {
    this.request.settle({ kind: 'lost', error });
  }

  #outcome(): BatchOutcome {
    if (this.#problem !== undefined) return this.#problem;
    const rows = this.#rows;
    return {
      kind: 'done',
      tag: this.#tag,
      result: { rows, rowCount: touchedRows(this.#tag) ?? rows.length },
    };
  }

  #isLast(): boolean {
    return this.#step === this.#sent.length - 1;
  }
}

/** The number at the end of a command tag: `SELECT 3`, `INSERT 0 3`. */
function touchedRows(tag: string): number | undefined {
  const last = tag.charCodeAt(tag.length - 1);
  return last >= 48 && last <= 57 ? Number(tag.slice(tag.lastIndexOf(' ') + 1)) : undefined;
}
