import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Isolation, Placement } from '../../core/placement.ts';

/** Compartments that keep their data in tables of Postgres, behind the same wall; each in schemas of its own. */
export const families = ['rows', 'vectors', 'memory'] as const;
export type ContainerFamily = (typeof families)[number];

/**
 * Where a tenant's tables are. Written into a placement as `server:shared`, `server:schema/…` or `server:database/…` for
 * rows, and with the family in front for the others: `server:vectors/shared/2`.
 */
export type RowsContainer =
  | {
      readonly kind: 'shared';
      readonly family: ContainerFamily;
      readonly server: string;
      readonly schema: string;
    }
  | {
      readonly kind: 'schema';
      readonly family: ContainerFamily;
      readonly server: string;
      readonly schema: string;
    }
  | {
      readonly kind: 'database';
      readonly family: ContainerFamily;
      readonly server: string;
      readonly database: string;
    };

/** The schema of shared tenants' rows in a pool database. */
export const sharedSchema = 'shared';
/** The schema of the rows of the one tenant of a database of its own. */
const ownDatabaseSchema = 'tenant';

/** Schemas that are containers, as a condition on `n.nspname`. */
export const containerSchemaCondition =
  "(n.nspname in ('shared', 'tenant', 'vectors', 'memory') or n.nspname ~ '^(tenant_[0-9a-f]{32}(_b)?|(vectors|memory)_([0-9a-f]{32}(_b)?|[1-9][0-9]{0,5}))$')";

const CONTAINER =
  /^([a-z0-9-]{1,40}):(?:(shared)|schema\/(tenant_[0-9a-f]{32}(?:_b)?)|database\/(tenant_[0-9a-f]{32}(?:_b)?)|(vectors|memory)\/(?:shared\/([1-9]\d{0,5})|schema\/(?:vectors|memory)_([0-9a-f]{32}(?:_b)?)|database\/(tenant_[0-9a-f]{32}(?:_b)?)))$/;

/** @throws internal for an address that Bulkhead did not write */
export function parseContainer(placement: Placement): RowsContainer {
  return parseAddress(placement.container, placement.tenant);
}

/** @throws internal, as `parseContainer` */
export function parseAddress(address: string, tenant?: TenantId): RowsContainer {
  const [, server, shared, schema, database, family, number, id, home] = CONTAINER.exec(address) ?? [];
  if (server !== undefined) {
    if (shared !== undefined) return { kind: 'shared', family: 'rows', server, schema: sharedSchema };
    if (schema !== undefined) return { kind: 'schema', family: 'rows', server, schema };
    if (database !== undefined) return { kind: 'database', family: 'rows', server, database };
    const other = families.find((each) => each === family);
    if (other !== undefined) {
      if (number !== undefined) return sharedContainer(other, { server, number: Number(number) });
      if (id !== undefined) return { kind: 'schema', family: other, server, schema: `${other}_${id}` };
      if (home !== undefined) return { kind: 'database', family: other, server, database: home };
    }
  }
  throw new BulkheadError('internal', { reason: 'unreadable container address', tenant });
}

export function toContainerAddress(container: RowsContainer): string {
  const { family, server } = container;
  const head = family === 'rows' ? server : `${server}:${family}`;
  const at = family === 'rows' ? ':' : '/';
  switch (container.kind) {
    case 'shared':
      return family === 'rows'
        ? `${server}:shared`
        : `${head}/shared/${container.schema.slice(family.length + 1)}`;
    case 'schema':
      return `${head}${at}schema/${container.schema}`;
    case 'database':
      return `${head}${at}database/${container.database}`;
  }
}

/** The container of a family that many tenants share. There is one for rows on a server, and as many as are needed for the others. */
export function sharedContainer(
  family: ContainerFamily,
  at: { readonly server: string; readonly number: number },
): Extract<RowsContainer, { kind: 'shared' }> {
  const schema = family === 'rows' ? sharedSchema : `${family}_${at.number}`;
  return { kind: 'shared', family, server: at.server, schema };
}

/** `tenant_` and the id without hyphens: 39 bytes, so it fits every limit of a Postgres name. */
export function ownName(tenant: TenantId): string {
  return `tenant_${tenant.replaceAll('-', '')}`;
}

/** @param number of the shared container, where the family has several */
export function chooseContainer(
  family: ContainerFamily,
  request: { readonly tenant: TenantId; readonly isolation: Isolation },
  at: { readonly server: string; readonly number: number },
): RowsContainer {
  const { server } = at;
  const own = ownName(request.tenant);
  switch (request.isolation) {
    case 'shared':
      return sharedContainer(family, at);
    case 'schema': {
      const schema = family === 'rows' ? own : `${family}_${own.slice('tenant_'.length)}`;
      return { kind: 'schema', family, server, schema };
    }
    case 'database':
    case 'dedicated':
      return { kind: 'database', family, server, database: own };
  }
}

/** The other of the two names that a container of a tenant's own may have. */
export function otherName(name: string): string {
  return name.endsWith('_b') ? name.slice(0, -2) : `${name}_b`;
}

/** Where on the same server the tenant can be a second time. */
export function besideContainer(container: RowsContainer, tenant: TenantId): RowsContainer {
  switch (container.kind) {
    case 'shared': {
      const { family, server } = container;
      return chooseContainer(family, { tenant, isolation: 'schema' }, { server, number: 1 });
    }
    case 'schema':
      return { ...container, schema: otherName(container.schema) };
    case 'database':
      return { ...container, database: otherName(container.database) };
  }
}

export function schemaOf(container: RowsContainer): string {
  if (container.kind !== 'database') return container.schema;
  return container.family === 'rows' ? ownDatabaseSchema : container.family;
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
    own: (container) => {
      // A database has one login, whichever compartments are in it.
      if (container.kind === 'database') return `${prefix}_d${container.database.slice(6)}`;
      return container.family === 'rows'
        ? `${prefix}_s${container.schema.slice(6)}`
        : `${prefix}_${container.schema}`;
    },
  };
}

export function roleOf(container: RowsContainer, roles: RoleNames): string {
  return container.kind === 'shared' ? roles.app : roles.own(container);
}
