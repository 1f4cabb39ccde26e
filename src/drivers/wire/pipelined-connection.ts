import { randomBytes } from 'node:crypto';
import { BatchInFlight, type BatchRequest, type ExpectedState, type SentStep } from './batch.ts';
import type { SessionState } from './scoped-steps.ts';
import { noColumns, readRow, readRowShape } from './row-shape.ts';
import { readServerError, type ServerError } from './server-error.ts';
import { StatementCache, type CachedStatement } from './statement-cache.ts';
import type { WireSocket } from './wire-socket.ts';
import { WireWriter } from './wire-writer.ts';

export interface ConnectionEvents {
  /** A batch is through; there is room for another. */
  onRoom(connection: PipelinedConnection): void;
  /** A setting that must not change has changed: whoever comes next must get another connection. */
  onDrift(connection: PipelinedConnection): void;
  /** The socket is closed; the server has, or will have, noticed. */
  onClosed(connection: PipelinedConnection): void;
}

/** Time a connection that is given up gets for an orderly end. */
const endGraceMs = 5_000;

/**
 * One server connection with a queue of batches on their way. Each ends with a Sync of its own, so the server skips
 * from an error to the end of the batch it happened in, and the next one starts clean.
 */
export class PipelinedConnection {
  readonly #socket: WireSocket;
  readonly #events: ConnectionEvents;
  readonly #statements: StatementCache;
  readonly #writer = new WireWriter();
  readonly #inFlight: BatchInFlight[] = [];
  #flushScheduled = false;
  #ending: 'no' | 'drained' | 'now' = 'no';
  #fatal: ServerError | undefined;
  #headSinceMs = 0;
  #lastServiceMs = 0;
  #idleSinceMs = performance.now();
  #hasHadGuests = false;
  /** Known to be the server itself, and not a pooler that may give each transaction another server connection. */
  isDirect = false;

  constructor(socket: WireSocket, events: ConnectionEvents, statementLimit: number) {
    this.#socket = socket;
    this.#events = events;
    this.#statements = new StatementCache(`b${randomBytes(6).toString('hex')}_`, statementLimit);
    socket.listen(
      (type, bytes, start, end) => this.#dispatch(type, bytes, start, end),
      () => this.#closed(),
    );
  }

  get processId(): number {
    return this.#socket.processId;
  }

  /** Settings of the session. Those of a pooler's connection are whatever its last client left. */
  get session(): SessionState {
    return this.isDirect && !this.#hasHadGuests ? 'as_opened' : 'unknown';
  }

  /** From here on it may hold what a statement not of our making has set. */
  receivesGuest(): void {
    this.#hasHadGuests = true;
  }

  get depth(): number {
    return this.#inFlight.length;
  }

  get isUsable(): boolean {
    return this.#ending === 'no' && !this.#socket.isClosed;
  }

  /** How long the server took over the batch that is being settled. */
  get lastServiceMs(): number {
    return this.#lastServiceMs;
  }

  /** How long the oldest batch has been the server's to work on; 0 when there is none. */
  headAgeMs(nowMs: number): number {
    return this.#inFlight.length === 0 ? 0 : nowMs - this.#headSinceMs;
  }

  idleForMs(nowMs: number): number {
    return this.#inFlight.length === 0 ? nowMs - this.#idleSinceMs : 0;
  }

  /** Sends a batch behind those in flight. It settles once, whatever happens. */
  submit(request: BatchRequest): void {
    if (!this.isUsable) return request.settle({ kind: 'lost', error: this.#fatal });
    const sent = this.#write(request);
    if (this.#inFlight.length === 0) this.#headSinceMs = performance.now();
    this.#inFlight.push(new BatchInFlight(request, sent));
    this.#scheduleFlush();
  }

  /** Statements that need no parameters, in the simple protocol. */
  submitScript(text: string, request: Pick<BatchRequest, 'expects' | 'settle' | 'timeoutMs'>): void {
    if (!this.isUsable) return request.settle({ kind: 'lost', error: this.#fatal });
    this.#writer.simpleQuery(text);
    if (this.#inFlight.length === 0) this.#headSinceMs = performance.now();
    this.#inFlight.push(new BatchInFlight({ ...request, steps: [], naming: 'unnamed', maxRows: 0 }, []));
    this.#scheduleFlush();
  }

  /** The next batch parses the statement anew. */
  forget(domain: string, text: string): void {
    const name = this.#statements.drop(domain, text);
    if (name !== undefined && this.isUsable) this.#writer.closeStatement(name);
  }

  forgetAll(): void {
    this.#statements.clear();
  }

  /** Takes no more batches, and ends when those in flight are through. */
  retire(): void {
    if (this.#ending !== 'no') return;
    this.#ending = 'drained';
    if (this.#inFlight.length === 0) this.#end();
  }

  /**
   * Fails what is in flight and closes. The server is told to stop too, and the socket stays open until it has:
   * a connection that counts as closed here while its statement runs on there would break the ceiling.
   */
  abandon(): void {
    if (this.#ending === 'now') return;
    const wasWorking = this.#inFlight.length > 0;
    this.#end();
    if (wasWorking) this.#socket.cancel();
    this.#loseAll();
  }

  #end(): void {
    this.#ending = 'now';
    if (!this.#writer.isEmpty) this.#socket.write(this.#writer.take(), 0);
    this.#socket.end();
    const force = setTimeout(() => this.#socket.destroy(), endGraceMs);
    force.unref();
  }

  #write(request: BatchRequest): SentStep[] {
    const { steps, naming, maxRows } = request;
    for (const name of this.#statements.evict()) this.#writer.closeStatement(name);
    const sent = steps.map(({ text, domain, values }, index) => {
      const isLast = index === steps.length - 1;
      const statement = naming === 'named' ? this.#named(domain, text) : undefined;
      const parses = statement === undefined || statement.state === 'new';
      if (parses) this.#parse(statement, text);
      this.#writer.bind(statement?.name ?? '', values);
      if (isLast && statement?.shape === undefined) this.#writer.describePortal();
      this.#writer.execute(isLast && maxRows > 0 ? maxRows : 0);
      return { statement, parses };
    });
    this.#writer.sync();
    return sent;
  }

  /** The named statement, unless its first Parse is still on its way and might yet fail. */
  #named(domain: string, text: string): CachedStatement | undefined {
    const statement = this.#statements.get(domain, text);
    return statement.state === 'parsing' ? undefined : statement;
  }

  #parse(statement: CachedStatement | undefined, text: string): void {
    this.#writer.parse(statement?.name ?? '', text);
    if (statement !== undefined) statement.state = 'parsing';
  }

  /** Batches of one turn of the event loop leave in one write. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(() => {
      this.#flushScheduled = false;
      if (this.#writer.isEmpty || this.#ending === 'now') return;
      const timeoutMs = this.#inFlight.at(-1)?.request.timeoutMs ?? 0;
      this.#socket.write(this.#writer.take(), timeoutMs);
    });
  }

  #dispatch(type: number, bytes: Buffer, start: number, end: number): void {
    const head = this.#inFlight[0];
    switch (type) {
      case 0x44: {
        // D, DataRow
        const shape = head?.wantedRow();
        if (shape !== undefined) head?.addRow(readRow(shape, bytes, start));
        return;
      }
      case 0x43: // C, CommandComplete
        return head?.completed(bytes.toString('latin1', start, end - 1));
      case 0x5a: // Z, ReadyForQuery
        return this.#ready(bytes[start] ?? 0);
      case 0x45: // E, ErrorResponse
        return this.#failed(readServerError(bytes, start));
      case 0x53: // S, ParameterStatus
        if (isDrift(bytes.toString('latin1', start, end - 1))) this.#events.onDrift(this);
        return undefined;
      case 0x31: // 1, ParseComplete
        return head?.parsed();
      case 0x54: // T, RowDescription
        return head?.described(readRowShape(bytes, start));
      case 0x6e: // n, NoData
        return head?.described(noColumns);
      case 0x73: // s, PortalSuspended
        return head?.suspended();
      case 0x49: // I, EmptyQueryResponse
        return head?.completed('');
      case 0x48: // H, CopyOutResponse: its data is skipped
        return head?.copyRefused();
      case 0x47: // G, CopyInResponse: the server waits for data, and so would everybody behind
        head?.copyRefused();
        return this.abandon();
      default: // BindComplete, CloseComplete, notices, notifications, copy data
        return undefined;
    }
  }

  #ready(status: number): void {
    const batch = this.#inFlight.shift();
    if (batch === undefined) return;
    const nowMs = performance.now();
    this.#lastServiceMs = nowMs - this.#headSinceMs;
    this.#headSinceMs = nowMs;
    if (this.#inFlight.length === 0) this.#idleSinceMs = this.#headSinceMs;
    if (!batch.finish(stateOf(status))) return this.abandon();
    if (this.#ending === 'no') this.#events.onRoom(this);
    else if (this.#ending === 'drained' && this.#inFlight.length === 0) this.#end();
  }

  #failed(error: ServerError): void {
    if (error.severity !== 'ERROR') this.#fatal = error;
    else this.#inFlight[0]?.failed(error);
  }

  #closed(): void {
    this.#ending = 'now';
    this.#loseAll();
    this.#events.onClosed(this);
  }

  #loseAll(): void {
    for (const batch of this.#inFlight.splice(0)) batch.lose(this.#fatal);
  }
}

/**
 * Settings that values are read and written by, and who the session is. The server reports them when a batch is over
 * and they are not what they were; nothing of ours changes them.
 */
function isDrift(status: string): boolean {
  const [name = '', value = ''] = status.split('\0');
  if (name === 'is_superuser' || name === 'session_authorization') return true;
  const expected = expectedSettings.get(name);
  return expected !== undefined && !value.startsWith(expected);
}

const expectedSettings: ReadonlyMap<string, string> = new Map([
  ['client_encoding', 'UTF8'],
  ['DateStyle', 'ISO'],
  ['IntervalStyle', 'postgres'],
  ['standard_conforming_strings', 'on'],
]);

function stateOf(status: number): ExpectedState | 'failed_transaction' {
  if (status === 0x49) return 'idle';
  return status === 0x54 ? 'in_transaction' : 'failed_transaction';
}
