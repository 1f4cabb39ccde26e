/** The small interface over Postgres wire and embedded Postgres. Nothing above drivers/ knows which one it has. */

export type Row = Record<string, unknown>;

export interface SqlResult<R extends Row = Row> {
  readonly rows: R[];
  /** Rows returned or touched. */
  readonly rowCount: number;
}

export interface SqlStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * What one scoped statement or transaction runs under. All of it is transaction-local.
 * `role` and `searchPath` are for containers of a tenant's own; their names come from our own generator.
 */
export interface WallContext {
  readonly tenantId: string;
  /** Token that the wall function resolves to the tenant; see docs/decisions/0002. */
  readonly capability: string;
  /** `reads`: the transaction is read-only, and the capability is good for no other. */
  readonly access?: 'reads' | undefined;
  readonly role?: string | undefined;
  readonly searchPath?: string | undefined;
  /** Set only where it differs from the login's default. */
  readonly statementTimeoutMs?: number | undefined;
  readonly lockTimeoutMs?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  /** Settings of the planner or an extension that the statement wants, by name; names are constants of ours. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Refuse (row_cap_exceeded) instead of keeping more rows than this in memory. */
  readonly maxRows?: number | undefined;
  /**
   * `shared`: a short statement of our own making, may travel behind others on one connection.
   * `alone`: gets a connection of its own; needed for statements of unknown cost or origin. Default `shared`.
   */
  readonly lane?: 'shared' | 'alone' | undefined;
}

export interface SqlTransaction {
  run<R extends Row = Row>(statement: SqlStatement, options?: RunOptions): Promise<SqlResult<R>>;
}

export interface PoolStats {
  readonly open: number;
  readonly busy: number;
  readonly waiting: number;
  readonly limit: number;
  readonly saturated: boolean;
}

/** A database reached as the weak login. Every call names the tenant; there is no other way in. */
export interface TenantDatabase {
  /** Context and statement in one batch and one implicit transaction: one round trip. */
  run<R extends Row = Row>(
    context: WallContext,
    statement: SqlStatement,
    options?: RunOptions,
  ): Promise<SqlResult<R>>;
  /** BEGIN with context … COMMIT on one connection; rolled back when `body` throws. */
  transaction<T>(
    context: WallContext,
    body: (tx: SqlTransaction) => Promise<T>,
    options?: RunOptions,
  ): Promise<T>;
  stats(): PoolStats;
  close(): Promise<void>;
}

/** A database reached as the owner: control plane, DDL, proofs. Never handed to code that serves a tenant. */
export interface AdminDatabase {
  readonly dialect: 'postgres' | 'pglite';
  query<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<SqlResult<R>>;
  /**
   * Several statements in one simple query, in one transaction unless the text says otherwise. No parameters.
   * @param settings of the session, for this script alone; names are constants of ours
   */
  script(text: string, settings?: Readonly<Record<string, string>>): Promise<void>;
  transaction<T>(body: (tx: AdminTransaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface AdminTransaction {
  query<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<SqlResult<R>>;
  script(text: string): Promise<void>;
}

/** An error the database answered with, without its DETAIL and without values: those hold rows. */
export class SqlError extends Error {
  /** Five characters, see Appendix A of the PostgreSQL manual. */
  readonly sqlState: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  /** 1-based character in the statement text, where the server names one. */
  readonly position: number | undefined;

  constructor(fields: {
    sqlState: string;
    message: string;
    constraint?: string | undefined;
    table?: string | undefined;
    column?: string | undefined;
    position?: number | undefined;
  }) {
    super(fields.message);
    this.name = 'SqlError';
    this.sqlState = fields.sqlState;
    this.constraint = fields.constraint;
    this.table = fields.table;
    this.column = fields.column;
    this.position = fields.position;
  }
}

/** SQLSTATE the wall function raises for a token that is forged, altered, expired or revoked. */
export const capabilityRefusedState = 'BH001';

/** SQLSTATE of a write in a transaction that only reads, and of any write on a replica. */
export const readOnlyState = '25006';

/** SQLSTATE the wall function raises for a reader's capability in a transaction that can write. */
export const readerRefusedState = 'BH003';

/** SQLSTATE a tenant's tables raise for a write while the tenant is being moved. */
export const writesPausedState = 'BH002';
