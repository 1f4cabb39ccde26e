import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BulkheadError } from '../../core/errors.ts';
import type { AdminDatabase, TenantDatabase } from '../sql.ts';
import { WireAdminDatabase } from '../wire/admin-database.ts';
import { ConnectionBudget } from '../wire/connection-budget.ts';
import { defaultLimits, type PoolLimits } from '../wire/limits.ts';
import { PipelinedConnection, type ConnectionEvents } from '../wire/pipelined-connection.ts';
import { Pool } from '../wire/pool.ts';
import { WireTenantDatabase } from '../wire/tenant-database.ts';
import { lockDataDir } from '../data-dir-lock.ts';
import { EmbeddedSocket } from './embedded-socket.ts';
import { EmbeddedInstance } from './instance.ts';
import { RoleDefaults } from './role-defaults.ts';
import { roleSteps } from './role-steps.ts';
import { runScript } from './script.ts';
import { blankDatabase, ensureTemplate, exists, privateTemplateFolder } from './template.ts';

export interface PgliteOptions {
  readonly store: { readonly dataDir: string } | 'memory';
  /** Name of the database inside; given when the folder is made. Default `postgres`. */
  readonly database?: string | undefined;
  /** Where the template of new instances is kept. */
  readonly templateFolder?: string | undefined;
  readonly limits?: Partial<PoolLimits> | undefined;
  /** Where neither the context nor the role sets another. A database in memory has no timeout at all. */
  readonly statementTimeoutMs?: number | undefined;
}

/** An embedded Postgres: one process, one connection, taken in turns by the owner and all tenants. */
export interface PgliteDatabase extends AsyncDisposable {
  readonly admin: AdminDatabase;
  /** Tenant work as a weak role, which must exist when the first statement runs. */
  tenants(appRole: string): TenantDatabase;
  close(): Promise<void>;
}

const defaultStatementTimeoutMs = 30_000;

/**
 * Opens the database, made from the template where the folder is missing.
 * @throws data_dir_in_use, compartment_unreachable
 */
export async function openPglite(options: PgliteOptions): Promise<PgliteDatabase> {
  const { store, database = 'postgres' } = options;
  const limits = { ...defaultLimits, ...onlyConnection, ...options.limits };
  const stack = new AsyncDisposableStack();
  try {
    if (store !== 'memory') {
      await mkdir(dirname(store.dataDir), { recursive: true, mode: 0o700 });
      stack.use(await lockDataDir(store.dataDir));
    }
    const instances = new Instances(options, database);
    stack.defer(() => instances.close());
    await instances.alive();
    const pool = new Pool((events) => instances.connect(events, limits), limits, new ConnectionBudget(1));
    stack.defer(() => pool.close());
    return toDatabase(pool, options.statementTimeoutMs ?? defaultStatementTimeoutMs, stack.move());
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

/** Statements go one by one, so that a timeout hits the one that caused it. */
const onlyConnection: Partial<PoolLimits> = {
  minConnections: 1,
  maxConnections: 1,
  sharedConnections: 1,
  depth: 1,
  waitTimeoutMs: 30_000,
  maxLifetimeMs: Number.POSITIVE_INFINITY,
  replyTimeoutMs: Number.POSITIVE_INFINITY,
};

function toDatabase(pool: Pool, statementTimeoutMs: number, stack: AsyncDisposableStack): PgliteDatabase {
  const admin = new WireAdminDatabase('pglite', pool);
  const close = (): Promise<void> => stack.disposeAsync();
  return {
    admin: { ...adminCalls(admin), close },
    tenants: (appRole) =>
      new RoleDefaults(new WireTenantDatabase(pool, roleSteps(appRole, statementTimeoutMs)), admin, appRole),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function adminCalls(admin: AdminDatabase): Omit<AdminDatabase, 'close'> {
  return {
    dialect: admin.dialect,
    query: (text, values) => admin.query(text, values),
    script: (text, settings) => admin.script(text, settings),
    transaction: (body) => admin.transaction(body),
  };
}

/** The instance of a data folder: started when needed, and again after one was stopped. */
class Instances {
  readonly #options: PgliteOptions;
  readonly #database: string;
  #current: Promise<EmbeddedInstance> | undefined;
  #isClosed = false;

  constructor(options: PgliteOptions, database: string) {
    this.#options = options;
    this.#database = database;
  }

  async connect(events: ConnectionEvents, { statements }: PoolLimits): Promise<PipelinedConnection> {
    const instance = await this.alive();
    const connection = new PipelinedConnection(new EmbeddedSocket(instance), events, statements);
    connection.isDirect = true;
    return connection;
  }

  async alive(): Promise<EmbeddedInstance> {
    if (this.#isClosed) throw new BulkheadError('shutting_down');
    const current = await this.#current?.catch(() => undefined);
    if (current?.isGone === false) return current;
    this.#current = this.#start();
    try {
      return await this.#current;
    } catch (cause) {
      throw new BulkheadError(
        'compartment_unreachable',
        { reason: 'the embedded database does not start' },
        { cause },
      );
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const current = await this.#current?.catch(() => undefined);
    await current?.close();
  }

  async #start(): Promise<EmbeddedInstance> {
    const { store } = this.#options;
    const database = this.#database;
    if (store === 'memory')
      return EmbeddedInstance.open({ dataDir: undefined, database, templatePath: await this.#template() });
    if (!(await exists(store.dataDir))) await this.#make(store.dataDir);
    return EmbeddedInstance.open({ dataDir: store.dataDir, database, templatePath: undefined });
  }

  /** Beside its place, and moved there when complete: a crash on the way leaves nothing that looks like a database. */
  async #make(dataDir: string): Promise<void> {
    const making = `${dataDir}.new`;
    await rm(making, { recursive: true, force: true });
    const templatePath = await this.#template();
    const instance = await EmbeddedInstance.open({ dataDir: making, database: 'postgres', templatePath });
    if (this.#database !== 'postgres') {
      const name = `"${this.#database.replaceAll('"', '""')}"`;
      await runScript(instance, `alter database ${blankDatabase} rename to ${name}`);
    }
    await instance.close();
    await rename(making, dataDir);
  }

  async #template(): Promise<string> {
    const { store, templateFolder } = this.#options;
    if (templateFolder !== undefined) return ensureTemplate(templateFolder);
    return ensureTemplate(
      store === 'memory' ? await privateTemplateFolder() : join(dirname(store.dataDir), '.template'),
    );
  }
}
