import type { AdminDatabase, TenantDatabase } from './sql.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface TenantPoolOptions {
  /** undefined = the server's pool database. */
  readonly database: string | undefined;
  /** The role tenant work runs as; on a server reached over the wire it logs in as that role. */
  readonly role: string;
  /** Logins to try in order, asked at each new connection, so that a password can change under way. */
  readonly logins: () => Promise<readonly Login[]>;
  readonly minConnections: number;
  readonly maxConnections: number;
  /** Connections that one tenant may have to itself at a time. */
  readonly maxAlonePerTenant: number;
}

/**
 * A Postgres server, or its embedded stand-in, that containers are made on.
 * The pool database holds shared and schema containers; every other database belongs to one tenant.
 */
export interface SqlServer {
  readonly name: string;
  readonly dialect: 'postgres' | 'pglite';
  /** Owner of the pool database. */
  readonly pool: AdminDatabase;
  /** Runs `body` as owner of a tenant's database; the connection is closed or kept as the server sees fit. */
  withAdmin<T>(database: string, body: (admin: AdminDatabase) => Promise<T>): Promise<T>;
  openTenants(options: TenantPoolOptions): TenantDatabase;
  /** Names of all databases of tenants, and perhaps of others. */
  databases(): Promise<readonly string[]>;
  databaseExists(database: string): Promise<boolean>;
  /** UTF-8, CONNECT revoked from PUBLIC. Does nothing where it exists. */
  createDatabase(database: string): Promise<void>;
  /** Ends its connections and removes it. Does nothing where there is none. */
  dropDatabase(database: string): Promise<void>;
  close(): Promise<void>;
}
