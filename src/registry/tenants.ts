import { BulkheadError } from '../core/errors.ts';
import { newUuid7, type Slug, type TenantId } from '../core/ids.ts';
import type { CompartmentKind, Placement } from '../core/placement.ts';
import type { Plan } from '../core/plan.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant, TenantEvent } from '../core/tenant.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { CatalogCache } from './catalog.ts';
import type { CachedDirectory } from './directory.ts';
import { assertParent } from './hierarchy.ts';
import { switchPlacements, type PlacementSwitch } from './placement-switch.ts';
import type { NewTenant, TenantPage, TenantStore } from './registry.ts';
import { assertFeatures, assertSettingKey, toSettingJson } from './setting-value.ts';
import {
  readChildren,
  readLacking,
  readPage,
  readTenant,
  readTenantBySlug,
  type LackingQuery,
  type TenantQuery,
} from './tenant-reads.ts';
import { changeState } from './tenant-state.ts';
import { parseTenantRow, tenantColumns } from './tenant-row.ts';
import { refusing, writeAudited, type Queryable } from './write.ts';

export interface TenantStoreOptions {
  readonly admin: AdminDatabase;
  readonly catalog: CatalogCache;
  readonly directory: CachedDirectory;
}

const insertText = `insert into bulkhead.tenant as t
  (id, slug, name, plan_id, isolation, region, parent_id, features, settings, encryption_key_id)
  values ($4::uuid, $6, $7, $8, $9, $10, $11::uuid, $12::text[], $13::jsonb, $14)
  returning ${tenantColumns}`;

const updateText = `update bulkhead.tenant t set name = coalesce($6, t.name), plan_id = coalesce($7, t.plan_id),
    features = coalesce($8::text[], t.features), isolation = coalesce($9, t.isolation)
  where t.id = $4::uuid and t.state <> 'deleted'
    and (($7::text is null and $9::text is null) or exists (select from bulkhead.plan p
      where p.id = coalesce($7, t.plan_id) and coalesce($9, t.isolation) = any (p.isolations)))
  returning ${tenantColumns}`;

const putPlacementText = `insert into bulkhead.placement (tenant_id, compartment, isolation, container)
  values ($1::uuid, $2, $3, $4)
  on conflict (tenant_id, compartment) do update set isolation = excluded.isolation, container = excluded.container
    where (placement.isolation, placement.container) is distinct from (excluded.isolation, excluded.container)`;

type TenantChange = Parameters<TenantStore['update']>[1];

export class SqlTenantStore implements TenantStore {
  readonly #admin: AdminDatabase;
  readonly #catalog: CatalogCache;
  readonly #directory: CachedDirectory;

  constructor({ admin, catalog, directory }: TenantStoreOptions) {
    this.#admin = admin;
    this.#catalog = catalog;
    this.#directory = directory;
  }

  async insert(tenant: NewTenant, actor: Actor): Promise<Tenant> {
    assertFeatures(tenant.features);
    for (const [key, value] of Object.entries(tenant.settings)) {
      assertSettingKey(key);
      toSettingJson(key, value, undefined);
    }
    const plan = await this.#plan(tenant.plan);
    assertIsolation(plan, tenant.isolation);
    const { parent } = tenant;
    try {
      if (parent === undefined) return await insertRow(this.#admin, { ...tenant, plan: plan.id }, actor);
      return await this.#admin.transaction(async (tx) => {
        await assertParent(tx, parent);
        return insertRow(tx, { ...tenant, plan: plan.id }, actor);
      });
    } finally {
      this.#directory.forget(tenant.id);
      this.#directory.forgetSlug(tenant.slug);
    }
  }

  read(id: TenantId): Promise<Tenant | undefined> {
    return readTenant(this.#admin, id);
  }

  readBySlug(slug: Slug): Promise<Tenant | undefined> {
    return readTenantBySlug(this.#admin, slug);
  }

  list(query: TenantQuery): Promise<TenantPage> {
    return readPage(this.#admin, query);
  }

  children(id: TenantId): Promise<readonly Tenant[]> {
    return readChildren(this.#admin, id);
  }

  lacking(compartment: CompartmentKind, query: LackingQuery): Promise<readonly TenantId[]> {
    return readLacking(this.#admin, compartment, query);
  }

  async transition(id: TenantId, event: TenantEvent, actor: Actor): Promise<Tenant> {
    return this.#forgetting(id, changeState(this.#admin, { id, event, actor }));
  }

  async offboard(id: TenantId, retentionDays: number | undefined, actor: Actor): Promise<Tenant> {
    const change = { id, event: 'offboarded', actor, retentionDays } as const;
    return this.#forgetting(id, changeState(this.#admin, change));
  }

  async putPlacement({ tenant, compartment, isolation, container }: Placement): Promise<void> {
    const write = this.#admin.query(putPlacementText, [tenant, compartment, isolation, container]);
    await this.#forgetting(
      tenant,
      refusing(write, {
        placement_tenant_fkey: () => new BulkheadError('tenant_not_found', { tenant }),
      }),
    );
  }

  async dropPlacement(id: TenantId, compartment: CompartmentKind): Promise<void> {
    const text = 'delete from bulkhead.placement where tenant_id = $1::uuid and compartment = $2';
    await this.#forgetting(id, this.#admin.query(text, [id, compartment]));
  }

  async switchPlacements(change: PlacementSwitch, actor: Actor): Promise<Tenant> {
    return this.#forgetting(change.tenant, switchPlacements(this.#admin, change, actor));
  }

  async update(id: TenantId, change: TenantChange, actor: Actor): Promise<Tenant> {
    if (change.features !== undefined) assertFeatures(change.features);
    const plan = change.plan === undefined ? undefined : await this.#plan(change.plan);
    const note = {
      actor,
      action: 'tenant.updated',
      tenant: id,
      detail: { fields: Object.keys(change), plan: plan?.id, isolation: change.isolation },
    };
    const values = [change.name, plan?.id, change.features, change.isolation].map((value) => value ?? null);
    const write = writeAudited(this.#admin, note, { write: updateText, values });
    const [row] = await this.#forgetting(id, refusing(write, nameRefusal));
    if (row !== undefined) return parseTenantRow(row);
    const tenant = await this.read(id);
    if (tenant !== undefined && tenant.state !== 'deleted')
      assertIsolation(plan ?? (await this.#plan(tenant.plan)), change.isolation ?? tenant.isolation);
    throw new BulkheadError('tenant_not_found', { tenant: id });
  }

  async #plan(name: string): Promise<Plan> {
    const wanted = name.toLowerCase();
    const plan = (await this.#catalog.get()).planByName.get(wanted);
    // Perhaps another node has just made it.
    const found = plan ?? (await this.#catalog.fresh()).planByName.get(wanted);
    if (found === undefined)
      throw new BulkheadError('plan_unknown', { field: 'plan', hint: 'list the plans for their names' });
    return found;
  }

  /** At once on this node, also where the write failed: it may have been committed and the answer lost. */
  async #forgetting<Result>(id: TenantId, pending: Promise<Result>): Promise<Result> {
    try {
      return await pending;
    } finally {
      this.#directory.forget(id);
    }
  }
}

const nameRefusal = {
  tenant_name_check: () =>
    new BulkheadError('value_invalid', { field: 'name', hint: 'between 1 and 200 characters' }),
};

function assertIsolation(plan: Plan, isolation: NewTenant['isolation']): void {
  if (!plan.isolations.includes(isolation))
    throw new BulkheadError('isolation_unavailable', {
      field: 'isolation',
      isolation,
      plan: plan.id,
      hint: `plan ${plan.id} comes with: ${plan.isolations.join(', ')}`,
    });
}

async function insertRow(database: Queryable, tenant: NewTenant, actor: Actor): Promise<Tenant> {
  const note = {
    actor,
    action: 'tenant.created',
    tenant: tenant.id,
    detail: { plan: tenant.plan, isolation: tenant.isolation, parent: tenant.parent },
  };
  const values = [
    tenant.slug,
    tenant.name,
    tenant.plan,
    tenant.isolation,
    tenant.region ?? null,
    tenant.parent ?? null,
    tenant.features,
    JSON.stringify(tenant.settings),
    newUuid7(),
  ];
  const [row] = await refusing(writeAudited(database, note, { write: insertText, values }), {
    ...nameRefusal,
    taken_slug_pkey: () => new BulkheadError('slug_taken', { field: 'slug', slug: tenant.slug }),
    tenant_pkey: () => new BulkheadError('conflict', { field: 'id', tenant: tenant.id }),
    tenant_parent_check: () =>
      new BulkheadError('hierarchy_refused', { field: 'parent', reason: 'its own parent' }),
    tenant_settings_check: () =>
      new BulkheadError('value_invalid', { field: 'settings', reason: 'too large' }),
  });
  return parseTenantRow(row);
}
