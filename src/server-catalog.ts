import { randomBytes } from 'node:crypto';
import { serverToBe, type ServerCatalog } from './compartments/rows/deps.ts';
import { BulkheadError } from './core/errors.ts';
import type { TenantId } from './core/ids.ts';
import type { Actor } from './core/scope.ts';
import type { SqlServer } from './drivers/server.ts';
import type { ServerStore } from './registry/registry.ts';

/** Name of the server that `BULKHEAD_DATABASE_URL`, or the embedded database, is. */
export const mainServer = 'main';

export interface CatalogDeps {
  readonly store: ServerStore;
  readonly main: SqlServer;
  /** Reaches a server that is not the main one. */
  readonly open: (name: string, url: string) => SqlServer | Promise<SqlServer>;
  /** URL of a new embedded cell; undefined = cells must be added by the operator. */
  readonly cellUrl: ((name: string) => string) | undefined;
}

export interface OpenedCatalog extends ServerCatalog {
  close(): Promise<void>;
}

const system: Actor = { kind: 'system', id: 'placement' };

/** The servers a node knows, opened when first used. One that cannot be reached affects its own tenants only. */
export function createServerCatalog(deps: CatalogDeps): OpenedCatalog {
  const opened = new Map<string, Promise<SqlServer>>([[mainServer, Promise.resolve(deps.main)]]);

  const open = async (name: string): Promise<SqlServer> => {
    const url = await deps.store.url(name);
    if (url === undefined)
      throw new BulkheadError('compartment_unreachable', {
        server: name,
        reason: 'no server of this name is known',
      });
    return await deps.open(name, url);
  };

  const reach = (name: string): Promise<SqlServer> => {
    const known = opened.get(name);
    if (known !== undefined) return known;
    const opening = open(name);
    opened.set(name, opening);
    opening.catch(() => opened.delete(name));
    return opening;
  };

  return {
    async list() {
      const claims = await deps.store.claims();
      return (await deps.store.list()).map(({ name, role }) => ({ name, role, claimedBy: claims.get(name) }));
    },
    server: reach,
    async choose({ tenant, isolation, region, server: named, hold }) {
      if (isolation === 'dedicated') {
        if (hold === 'preview') return await previewDedicated(deps, { tenant, region, name: named });
        if (named === undefined && deps.cellUrl !== undefined) await ensureFreeCell(deps, { tenant, region });
        const claimed = await deps.store.claimDedicated({ tenant, region, name: named });
        return claimed.name;
      }
      if (named !== undefined)
        throw new BulkheadError('isolation_unavailable', {
          field: 'server',
          reason: 'only dedicated tenants choose their server',
        });
      return await choosePool(deps.store, region);
    },
    release: (tenant, server) => deps.store.releaseDedicated(tenant, server),
    /** All but the main one, which is whoever's it came from: the registry still has things to write when it closes. */
    async close() {
      opened.delete(mainServer);
      const servers = await Promise.allSettled(opened.values());
      await Promise.all(
        servers.flatMap((result) => (result.status === 'fulfilled' ? [result.value.close()] : [])),
      );
    },
  };
}

async function previewDedicated(
  { store, cellUrl }: CatalogDeps,
  wanted: Parameters<ServerStore['findDedicated']>[0],
): Promise<string> {
  const found = await store.findDedicated(wanted);
  if (found !== undefined) return found.name;
  if (wanted.name === undefined && cellUrl !== undefined) return serverToBe;
  throw new BulkheadError('isolation_unavailable', {
    field: 'server',
    reason: 'no free dedicated server fits',
    hint: 'add a server of role dedicated',
  });
}

/** A server that names a region takes that region's tenants alone; one that names none takes any. */
async function choosePool(store: ServerStore, region: string | undefined): Promise<string> {
  const pools = (await store.list()).filter(({ role }) => role === 'pool');
  const inRegion = pools.find((pool) => region !== undefined && pool.region === region);
  const anywhere = pools.find((pool) => pool.region === undefined);
  const chosen = inRegion ?? anywhere ?? (region === undefined ? pools[0] : undefined);
  if (chosen === undefined)
    throw new BulkheadError('isolation_unavailable', {
      field: 'region',
      reason: `no server keeps data in ${region ?? 'any region'}`,
      hint: `known regions: ${pools.map((pool) => pool.region).join(', ')}; add a server with: bulkhead server add`,
    });
  return chosen.name;
}

/** The embedded database makes a cell whenever one is wanted: it is only a folder. */
async function ensureFreeCell(
  deps: CatalogDeps,
  { tenant, region }: { readonly tenant: TenantId; readonly region: string | undefined },
): Promise<void> {
  if ((await deps.store.findDedicated({ tenant, region, name: undefined })) !== undefined) return;
  const name = `cell-${randomBytes(6).toString('hex')}`;
  const url = deps.cellUrl?.(name);
  if (url !== undefined)
    await deps.store.add({ name, role: 'dedicated', region, maxConnections: 1 }, url, system);
}
