import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import type { Slug, TenantId } from '../core/ids.ts';
import type { Tenant } from '../core/tenant.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import { BatchLoader } from './batch-loader.ts';
import type { Catalog, CatalogCache } from './catalog.ts';
import { ConfirmedCache, absent, type CacheLimits, type CacheSource } from './confirmed-cache.ts';
import { resolveTenant } from './effective.ts';
import type { ResolvedTenant, TenantDirectory } from './registry.ts';
import { parseRow, tenantId } from './row-parts.ts';
import { parseTenantRow, tenantColumns } from './tenant-row.ts';

/** Replaced, not reloaded, when only the catalog changed. */
interface CachedTenant {
  tenant: ResolvedTenant | Tenant;
  catalog: Catalog | undefined;
}

export interface DirectoryOptions {
  readonly admin: AdminDatabase;
  readonly catalog: CatalogCache;
  readonly source: Omit<CacheSource<string, object>, 'load'>;
  readonly limits: CacheLimits;
  readonly answerTimeoutMs: number;
}

const byIdText = `select ${tenantColumns} from bulkhead.tenant t where t.id = any ($1::uuid[])`;

// A slug given back by a failed provisioning may have several rows: the living one first, then the newest.
const bySlugText = `select distinct on (slug) slug, id::text as id from bulkhead.tenant
  where slug = any ($1::text[]) order by slug, (state = 'deleted'), created_at desc`;

const slugShape = z.object({ id: tenantId });

export class CachedDirectory implements TenantDirectory {
  readonly #catalog: CatalogCache;
  readonly #tenants: ConfirmedCache<TenantId, CachedTenant>;
  readonly #slugs: ConfirmedCache<Slug, { readonly id: TenantId }>;

  constructor({ admin, catalog, source, limits, answerTimeoutMs }: DirectoryOptions) {
    this.#catalog = catalog;
    const tenants = new BatchLoader<TenantId, CachedTenant>({
      read: async (ids) => (await answerOf(admin.query(byIdText, [ids]), answerTimeoutMs)).rows,
      keyOf: (row) => String(row['id']),
      parse: (row) => ({ tenant: parseTenantRow(row), catalog: undefined }),
    });
    const slugs = new BatchLoader<Slug, { readonly id: TenantId }>({
      read: async (wanted) => (await answerOf(admin.query(bySlugText, [wanted]), answerTimeoutMs)).rows,
      keyOf: (row) => String(row['slug']),
      parse: (row) => parseRow('tenant', slugShape, row),
    });
    this.#tenants = new ConfirmedCache({ ...source, load: (id) => tenants.load(id) }, limits);
    this.#slugs = new ConfirmedCache({ ...source, load: (slug) => slugs.load(slug) }, limits);
  }

  peek(id: TenantId): ResolvedTenant | undefined {
    const cached = this.#tenants.peek(id);
    if (cached === undefined || cached === absent) return undefined;
    const catalog = this.#catalog.peek();
    return catalog === undefined ? undefined : resolved(cached, catalog);
  }

  async byId(id: TenantId): Promise<ResolvedTenant | undefined> {
    return this.peek(id) ?? this.#read(this.#tenants.get(id));
  }

  domains(): ReadonlyMap<string, TenantId> | Promise<ReadonlyMap<string, TenantId>> {
    return this.#catalog.peek()?.domains ?? this.#catalog.get().then(({ domains }) => domains);
  }

  fresh(id: TenantId): Promise<ResolvedTenant | undefined> {
    return this.#read(this.#tenants.fresh(id));
  }

  async bySlug(slug: Slug): Promise<ResolvedTenant | undefined> {
    const found = await this.#slugs.get(slug);
    return found === undefined ? undefined : this.byId(found.id);
  }

  forget(id: TenantId): void {
    this.#tenants.forget(id);
  }

  forgetSlug(slug: Slug): void {
    this.#slugs.forget(slug);
  }

  forgetAll(): void {
    this.#tenants.forgetAll();
    this.#slugs.forgetAll();
  }

  async #read(pending: Promise<CachedTenant | undefined>): Promise<ResolvedTenant | undefined> {
    const [cached, catalog] = await Promise.all([pending, this.#catalog.get()]);
    if (cached === undefined) return undefined;
    const tenant = resolved(cached, catalog);
    if (tenant !== undefined) return tenant;
    // The plan is younger than what we know of plans.
    const newer = resolved(cached, await this.#catalog.fresh());
    if (newer !== undefined) return newer;
    throw new BulkheadError('internal', { tenant: cached.tenant.id, reason: 'its plan has no row' });
  }
}

function resolved(cached: CachedTenant, catalog: Catalog): ResolvedTenant | undefined {
  if (cached.catalog === catalog) return cached.tenant as ResolvedTenant;
  const tenant = resolveTenant(cached.tenant, catalog);
  if (tenant === undefined) return undefined;
  cached.tenant = tenant;
  cached.catalog = catalog;
  return tenant;
}
