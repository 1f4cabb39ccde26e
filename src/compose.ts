import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CacheCompartment } from './compartments/cache/cache.ts';
import { createCache } from './compartments/cache/compartment.ts';
import { sharedStore } from './compartments/cache/deps.ts';
import { createCacheStores } from './compartments/cache/stores.ts';
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
import type { Residence } from './compartments/rows/route.ts';
import type { RowsCompartment } from './compartments/rows/rows.ts';
import { installWall, readWallFiles } from './compartments/rows/wall.ts';
import type { Billing } from './billing/billing.ts';
import { createVectors } from './compartments/vectors/compartment.ts';
import { createLexicalFurnishing } from './compartments/vectors/furnish.ts';
import type { VectorsCompartment } from './compartments/vectors/vectors.ts';
import type { Config } from './config.ts';
import type { Clock } from './core/clock.ts';
import type { Compartment } from './core/compartment.ts';
import { BulkheadError } from './core/errors.ts';
import type { CompartmentKind } from './core/placement.ts';
import type { Scope } from './core/scope.ts';
import type { Verdict } from './core/verdict.ts';
import { ensureDataDir, readMasterKey, writeOperatorToken } from './data-dir.ts';
import type { KeyValueStore } from './drivers/key-value.ts';
import { openMemoryStore } from './drivers/memory/store.ts';
import { openEmbeddedFleet, type EmbeddedFleet } from './drivers/pglite/fleet.ts';
import { openPostgresAdmin } from './drivers/postgres/open.ts';
import { openPostgresServer } from './drivers/postgres/server.ts';
import { openRedisStore } from './drivers/redis/store.ts';
import type { SqlServer } from './drivers/server.ts';
import type { AdminDatabase } from './drivers/sql.ts';
import { createFleetProver } from './fleet-proof.ts';
import type { FleetContainers, FleetProver } from './fleet/containers.ts';
import { createFleet } from './fleet/create-fleet.ts';
import type { Fleet } from './fleet/fleet.ts';
import { openBilling } from './open-billing.ts';
import { installRegistry } from './registry/install.ts';
import { openRegistry } from './registry/open.ts';
import type { Registry, ResolvedTenant } from './registry/registry.ts';
import { isActive } from './request/admit.ts';
import { chain } from './request/maybe.ts';
import { toError } from './request/refusal.ts';
import { checkUmbrella } from './request/umbrella.ts';
import { createServerCatalog, mainServer, type OpenedCatalog } from './server-catalog.ts';

const sqlFolder = fileURLToPath(new URL('../sql', import.meta.url));

/** The parts of a node, put together. This file alone names concrete stores. */
export interface Composed {
  readonly registry: Registry;
  readonly rows: RowsCompartment;
  /** undefined: the server has no pgvector. */
  readonly vectors: VectorsCompartment | undefined;
  readonly cache: CacheCompartment;
  readonly compartments: readonly Compartment[];
  readonly fleet: Fleet;
  readonly billing: Billing;
  readonly newOperatorToken: string | undefined;
  close(): Promise<void>;
}

export interface ComposeInput {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

/** Any PostgreSQL database, ours or not, as whoever the URL names: for proofs and checks. Connects when first asked. */
export function openDatabase(url: string): AdminDatabase {
  return openPostgresAdmin({ url, applicationName: 'bulkhead', maxConnections: 1 });
}

export async function compose(input: ComposeInput): Promise<Composed> {
  const { config } = input;
  await ensureDataDir(config.dataDir);
  const stack = new AsyncDisposableStack();
  try {
    const fleet = openEmbeddedFleet({
      folder: join(config.dataDir, 'databases'),
      maxOpen: config.embeddedInstances,
    });
    stack.defer(() => fleet.close());
    const main = await openMain(config, fleet);
    stack.defer(() => main.close());
    const registry = await openControlPlane(input, main);
    stack.defer(() => registry.close());
    const catalog = await openCatalog(input, { main, fleet, registry });
    stack.defer(() => catalog.servers.close());
    const { rows } = catalog;
    stack.defer(() => catalog.pools.close());
    stack.defer(() => rows.close());
    const cache = await openCache(input, registry, main.dialect === 'pglite' ? 'alone' : 'one_of_several');
    stack.defer(() => cache.close());
    const compartments: readonly Compartment[] = Object.freeze([
      rows,
      ...(catalog.vectors === undefined ? [] : [catalog.vectors]),
      cache,
    ]);
    const billing = await openBilling(input, { admin: main.pool, registry, compartments }, stack);
    const newOperatorToken = await ensureOperatorToken(config, registry);
    const closing = stack.move();
    return {
      registry,
      rows,
      vectors: catalog.vectors,
      cache,
      compartments,
      fleet: createFleet({
        control: main.pool,
        registry,
        containers: catalog.containers,
        prove: catalog.prove,
        clock: input.clock,
      }),
      billing,
      newOperatorToken,
      close: () => closing.disposeAsync(),
    };
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

async function openMain(config: Config, fleet: EmbeddedFleet): Promise<SqlServer> {
  if (config.databaseUrl === undefined) return await fleet.server(mainServer);
  return openPostgresServer({
    name: mainServer,
    url: config.databaseUrl,
    poolerUrl: config.poolerUrl,
    maxConnections: config.pool.maxConnections,
    waitMs: config.pool.waitMs,
  });
}

async function openControlPlane(input: ComposeInput, main: SqlServer): Promise<Registry> {
  const { config, clock, log } = input;
  const masterKey = await readMasterKey(config);
  await installRegistry(main.pool);
  const registry = await openRegistry({
    admin: main.pool,
    clock,
    masterKey,
    logger: log,
    nodeId: randomUUID(),
    cache: { ttlMs: config.cache.ttlMs, maxEntries: config.cache.maxTenants },
    ...(main.dialect === 'pglite' ? aloneWithItsDatabase : {}),
  });
  const servers = await registry.servers.list();
  if (!servers.some(({ name }) => name === mainServer)) {
    const record = {
      name: mainServer,
      role: 'pool',
      region: undefined,
      maxConnections: config.pool.maxConnections,
    } as const;
    // Two nodes may start at once; either may be the one that writes it. Its URL stays in the environment.
    await registry.servers
      .add(record, `config:${mainServer}`, { kind: 'system', id: 'start' })
      .catch(ignoreConflict);
  }
  return registry;
}

/**
 * One process owns an embedded database, so nobody else can change what this node remembers; and its one connection may
 * be busy for longer than a server would be.
 */
const aloneWithItsDatabase = { maxStaleMs: Number.POSITIVE_INFINITY, answerTimeoutMs: 30_000 } as const;

function ignoreConflict(cause: unknown): void {
  if (!(cause instanceof BulkheadError) || cause.code !== 'conflict') throw cause;
}

async function openCatalog(
  input: ComposeInput,
  parts: { main: SqlServer; fleet: EmbeddedFleet; registry: Registry },
): Promise<{
  servers: OpenedCatalog;
  pools: TenantPools;
  rows: RowsCompartment;
  vectors: VectorsCompartment | undefined;
  containers: FleetContainers;
  prove: FleetProver;
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
  const families = vectors === undefined ? [rows] : [rows, vectors];
  // A table that somebody made by hand, or a wall that somebody took down, stops the start.
  const shared = [...families.flatMap((family) => family.shared), ...config.sharedTables];
  await checkWalls(main.pool, { schemas: 'all', shared });
  return {
    servers,
    pools,
    rows: createRows(rows.deps),
    vectors: vectors === undefined ? undefined : createVectors(vectors.deps),
    containers: createRowsFleet(families),
    prove: createFleetProver({ servers, roles, shared, clock }),
  };
}

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

/** Something of another tenant came out of a store. It was dropped; somebody has to look into it. */
function createIsolationAlarm(
  { log }: ComposeInput,
  { audit }: Registry,
  compartment: CompartmentKind,
): (scope: Scope) => void {
  return (scope) => {
    log({ event: 'isolation.violated', compartment, tenant: scope.tenantId, requestId: scope.requestId });
    audit.record({
      tenant: scope.tenantId,
      actor: scope.actor,
      action: 'isolation.violated',
      severity: 'critical',
      requestId: scope.requestId,
      detail: { compartment },
    });
  };
}

async function openCache(
  input: ComposeInput,
  registry: Registry,
  company: 'alone' | 'one_of_several',
): Promise<CacheCompartment> {
  const { config, clock, log } = input;
  const { url, servers, timeoutMs, tenantBytes, memoryBytes } = config.cacheStore;
  const { authorityFile } = config.cacheStore;
  const authority = authorityFile === undefined ? undefined : await readAuthority(authorityFile);
  const openRedis = (name: string, at: string): KeyValueStore =>
    openRedisStore({
      name,
      url: at,
      authority,
      timeoutMs,
      onState: ({ store, state }) => {
        log({ event: state === 'up' ? 'cache.back' : 'cache.lost', store });
        if (state === 'up') void cache.storeIsBack();
      },
    });
  const shared =
    url === undefined
      ? openMemoryStore({ clock, spaceBytes: tenantBytes, totalBytes: memoryBytes })
      : openRedis(sharedStore, url);
  const stores = new Map([
    [sharedStore, shared],
    ...servers.map(({ name, url: at }) => [name, openRedis(name, at)] as const),
  ]);
  const notCovered =
    url === undefined && company === 'one_of_several'
      ? ['memory of other nodes, which nothing reads any more, until its entries run out']
      : [];
  const residences = createResidences(registry, 'cache');
  const cache = createCache({
    stores: createCacheStores(stores, notCovered),
    clock,
    residences,
    livesAt: async ({ tenant, container }) => {
      const found = await registry.directory.fresh(tenant);
      const placement = found?.placements.find(({ compartment }) => compartment === 'cache');
      return found?.state === 'active' && placement?.container === container;
    },
    assertLive: createLivenessCheck(registry, clock),
    onForeignValue: createIsolationAlarm(input, registry, 'cache'),
    maxTenants: config.cache.maxTenants,
  });
  return cache;
}

async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BulkheadError(
      'config_invalid',
      { reason: 'BULKHEAD_CACHE_CA_FILE: the file cannot be read' },
      { cause },
    );
  }
}

/** Where a tenant is in one compartment: what an open handle follows when the tenant is moved under it. */
function createResidences({ directory }: Registry, kind: CompartmentKind): RowsDeps['residences'] {
  const toResidence = (tenant: ResolvedTenant | undefined): Residence | undefined => {
    const placement = tenant?.placements.find(({ compartment }) => compartment === kind);
    return tenant === undefined || placement === undefined ? undefined : { placement, epoch: tenant.epoch };
  };
  return {
    peek: (id) => toResidence(directory.peek(id)),
    fresh: async (id) => toResidence(await directory.fresh(id)),
  };
}

/** Asked before every statement: a scope that outlives its tenant's permission ends with it. Warm, it does no I/O. */
function createLivenessCheck({ directory }: Registry, clock: Clock): (scope: Scope) => void | Promise<void> {
  const judge = (tenant: ResolvedTenant | undefined): void => {
    if (tenant === undefined) throw new BulkheadError('tenant_not_found');
    const verdict = isActive(tenant);
    if (verdict.kind === 'refused') throw toError(verdict);
  };
  const judgeView = (verdict: Verdict<unknown>): void => {
    if (verdict.kind === 'refused') throw toError(verdict);
  };
  return (scope) => {
    if (scope.access.kind === 'umbrella') {
      const { reader } = scope.access;
      return chain(checkUmbrella({ directory, clock }, { reader, child: scope.tenantId }), judgeView);
    }
    const known = directory.peek(scope.tenantId);
    if (known === undefined) return directory.byId(scope.tenantId).then(judge);
    judge(known);
  };
}

/** Given from outside, kept in the database as a digest; made here the first time, and written where only its owner reads. */
async function ensureOperatorToken(config: Config, registry: Registry): Promise<string | undefined> {
  if (config.operatorToken !== undefined) {
    await registry.operators.accept(config.operatorToken);
    return undefined;
  }
  const made = await registry.operators.ensure();
  if (made !== undefined) await writeOperatorToken(config.dataDir, made);
  return made;
}
