import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Isolation, Placement } from '../../core/placement.ts';

/** Where a tenant's rows are. Written into a placement as `server:shared`, `server:schema/…` or `server:database/…`. */
export type RowsContainer =
  | { readonly kind: 'shared'; readonly server: string }
  | { readonly kind: 'schema'; readonly server: string; readonly schema: string }
  | { readonly kind: 'database'; readonly server: string; readonly database: string };

/** The schema of shared tenants in a pool database. */
export const sharedSchema = 'shared';
/** The schema of the one tenant of a database of its own. */
export const ownDatabaseSchema = 'tenant';

const CONTAINER =
  /^([a-z0-9-]{1,40}):(?:(shared)|schema\/(tenant_[0-9a-f]{32})|database\/(tenant_[0-9a-f]{32}))$/;

/** @throws internal for an address that Bulkhead did not write */
export function parseContainer(placement: Placement): RowsContainer {
  return parseAddress(placement.container, placement.tenant);
}

/** @throws internal, as `parseContainer` */
export function parseAddress(address: string, tenant?: TenantId): RowsContainer {
  const match = CONTAINER.exec(address);
  const [, server, shared, schema, database] = match ?? [];
  if (server !== undefined) {
    if (shared !== undefined) return { kind: 'shared', server };
    if (schema !== undefined) return { kind: 'schema', server, schema };
    if (database !== undefined) return { kind: 'database', server, database };
  }
  throw new BulkheadError('internal', { reason: 'unreadable container address', tenant });
}

export function toContainerAddress(container: RowsContainer): string {
  switch (container.kind) {
    case 'shared':
      return `${container.server}:shared`;
    case 'schema':
      return `${container.server}:schema/${container.schema}`;
    case 'database':
      return `${container.server}:database/${container.database}`;
  }
}

/** `tenant_` and the id without hyphens: 39 bytes, so it fits every limit of a Postgres name. */
export function ownName(tenant: TenantId): string {
  return `tenant_${tenant.replaceAll('-', '')}`;
}

export function chooseContainer(tenant: TenantId, isolation: Isolation, server: string): RowsContainer {
  switch (isolation) {
    case 'shared':
      return { kind: 'shared', server };
    case 'schema':
      return { kind: 'schema', server, schema: ownName(tenant) };
    case 'database':
    case 'dedicated':
      return { kind: 'database', server, database: ownName(tenant) };
  }
}

export function schemaOf(container: RowsContainer): string {
  switch (container.kind) {
    case 'shared':
      return sharedSchema;
    case 'schema':
      return container.schema;
    case 'database':
      return ownDatabaseSchema;
  }
}

/** Names of the roles of one installation; the prefix keeps several installations on one server apart. */
export interface RoleNames {
  /** Login of shared and schema tenants. Owns nothing, inherits nothing. */
  readonly app: string;
  /** NOLOGIN owner of the wall's function. */
  readonly wall: string;
  /** The role of a container of a tenant's own: NOLOGIN for a schema, a login for a database. */
  own(container: Extract<RowsContainer, { kind: 'schema' | 'database' }>): string;
}

export function roleNames(prefix: string): RoleNames {
  return {
    app: `${prefix}_app`,
    wall: `${prefix}_wall`,
    own: (container) =>
      container.kind === 'schema'
        ? `${prefix}_s${container.schema.slice(6)}`
        : `${prefix}_d${container.database.slice(6)}`,
  };
}

export function roleOf(container: RowsContainer, roles: RoleNames): string {
  return container.kind === 'shared' ? roles.app : roles.own(container);
}
