import type { Clock } from '../../core/clock.ts';
import type { PlacementRequest } from '../../core/compartment.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Scope } from '../../core/scope.ts';
import type { SqlServer } from '../../drivers/server.ts';
import type { RoleNames } from './container.ts';
import type { CompiledMigration } from './migrations/compile.ts';
import type { TablesByVersion } from './models.ts';
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

/** The servers this node knows. */
export interface ServerCatalog {
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

/** What the rows compartment is given; nothing of it is looked up elsewhere. */
export interface RowsDeps {
  readonly servers: ServerCatalog;
  /** Pool servers that are ready for shared and schema tenants, or being made so; a new one joins when it gets its first. */
  readonly preparedPools: Map<string, Promise<void>>;
  readonly credentials: CredentialStore;
  readonly roles: RoleNames;
  readonly wallFiles: readonly WallFile[];
  readonly migrations: readonly CompiledMigration[];
  readonly tables: TablesByVersion;
  readonly versions: VersionBook;
  readonly residences: Residences;
  readonly clock: Clock;
  readonly limits: {
    readonly capabilityTtlMs: number;
    readonly maxTenants: number;
    readonly sharedMin: number;
    readonly sharedMax: number;
    readonly tenantMax: number;
  };
  readonly assertLive: (scope: Scope) => void | Promise<void>;
  readonly onForeignRow: (scope: Scope) => void;
}
