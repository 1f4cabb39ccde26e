import {
  families,
  parseContainer,
  schemaOf,
  type RoleNames,
  type RowsContainer,
} from './compartments/rows/container.ts';
import type { ServerCatalog } from './compartments/rows/deps.ts';
import { isBulkheadError } from './core/errors.ts';
import type { Placement } from './core/placement.ts';
import type { AdminDatabase } from './drivers/sql.ts';
import type { Registry } from './registry/registry.ts';
import type { ContainerProof, ProveContainers } from './verify/proof/container-proof.ts';
import { bulkheadProof } from './verify/proof/preset.ts';
import { prove } from './verify/proof/prove.ts';
import type { ProofResult } from './verify/proof/result.ts';

export interface ContainerProofsDeps {
  readonly registry: Registry;
  readonly servers: Pick<ServerCatalog, 'server'>;
  readonly roles: RoleNames;
  /** Tables for all tenants, by name in each container, or `schema.table`. */
  readonly globalTables: readonly string[];
}

interface Database {
  readonly name: string;
  readonly container: RowsContainer;
  readonly tenants: Set<string>;
  readonly schemas: Set<string>;
}

/** The static proof of every database that holds rows of tenants, each from its own server's catalogue. */
export function createContainerProofs(deps: ContainerProofsDeps): ProveContainers {
  return async function* proveContainers(only) {
    for (const database of await listDatabases(deps.registry, only)) {
      const base = { database: database.name, tenants: database.tenants.size };
      try {
        const proved = await proveOne(deps, database);
        yield { ...base, ...proved, because: undefined } satisfies ContainerProof;
      } catch (cause) {
        const because = isBulkheadError(cause) ? cause.message : 'the database did not answer';
        yield { ...base, result: undefined, privileged: [], because } satisfies ContainerProof;
      }
    }
  };
}

async function listDatabases(
  { tenants }: Registry,
  only: ReadonlySet<string> | undefined,
): Promise<readonly Database[]> {
  const found = new Map<string, Database>();
  const note = (placement: Placement): void => {
    if (!families.some((family) => family === placement.compartment)) return;
    const container = parseContainer(placement);
    const name =
      container.kind === 'database' ? `${container.server}/${container.database}` : container.server;
    const known = found.get(name);
    if (known === undefined)
      found.set(name, {
        name,
        container,
        tenants: new Set([placement.tenant]),
        schemas: new Set([schemaOf(container)]),
      });
    else {
      known.tenants.add(placement.tenant);
      known.schemas.add(schemaOf(container));
    }
  };
  let cursor: string | undefined;
  do {
    const page = await tenants.list({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    for (const tenant of page.tenants)
      if (only?.has(tenant.id) ?? tenant.state !== 'deleted')
        for (const placement of tenant.placements) note(placement);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return [...found.values()];
}

async function proveOne(
  deps: ContainerProofsDeps,
  { container, schemas }: Database,
): Promise<{ result: ProofResult; privileged: readonly string[] }> {
  const { roles, globalTables } = deps;
  const server = await deps.servers.server(container.server);
  const options = bulkheadProof({
    appRole: container.kind === 'database' ? roles.own(container) : roles.app,
    wallRole: roles.wall,
    globalTables: globalTables.flatMap((name) =>
      name.includes('.') ? [name] : [...schemas].map((schema) => `${schema}.${name}`),
    ),
  });
  const look = async (admin: AdminDatabase) => ({
    result: await prove(admin, options),
    privileged: await readPrivileged(admin),
  });
  return container.kind === 'database'
    ? await server.withAdmin(container.database, look)
    : await look(server.pool);
}

/** Roles that may log in and step over every wall: people and programs that are trusted, named so that they can be asked about. */
async function readPrivileged(admin: AdminDatabase): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select rolname::text as name from pg_roles where rolcanlogin and (rolsuper or rolbypassrls) order by 1`,
  );
  return rows.map(({ name }) => name);
}
