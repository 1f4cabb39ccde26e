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
import type { PgliteDatabase } from './database.ts';

type UseDatabase = <T>(body: (database: PgliteDatabase) => Promise<T>) => Promise<T>;

/** Tenants of a database that may have to be opened first, and may be closed between two calls. */
export class FleetTenants implements TenantDatabase {
  readonly #role: string;
  readonly #use: UseDatabase;
  /** By instance, since what was read about the role holds as long as that is open. */
  readonly #opened = new WeakMap<PgliteDatabase, TenantDatabase>();
  #calls = 0;

  constructor(role: string, use: UseDatabase) {
    this.#role = role;
    this.#use = use;
  }

  run<R extends Row = Row>(
    context: WallContext,
    statement: SqlStatement,
    options?: RunOptions,
  ): Promise<SqlResult<R>> {
    return this.#counted((tenants) => tenants.run<R>(context, statement, options));
  }

  transaction<T>(
    context: WallContext,
    body: (tx: SqlTransaction) => Promise<T>,
    options?: RunOptions,
  ): Promise<T> {
    return this.#counted((tenants) => tenants.transaction(context, body, options));
  }

  /** One connection that all calls of this login wait for in turn. */
  stats(): PoolStats {
    const waiting = Math.max(0, this.#calls - 1);
    const busy = Math.min(1, this.#calls);
    return { open: busy, busy, waiting, limit: 1, saturated: waiting > 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #counted<T>(body: (tenants: TenantDatabase) => Promise<T>): Promise<T> {
    this.#calls += 1;
    try {
      return await this.#use((database) => body(this.#tenantsOf(database)));
    } finally {
      this.#calls -= 1;
    }
  }

  #tenantsOf(database: PgliteDatabase): TenantDatabase {
    const known = this.#opened.get(database);
    if (known !== undefined) return known;
    const tenants = database.tenants(this.#role);
    this.#opened.set(database, tenants);
    return tenants;
  }
}
