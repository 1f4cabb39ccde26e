import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { SqlServer } from '../../drivers/server.ts';
import type { PoolStats, TenantDatabase } from '../../drivers/sql.ts';
import { roleOf, type RoleNames, type RowsContainer } from './container.ts';
import type { CredentialStore, ServerCatalog } from './deps.ts';
import { readLogins, type LoginOwner } from './logins.ts';

export interface PoolsDeps {
  readonly servers: ServerCatalog;
  readonly credentials: CredentialStore;
  readonly roles: RoleNames;
  readonly limits: { readonly sharedMin: number; readonly sharedMax: number; readonly tenantMax: number };
}

/**
 * The way into each container: one pool a server for shared and schema tenants, one a database for the others.
 * Pools open no connection before they are asked; the server's budget closes what nobody uses.
 */
export class TenantPools {
  readonly #deps: PoolsDeps;
  readonly #pools = new Map<string, TenantDatabase>();

  constructor(deps: PoolsDeps) {
    this.#deps = deps;
  }

  /** A server not met yet is reached on the first statement, so that opening a scope never waits. */
  of(tenant: TenantId, container: RowsContainer): TenantDatabase {
    const name = poolName(container);
    const pool = this.#pools.get(name);
    if (pool !== undefined) return pool;
    const opened = deferred(() => this.#open(tenant, container));
    this.#pools.set(name, opened);
    return opened;
  }

  stats(): ReadonlyMap<string, PoolStats> {
    return new Map([...this.#pools].map(([name, pool]) => [name, pool.stats()]));
  }

  loginOwner(tenant: TenantId, container: RowsContainer): LoginOwner {
    return {
      owner: container.kind === 'database' ? tenant : `server:${container.server}`,
      role: container.kind === 'database' ? roleOf(container, this.#deps.roles) : this.#deps.roles.app,
    };
  }

  /** Closes a container's own pool; shared pools stay. */
  async drop(container: RowsContainer): Promise<void> {
    if (container.kind !== 'database') return;
    const name = poolName(container);
    const pool = this.#pools.get(name);
    this.#pools.delete(name);
    await pool?.close();
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  async #open(tenant: TenantId, container: RowsContainer): Promise<TenantDatabase> {
    const { servers, credentials, limits } = this.#deps;
    const server: SqlServer = await servers.server(container.server);
    const login = this.loginOwner(tenant, container);
    const own = container.kind === 'database';
    return server.openTenants({
      database: own ? container.database : undefined,
      role: login.role,
      logins: () => readLogins(credentials, login),
      minConnections: own ? 0 : limits.sharedMin,
      maxConnections: own ? limits.tenantMax : limits.sharedMax,
      // A pool that many share: none of them may fill it with slow statements or long transactions.
      maxAlonePerTenant: own ? limits.tenantMax : Math.ceil(limits.sharedMax / 2),
    });
  }
}

function poolName(container: RowsContainer): string {
  return container.kind === 'database' ? `${container.server}/${container.database}` : container.server;
}

const notOpen: PoolStats = { open: 0, busy: 0, waiting: 0, limit: 0, saturated: false };

/** A database that is opened by its first use; an opening that failed is tried again by the next. */
function deferred(open: () => Promise<TenantDatabase>): TenantDatabase {
  let opened: TenantDatabase | undefined;
  let opening: Promise<TenantDatabase> | undefined;
  let closed = false;
  const get = (): Promise<TenantDatabase> => {
    if (closed) return Promise.reject(new BulkheadError('shutting_down'));
    opening ??= open().then(
      (database) => (opened = database),
      (cause: unknown) => {
        opening = undefined;
        throw cause;
      },
    );
    return opening;
  };
  return {
    run: (context, statement, options) =>
      opened === undefined
        ? get().then((database) => database.run(context, statement, options))
        : opened.run(context, statement, options),
    transaction: (context, body, options) =>
      get().then((database) => database.transaction(context, body, options)),
    stats: () => opened?.stats() ?? notOpen,
    async close() {
      closed = true;
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}
