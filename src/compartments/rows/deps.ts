import type { Clock } from '../../core/clock.ts';
import type { PlacementRequest } from '../../core/compartment.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Scope } from '../../core/scope.ts';
import type { SqlServer } from '../../drivers/server.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import type { ContainerFamily, RoleNames } from './container.ts';
import type { CompiledMigration } from './migrations/compile.ts';
import type { TablesByVersion } from './models.ts';
import type { TenantPools } from './pools.ts';
import type { Residences } from './route.ts';
import type { WallFile } from './wall.ts';

/** Secrets of tenants, encrypted at rest. `owner` is the tenant's id or `server:name`. */
export interface CredentialStore {
  put(owner: string, purpose: string, secret: string): Promise<void>;
  /** Keeps what is there already. @returns what is stored now */
  putOnce(owner: string, purpose: string, secret: string): Promise<string>;
  get(owner: string, purpose: string): Promise<string | undefined>;
  drop(owner: string): Promise<number>;
}

/** Name, in a preview, of a server that will be made when it is claimed. */
export const serverToBe = 'a-new-cell';

export interface KnownServer {
  readonly name: string;
  readonly role: 'pool' | 'dedicated';
  /** Whose alone it is. */
  readonly claimedBy: TenantId | undefined;
}

/** The servers this node knows. */
export interface ServerCatalog {
  list(): Promise<readonly KnownServer[]>;
  /** Name of the server a new tenant goes to. @throws isolation_unavailable */
  choose(request: PlacementRequest): Promise<string>;
  /** @throws compartment_unreachable for a name nobody knows */
  server(name: string): Promise<SqlServer>;
  /** A dedicated server the tenant had is free again. Does nothing for a server that others share. */
  release(tenant: TenantId, server: string): Promise<void>;
}

/** Which migrations each container has, as the registry knows it. `peek` does no I/O. */
export interface VersionBook {
  peek(container: string): string | undefined;
  record(versions: readonly { readonly container: string; readonly version: string }[]): Promise<void>;
  forget(container: string): Promise<void>;
}

/** Seats in containers that tenants share, where a family has several of them. */
export interface SharedSeats {
  /**
   * Number of the shared container on `server` that the tenant has or gets a seat in; the same again when asked again.
   * `preview` takes no seat.
   */
  take(tenant: TenantId, server: string, hold?: 'preview'): Promise<number>;
  /** Gives the seat back; does nothing where there is none. */
  leave(tenant: TenantId, container: string): Promise<void>;
}

/** What a family adds to its containers that migrations cannot make. Both verbs end the same when they are repeated. */
export interface Furnishing {
  put(admin: AdminDatabase, schema: string): Promise<void>;
  /** What of it is one tenant's, before the container or the tenant's rows go. */
  remove(admin: AdminDatabase, of: { readonly tenant: TenantId; readonly schema: string }): Promise<void>;
}

export const unfurnished: Furnishing = { put: async () => {}, remove: async () => {} };

/** For a family that has one shared container on each server. */
export const oneForAll: SharedSeats = { take: async () => 1, leave: async () => {} };

/** What a compartment of tables is given; nothing of it is looked up elsewhere. */
export interface RowsDeps {
  /** Which compartment this is. */
  readonly family: ContainerFamily;
  readonly seats: SharedSeats;
  /** The way in, shared by all families: a connection belongs to a login and a database, not to a compartment. */
  readonly pools: TenantPools;
  readonly servers: ServerCatalog;
  /** Shared containers, and servers for schemas, that are ready or being made so; a new one joins when it gets its first. */
  readonly preparedPools: Map<string, Promise<void>>;
  readonly credentials: CredentialStore;
  readonly roles: RoleNames;
  readonly wallFiles: readonly WallFile[];
  readonly migrations: readonly CompiledMigration[];
  readonly tables: TablesByVersion;
  readonly versions: VersionBook;
  readonly residences: Residences;
  readonly clock: Clock;
  readonly furnishing: Furnishing;
  readonly limits: {
    readonly capabilityTtlMs: number;
    readonly maxTenants: number;
    readonly sharedMin: number;
    readonly sharedMax: number;
    readonly tenantMax: number;
  };
  readonly assertLive: (scope: Scope) => void | Promise<void>;
  /** The same inside a transaction. */
  readonly assertLiveWithin: (scope: Scope) => void | Promise<void>;
  readonly onForeignRow: (scope: Scope) => void;
}
