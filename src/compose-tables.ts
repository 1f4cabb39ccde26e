import type { CompartmentKind } from './core/placement.ts';
/** The compartments whose data is tables of Postgres: which they are, and what they are given. */
import { join } from 'node:path';
import { createMemory } from './compartments/memory/compartment.ts';
import type { MemoryCompartment } from './compartments/memory/memory.ts';
import { createRows } from './compartments/rows/compartment.ts';
import { roleNames, type ContainerFamily } from './compartments/rows/container.ts';
import { oneForAll, unfurnished, type RowsDeps } from './compartments/rows/deps.ts';
import { createRowsFleet, type FleetFamily } from './compartments/rows/fleet.ts';
import { compileMigrations } from './compartments/rows/migrations/compile.ts';
import { readMigrationFolder, type MigrationSet } from './compartments/rows/migrations/files.ts';
import { TablesByVersion } from './compartments/rows/models.ts';
import { checkWalls } from './compartments/rows/migrations/wall-check.ts';
import { TenantPools } from './compartments/rows/pools.ts';
import { preparePool } from './compartments/rows/provision.ts';
import type { RowsCompartment } from './compartments/rows/rows.ts';
import { installWall, readWallFiles } from './compartments/rows/wall.ts';
import { createVectors } from './compartments/vectors/compartment.ts';
import { createLexicalFurnishing } from './compartments/vectors/furnish.ts';
import type { VectorsCompartment } from './compartments/vectors/vectors.ts';
import { openPglite } from './drivers/pglite/database.ts';
import { type EmbeddedFleet } from './drivers/pglite/fleet.ts';
import { openPostgresServer } from './drivers/postgres/server.ts';
import type { SqlServer } from './drivers/server.ts';
import type { AdminDatabase } from './drivers/sql.ts';
import { createFleetProver } from './fleet-proof.ts';
import type { FleetContainers, FleetProver } from './fleet/containers.ts';
import { openProofs, type Proofs } from './open-proofs.ts';
import type { Registry } from './registry/registry.ts';
import { createServerCatalog, mainServer, type OpenedCatalog } from './server-catalog.ts';
import { fileURLToPath } from 'node:url';
import type { ComposeInput } from './compose.ts';
import {
  createIsolationAlarm,
  createKnownLivenessCheck,
  createLivenessCheck,
  createResidences,
} from './compose-watches.ts';

const sqlFolder = fileURLToPath(new URL('../sql', import.meta.url));

export async function openCatalog(
  input: ComposeInput,
  parts: { main: SqlServer; fleet: EmbeddedFleet; registry: Registry },
): Promise<{
  servers: OpenedCatalog;
  pools: TenantPools;
  rows: RowsCompartment;
  vectors: VectorsCompartment | undefined;
  memory: MemoryCompartment;
  containers: FleetContainers;
  /** The newest version of its records' shape that each of these can have on this node. */
  newestSchemas: ReadonlyMap<CompartmentKind, string>;
  prove: FleetProver;
  proofs: Proofs;
}> {
  const { config, clock } = input;
  const { main, fleet, registry } = parts;
  const servers = createServerCatalog({
    store: registry.servers,
    main,
    open: (name, url) =>
      url.startsWith('embedded:')
        ? fleet.cell(name)
        : openPostgresServer({
            name,
            url,
            poolerUrl: undefined,
            maxConnections: config.pool.maxConnections,
            waitMs: config.pool.waitMs,
          }),
    cellUrl: main.dialect === 'pglite' ? (name) => `embedded:${name}` : undefined,
  });
  const roles = roleNames(registry.rolePrefix);
  const wallFiles = await readWallFiles(join(sqlFolder, 'wall'));
  await installWall(main.pool, { roles, files: wallFiles });
  const limits = {
    capabilityTtlMs: config.capabilityTtlMs,
    maxTenants: config.cache.maxTenants,
    sharedMin: config.pool.sharedMin,
    sharedMax: config.pool.sharedMax,
    tenantMax: config.pool.tenantMax,
  };
  const credentials = registry.vault;
  const pools = new TenantPools({ servers, credentials, roles, limits });
  const base: FamilyBase = {
    pools,
    servers,
    credentials,
    roles,
    wallFiles,
    versions: registry.versions,
    clock,
    limits,
    assertLive: createLivenessCheck(registry, clock),
    assertLiveWithin:
      main.dialect === 'pglite' ? createKnownLivenessCheck(registry) : createLivenessCheck(registry, clock),
    seats: oneForAll,
    furnishing: unfurnished,
  };
  const open = (
    family: ContainerFamily,
    sets: readonly MigrationSet[],
    more: Partial<RowsDeps> = {},
  ): Promise<FleetFamily> => openFamily({ base: { ...base, ...more }, input, main, registry, family, sets });
  const sets = [await readMigrationFolder('bulkhead', join(sqlFolder, 'tenant'))];
  if (config.migrationsDir !== undefined) sets.push(await readMigrationFolder('app', config.migrationsDir));
  const rows = await open('rows', sets);
  await preparePool(rows.deps, mainServer);
  const vectors = (await hasVectors(main.pool))
    ? await open('vectors', [await readMigrationFolder('vectors', join(sqlFolder, 'vectors'))], {
        seats: registry.seats('vectors', { tenants: config.vectors.tenantsPerContainer }),
        furnishing: await createLexicalFurnishing(roles, sqlFolder),
      })
    : undefined;
  if (vectors === undefined)
    input.log({ event: 'vectors.unavailable', reason: 'the server has no pgvector, or no btree_gin' });
  const memory = await open('memory', [await readMigrationFolder('memory', join(sqlFolder, 'memory'))]);
  const families = [rows, memory, ...(vectors === undefined ? [] : [vectors])];
  // A table that somebody made by hand, or a wall that somebody took down, stops the start.
  const shared = [...families.flatMap((family) => family.shared), ...config.sharedTables];
  await checkWalls(main.pool, { schemas: 'all', shared });
  return {
    servers,
    pools,
    rows: createRows(rows.deps),
    vectors: vectors === undefined ? undefined : createVectors(vectors.deps),
    memory: createMemory(memory.deps, config.memory),
    containers: createRowsFleet(families),
    newestSchemas: new Map(families.map(({ deps }) => [deps.family, deps.tables.head.version] as const)),
    prove: createFleetProver({ servers, roles, shared, clock }),
    proofs: openProofs({ registry, servers, live: main.pool, roles, globalTables: shared, openScratch }),
  };
}

const openScratch = () => openPglite({ store: 'memory' });

async function hasVectors(admin: AdminDatabase): Promise<boolean> {
  const { rows } = await admin.query(
    `select from pg_available_extensions where name in ('vector', 'btree_gin')`,
  );
  return rows.length === 2;
}

/** What the compartments of tables have in common. */
type FamilyBase = Omit<
  RowsDeps,
  'family' | 'preparedPools' | 'migrations' | 'tables' | 'residences' | 'onForeignRow'
>;

/** One compartment of tables: its migrations tried out, and all it is given. */
async function openFamily(parts: {
  readonly base: FamilyBase;
  readonly input: ComposeInput;
  readonly main: SqlServer;
  readonly registry: Registry;
  readonly family: ContainerFamily;
  readonly sets: readonly MigrationSet[];
}): Promise<FleetFamily> {
  const { base, input, main, registry, family } = parts;
  const compiled = await compileMigrations(main.pool, parts.sets);
  const deps: RowsDeps = {
    ...base,
    family,
    preparedPools: new Map([[mainServer, Promise.resolve()]]),
    migrations: compiled.migrations,
    tables: new TablesByVersion(compiled.steps),
    residences: createResidences(registry, family),
    onForeignRow: createIsolationAlarm(input, registry, family),
  };
  return { deps, shared: compiled.shared };
}
