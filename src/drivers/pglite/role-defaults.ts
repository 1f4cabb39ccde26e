import { BulkheadError } from '../../core/errors.ts';
import type {
  AdminDatabase,
  PoolStats,
  Row,
  RunOptions,
  SqlResult,
  SqlStatement,
  SqlTransaction,
  TenantDatabase,
  WallContext,
} from '../sql.ts';

type Defaults = Pick<WallContext, 'searchPath' | 'statementTimeoutMs'>;

/**
 * `ALTER ROLE … SET` counts at login only, and the embedded database knows no login but the superuser's. So what is set
 * for the weak role is read once and goes into each context that says nothing else. The role is checked on the way.
 */
export class RoleDefaults implements TenantDatabase {
  readonly #inner: TenantDatabase;
  readonly #admin: AdminDatabase;
  readonly #role: string;
  #reading: Promise<Defaults> | undefined;

  constructor(inner: TenantDatabase, admin: AdminDatabase, role: string) {
    this.#inner = inner;
    this.#admin = admin;
    this.#role = role;
  }

  async run<R extends Row = Row>(
    context: WallContext,
    statement: SqlStatement,
    options?: RunOptions,
  ): Promise<SqlResult<R>> {
    return this.#inner.run<R>(await this.#complete(context), statement, options);
  }

  async transaction<T>(
    context: WallContext,
    body: (tx: SqlTransaction) => Promise<T>,
    options?: RunOptions,
  ): Promise<T> {
    return this.#inner.transaction(await this.#complete(context), body, options);
  }

  stats(): PoolStats {
    return this.#inner.stats();
  }

  /** The connection is the database's; it closes with it. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #complete(context: WallContext): Promise<WallContext> {
    this.#reading ??= this.#read();
    try {
      const defaults = await this.#reading;
      return {
        ...context,
        searchPath: context.searchPath ?? defaults.searchPath,
        statementTimeoutMs: context.statementTimeoutMs ?? defaults.statementTimeoutMs,
      };
    } catch (cause) {
      this.#reading = undefined;
      throw cause;
    }
  }

  async #read(): Promise<Defaults> {
    const { rows } = await this.#admin.query<{ is_weak: boolean; settings: string[] }>(readRole, [
      this.#role,
    ]);
    if (rows[0]?.is_weak !== true)
      throw new BulkheadError('internal', {
        reason: 'the role for tenants is missing, or has rights it must not have',
      });
    const settings = new Map(rows[0].settings.map((setting) => splitOnce(setting, '=')));
    return {
      searchPath: settings.get('search_path'),
      statementTimeoutMs: toMilliseconds(settings.get('statement_timeout')),
    };
  }
}

/** Settings of the role, those for this database last, so that they win. */
const readRole = `
  select not r.rolsuper and not r.rolbypassrls and not r.rolcreaterole
      and not pg_catalog.has_function_privilege(r.oid, 'pg_catalog.set_config(text,text,boolean)', 'execute') as is_weak,
    coalesce((
      select pg_catalog.array_agg(setting order by s.setdatabase)
        from pg_catalog.pg_db_role_setting s
        join pg_catalog.pg_database d on d.datname = pg_catalog.current_database()
        cross join lateral pg_catalog.unnest(s.setconfig) setting
        where s.setrole = r.oid and s.setdatabase in (0, d.oid)), '{}') as settings
  from pg_catalog.pg_roles r where r.rolname = $1`;

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** As Postgres writes a time: a number of milliseconds, or one with its unit. */
function toMilliseconds(setting: string | undefined): number | undefined {
  const [, number, unit] = /^(\d+)(ms|s|min)?$/.exec(setting ?? '') ?? [];
  if (number === undefined) return undefined;
  const factor = { ms: 1, s: 1_000, min: 60_000 }[unit ?? 'ms'] ?? 1;
  return Number(number) * factor;
}
