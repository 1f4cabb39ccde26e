import type { SqlServer, TenantPoolOptions } from '../server.ts';
import type { AdminDatabase } from '../sql.ts';
import { ConnectionBudget } from '../wire/connection-budget.ts';
import { openPostgres, openPostgresAdmin } from './open.ts';

export interface PostgresServerOptions {
  readonly name: string;
  /** Owner's login; its database is the pool database. */
  readonly url: string;
  /** Where tenant traffic goes when a pooler stands between; default `url`. */
  readonly poolerUrl: string | undefined;
  /** Ceiling on the connections of this node to this server, owner's included. */
  readonly maxConnections: number;
  readonly waitMs: number;
}

/** Connections kept out of the tenants' reach, so that a flood of theirs never stops the control plane. */
function shareOfOwner(maxConnections: number): { readonly pool: number; readonly elsewhere: number } {
  const share = Math.min(12, Math.floor(maxConnections / 4));
  return { pool: Math.max(1, Math.ceil(share / 2)), elsewhere: Math.max(1, Math.floor(share / 2)) };
}

export function openPostgresServer(options: PostgresServerOptions): SqlServer {
  const { name, url } = options;
  const trafficUrl = options.poolerUrl ?? url;
  const owner = shareOfOwner(options.maxConnections);
  const budget = new ConnectionBudget(Math.max(1, options.maxConnections - owner.pool - owner.elsewhere));
  const pool = openPostgresAdmin({
    url,
    applicationName: `bulkhead ${name} owner`,
    maxConnections: owner.pool,
  });
  const elsewhere = new ConnectionBudget(owner.elsewhere);

  const admin = (database: string): AdminDatabase =>
    openPostgresAdmin({
      url: withDatabase(url, database),
      applicationName: `bulkhead ${name} owner`,
      maxConnections: 1,
      budget: elsewhere,
    });

  const server: SqlServer = {
    name,
    dialect: 'postgres',
    pool,
    async withAdmin(database, body) {
      // Closed at once: an idle owner's connection in each of a thousand databases would eat the server.
      const opened = admin(database);
      try {
        return await body(opened);
      } finally {
        await opened.close();
      }
    },
    openTenants: (tenants: TenantPoolOptions) =>
      openPostgres({
        url: tenants.database === undefined ? trafficUrl : withDatabase(trafficUrl, tenants.database),
        applicationName: `bulkhead ${name}`,
        budget,
        credentials: tenants.logins,
        minConnections: tenants.minConnections,
        maxConnections: tenants.maxConnections,
        maxAlonePerTenant: tenants.maxAlonePerTenant,
        waitTimeoutMs: options.waitMs,
      }),
    async databases() {
      const { rows } = await pool.query<{ name: string }>('select datname::text as name from pg_database');
      return rows.map((row) => row.name);
    },
    async databaseExists(database) {
      const { rows } = await pool.query('select from pg_database where datname = $1', [database]);
      return rows.length > 0;
    },
    async createDatabase(database) {
      if (await server.databaseExists(database)) return;
      await pool.query(`create database ${quote(database)} encoding 'UTF8' template template0`);
      await pool.query(`revoke all on database ${quote(database)} from public`);
    },
    async dropDatabase(database) {
      await pool.query(`drop database if exists ${quote(database)} with (force)`);
    },
    close: () => pool.close(),
  };
  return server;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function withDatabase(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${encodeURIComponent(database)}`;
  return parsed.href;
}
