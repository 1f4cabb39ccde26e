import type { EraseReceipt, PlacementRequest } from '../../core/compartment.ts';
import type { Placement } from '../../core/placement.ts';
import { defaultGovernor } from '../../core/plan.ts';
import {
  assertScope,
  getCurrentTenant,
  placementIn,
  readablePlacementIn,
  type Scope,
} from '../../core/scope.ts';
import type { AdminDatabase, WallContext } from '../../drivers/sql.ts';
import type { TenantSide } from './as-tenant.ts';
import { Capabilities, type WithIssuer } from './capabilities.ts';
import { takeCensus } from './census.ts';
import { containerTables, tablesOf } from './container-tables.ts';
import {
  besideContainer,
  chooseContainer,
  parseContainer,
  roleOf,
  schemaOf,
  toContainerAddress,
  type RowsContainer,
} from './container.ts';
import type { RowsDeps } from './deps.ts';
import { eraseContainer } from './erase.ts';
import { createAccess, createHandle, type ScopedAccess } from './handle.ts';
import { rotateLogin } from './logins.ts';
import { containerPath } from './migrations/names.ts';
import { LingeringAdmins } from './move/lingering.ts';
import { relocateRows, type RowsMoveDeps } from './move/relocation.ts';
import { provisionContainer, sealTenant } from './provision.ts';
import { Route, type Residence } from './route.ts';
import type { RowsCompartment, RowsHandle } from './rows.ts';
import { exportRows, type ExportSource } from './transfer/export.ts';
import { importRows } from './transfer/import.ts';
import { measureRows } from './transfer/measure.ts';
import { sourceTables } from './transfer/versions.ts';
import { installWall } from './wall.ts';

/** A compartment whose data is tables, and the way to them for handles that speak of something else than tables. */
export interface Tables {
  /** Everything but its own attacks, which know what is in the tables. */
  readonly compartment: Omit<RowsCompartment, 'probe'>;
  readonly access: (scope: Scope) => ScopedAccess;
  /** Owner's work on the container of a placement, for what a tenant may not do: indexes, statistics. */
  readonly owner: <T>(
    placement: Placement,
    body: (admin: AdminDatabase, side: TenantSide) => Promise<T>,
  ) => Promise<T>;
}

/** Tables in Postgres, behind the wall, on any of the four isolations: rows, and whatever else is kept in tables. */
export function createTables(deps: RowsDeps): Tables {
  const { pools, family } = deps;

  const withAdmin = async <T>(
    container: RowsContainer,
    body: (admin: AdminDatabase) => Promise<T>,
  ): Promise<T> => {
    const server = await deps.servers.server(container.server);
    return container.kind === 'database' ? server.withAdmin(container.database, body) : body(server.pool);
  };
  const side = (placement: Placement): TenantSide & { container: RowsContainer } => {
    const container = parseContainer(placement);
    return {
      tenant: placement.tenant,
      schema: schemaOf(container),
      role: roleOf(container, deps.roles),
      container,
    };
  };

  const withIssuer: WithIssuer = (placement, body) => withAdmin(parseContainer(placement), body);
  const capabilities = new Capabilities({
    withIssuer,
    renewWall: (admin) => installWall(admin, { roles: deps.roles, files: deps.wallFiles }),
    clock: deps.clock,
    ttlMs: deps.limits.capabilityTtlMs,
    maxTenants: deps.limits.maxTenants,
  });
  const routeDeps = { capabilities, residences: deps.residences, assertLive: deps.assertLive };

  const access = (scope: Scope): ScopedAccess => {
    assertScope(scope);
    const toTarget = ({ placement, epoch }: Residence) => {
      const container = parseContainer(placement);
      return {
        placement,
        epoch,
        database: pools.of(placement.tenant, container),
        context: toContext(scope, container, deps),
        tables: containerTables(deps, placement, withIssuer),
      };
    };
    const start = { placement: readablePlacementIn(scope, family), epoch: scope.epoch };
    return createAccess(deps, new Route(routeDeps, { scope, start, toTarget }));
  };
  const openSync = (scope: Scope): RowsHandle => createHandle(deps, access(scope));

  const erase = async (
    placement: Placement,
    because: 'tenant_leaves' | 'tenant_moves',
  ): Promise<EraseReceipt> => {
    const container = parseContainer(placement);
    capabilities.forget(placement);
    return await eraseContainer(deps, { tenant: placement.tenant, container, because });
  };

  const lingering = new LingeringAdmins();
  const withMover = async <T>(
    container: RowsContainer,
    body: (admin: AdminDatabase) => Promise<T>,
  ): Promise<T> => {
    const server = await deps.servers.server(container.server);
    return container.kind === 'database'
      ? lingering.use(server, container.database, body)
      : body(server.pool);
  };

  const moveDeps: RowsMoveDeps = {
    clock: deps.clock,
    newestVersion: deps.tables.head.version,
    versionOf: (container) => deps.versions.peek(container),
    server: (name) => deps.servers.server(name),
    end(placement) {
      const own = side(placement);
      return { ...own, withAdmin: (body) => withMover(own.container, body) };
    },
    tablesOf: (placement) => tablesOf(deps, placement).tables,
    erase(placement) {
      const container = parseContainer(placement);
      if (container.kind === 'database') lingering.drop(container.server, container.database);
      return erase(placement, 'tenant_moves');
    },
    forget: (placement) => capabilities.forget(placement),
  };

  const transferOf = (placement: Placement): Omit<ExportSource, 'dialect'> => {
    const own = side(placement);
    const { tables } = tablesOf(deps, placement);
    return { side: own, tables, withAdmin: (body) => withMover(own.container, body) };
  };

  const compartment: Omit<RowsCompartment, 'probe'> = {
    kind: family,
    async place(request: PlacementRequest) {
      const { tenant, isolation, hold, beside } = request;
      if (beside !== undefined) {
        const second = besideContainer(parseContainer(beside), tenant);
        const kind = beside.isolation === 'shared' ? 'schema' : beside.isolation;
        return { tenant, compartment: family, isolation: kind, container: toContainerAddress(second) };
      }
      const server = await deps.servers.choose(request);
      const number = isolation === 'shared' ? await deps.seats.take(tenant, server, hold) : 1;
      const container = toContainerAddress(chooseContainer(family, request, { server, number }));
      return { tenant, compartment: family, isolation, container };
    },
    provision: (placement) => provisionContainer(deps, placement.tenant, parseContainer(placement)),
    open: async (scope) => openSync(scope),
    current: () => openSync(getCurrentTenant()),
    async seal(placement, state) {
      await withAdmin(parseContainer(placement), (admin) =>
        sealTenant(admin, { tenant: placement.tenant, schema: schemaOf(parseContainer(placement)) }, state),
      );
      capabilities.forget(placement);
    },
    usage: (placement) => {
      const own = side(placement);
      return withAdmin(own.container, (admin) => measureRows(admin, own, tablesOf(deps, placement).tables));
    },
    async *export(placement) {
      const { dialect } = await deps.servers.server(parseContainer(placement).server);
      yield* exportRows({ ...transferOf(placement), dialect });
    },
    async import(placement, records, { schema } = {}) {
      const target = transferOf(placement);
      const source =
        schema === undefined
          ? target.tables
          : sourceTables(deps, schema, deps.versions.peek(placement.container));
      return await importRows({ ...target, sourceTables: source }, records);
    },
    move: (from, to) => relocateRows(moveDeps, { from, to }),
    erase: (placement) => erase(placement, 'tenant_leaves'),
    census: (of) => takeCensus(deps, of),
    stats: () => pools.stats(),
    async rotateCredential(scope) {
      const own = side(placementIn(scope, family));
      await withAdmin(own.container, (admin) =>
        rotateLogin(admin, deps.credentials, pools.loginOwner(scope.tenantId, own.container)),
      );
    },
    async close() {
      lingering.close();
    },
  };
  return {
    compartment,
    access,
    owner: (placement, body) => {
      const own = side(placement);
      return withAdmin(own.container, (admin) => body(admin, own));
    },
  };
}

function toContext(scope: Scope, container: RowsContainer, deps: RowsDeps): Omit<WallContext, 'capability'> {
  const { governor } = scope;
  return {
    tenantId: scope.tenantId,
    access: scope.access.kind === 'umbrella' ? 'reads' : undefined,
    role: container.kind === 'schema' ? deps.roles.own(container) : undefined,
    // A login's own path is the one of rows that are not in a schema of their own.
    searchPath:
      container.kind === 'schema' || container.family !== 'rows'
        ? containerPath(schemaOf(container))
        : undefined,
    // The logins have the defaults already; sending them again would cost every statement.
    statementTimeoutMs: differing(governor.statementTimeoutMs, defaultGovernor.statementTimeoutMs),
    lockTimeoutMs: differing(governor.lockTimeoutMs, defaultGovernor.lockTimeoutMs),
    idleTimeoutMs: differing(governor.idleTimeoutMs, defaultGovernor.idleTimeoutMs),
  };
}

function differing(value: number, from: number): number | undefined {
  return value === from ? undefined : value;
}
