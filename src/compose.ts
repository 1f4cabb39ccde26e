import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CacheCompartment } from './compartments/cache/cache.ts';
import type { MemoryCompartment } from './compartments/memory/memory.ts';
import type { ObjectsCompartment } from './compartments/objects/objects.ts';
import type { RowsCompartment } from './compartments/rows/rows.ts';
import type { RateLimits } from './billing/limits/rate-limits.ts';
import type { Billing } from './billing/billing.ts';
import type { VectorsCompartment } from './compartments/vectors/vectors.ts';
import type { Config } from './config.ts';
import type { BlobStore } from './core/blob-store.ts';
import type { Clock } from './core/clock.ts';
import type { Compartment } from './core/compartment.ts';
import { BulkheadError } from './core/errors.ts';
import type { CompartmentKind } from './core/placement.ts';
import { ensureDataDir, readMasterKey, writeOperatorToken } from './data-dir.ts';
import { openFolderBlobs } from './drivers/folder-blobs.ts';
import { openEmbeddedFleet, type EmbeddedFleet } from './drivers/pglite/fleet.ts';
import { openPostgresAdmin } from './drivers/postgres/open.ts';
import { openPostgresServer } from './drivers/postgres/server.ts';
import type { SqlServer } from './drivers/server.ts';
import type { AdminDatabase } from './drivers/sql.ts';
import { createFleet } from './fleet/create-fleet.ts';
import type { Fleet } from './fleet/fleet.ts';
import { openBilling } from './open-billing.ts';
import type { Proofs } from './open-proofs.ts';
import { installRegistry } from './registry/install.ts';
import type { ResolveTxt } from './registry/domains.ts';
import { openRegistry } from './registry/open.ts';
import type { Registry } from './registry/registry.ts';
import { mainServer } from './server-catalog.ts';
import { openCache } from './compose-cache.ts';
import { openObjects } from './compose-objects.ts';
import { openLimits } from './compose-limits.ts';
import { openCatalog } from './compose-tables.ts';

/** The parts of a node, put together. This file alone names concrete stores. */
export interface Composed {
  readonly registry: Registry;
  readonly rows: RowsCompartment;
  /** undefined: the server has no pgvector. */
  readonly vectors: VectorsCompartment | undefined;
  readonly cache: CacheCompartment;
  readonly memory: MemoryCompartment;
  readonly objects: ObjectsCompartment;
  /** The control database. */
  readonly control: AdminDatabase;
  readonly compartments: readonly Compartment[];
  /** The newest version of its records' shape that each compartment can have on this node. */
  readonly newestSchemas: ReadonlyMap<CompartmentKind, string>;
  /** Where exports and backups are kept. */
  readonly blobs: BlobStore;
  readonly fleet: Fleet;
  readonly billing: Billing;
  readonly proofs: Proofs;
  /** undefined: switched off. */
  readonly limits: RateLimits | undefined;
  readonly newOperatorToken: string | undefined;
  close(): Promise<void>;
}

export interface ComposeInput {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
  /** Default: the machine's DNS. */
  readonly resolveTxt?: ResolveTxt | undefined;
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
    const objects = await openObjects(input, registry);
    stack.defer(() => objects.close());
    const compartments: readonly Compartment[] = Object.freeze([
      rows,
      catalog.memory,
      ...(catalog.vectors === undefined ? [] : [catalog.vectors]),
      cache,
      objects,
    ]);
    const billing = await openBilling(input, { admin: main.pool, registry, compartments }, stack);
    const limits = await openLimits(input, main.pool);
    if (limits !== undefined) stack.defer(() => limits.close());
    const newOperatorToken = await ensureOperatorToken(config, registry);
    const closing = stack.move();
    return {
      control: main.pool,
      registry,
      rows,
      vectors: catalog.vectors,
      memory: catalog.memory,
      cache,
      objects,
      compartments,
      newestSchemas: catalog.newestSchemas,
      blobs: openFolderBlobs(config.archiveDir),
      fleet: createFleet({
        control: main.pool,
        registry,
        containers: catalog.containers,
        prove: catalog.prove,
        clock: input.clock,
      }),
      billing,
      proofs: catalog.proofs,
      limits,
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
    resolveTxt: input.resolveTxt,
    baseDomain: config.baseDomain,
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
