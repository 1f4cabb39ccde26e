import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Plan } from '../core/plan.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import { ConfirmedCache, absent, type CacheSource } from './confirmed-cache.ts';
import { parsePlanRow, planColumns } from './plan-row.ts';
import { featureLevels, featuresOn } from './features.ts';
import { deepFreeze, nullable, parseRow, tenantId } from './row-parts.ts';
import { settingKinds, type SettingKind } from './setting-value.ts';

type Values = ReadonlyMap<string, unknown>;

/** Everything that is the same for all tenants: few rows, read whole, never changed in place. */
export interface Catalog {
  readonly plans: readonly Plan[];
  /** By id and by alias. */
  readonly planByName: ReadonlyMap<string, Plan>;
  readonly globalDefaults: Values;
  readonly planDefaults: ReadonlyMap<string, Values>;
  readonly declarations: ReadonlyMap<string, SettingKind>;
  /** Host names that were shown to be a tenant's. */
  readonly domains: ReadonlyMap<string, TenantId>;
  /** What a tenant of the plan has that adds nothing of its own. */
  readonly featuresOfPlan: ReadonlyMap<string, ReadonlySet<string>>;
}

const catalogText = `select
  (select coalesce(jsonb_agg(to_jsonb(p) order by p.id), '[]'::jsonb) from (select ${planColumns} from bulkhead.plan) p) as plans,
  (select coalesce(jsonb_agg(jsonb_build_object('plan', d.plan_id, 'key', d.key, 'value', d.value)), '[]'::jsonb)
    from bulkhead.setting_default d) as defaults,
  (select coalesce(jsonb_agg(jsonb_build_object('key', s.key, 'kind', s.kind)), '[]'::jsonb)
    from bulkhead.setting_declaration s) as declarations,
  (select coalesce(jsonb_object_agg(d.domain, d.tenant_id), '{}'::jsonb) from bulkhead.tenant_domain d
    join bulkhead.tenant t on t.id = d.tenant_id
    where d.verified_at is not null and t.state <> 'deleted') as domains`;

const catalogShape = z.object({
  plans: z.array(z.unknown()),
  defaults: z.array(z.strictObject({ plan: nullable(z.string()), key: z.string(), value: z.json() })),
  declarations: z.array(z.strictObject({ key: z.string(), kind: z.enum(settingKinds) })),
  domains: z.record(z.string(), tenantId),
});

const ONLY = 'catalog';
const none: Values = new Map();

export interface CatalogOptions {
  readonly admin: AdminDatabase;
  readonly source: Omit<CacheSource<string, Catalog>, 'load'>;
  readonly ttlMs: number;
  readonly answerTimeoutMs: number;
}

export class CatalogCache {
  readonly #cache: ConfirmedCache<typeof ONLY, Catalog>;

  constructor({ admin, source, ttlMs, answerTimeoutMs }: CatalogOptions) {
    this.#cache = new ConfirmedCache(
      { ...source, load: () => answerOf(readCatalog(admin), answerTimeoutMs) },
      { maxEntries: 1, maxAbsent: 1, ttlMs, absentTtlMs: 0 },
    );
  }

  /** No I/O; undefined = ask `get`. */
  peek(): Catalog | undefined {
    const known = this.#cache.peek(ONLY);
    return known === absent ? undefined : known;
  }

  /** @throws registry_stale where it has to be read and the database does not answer */
  async get(): Promise<Catalog> {
    return assertCatalog(await this.#cache.get(ONLY));
  }

  /** Past the cache. @throws registry_stale */
  async fresh(): Promise<Catalog> {
    return assertCatalog(await this.#cache.fresh(ONLY));
  }

  forget(): void {
    this.#cache.forgetAll();
  }
}

/** A query without FROM always has a row, so the cache never holds its absence. */
function assertCatalog(catalog: Catalog | undefined): Catalog {
  if (catalog === undefined) throw new BulkheadError('internal', { reason: 'the catalog has no row' });
  return catalog;
}

async function readCatalog(admin: AdminDatabase): Promise<Catalog> {
  const { rows } = await admin.query(catalogText);
  return toCatalog(parseRow('catalog', catalogShape, rows[0]));
}

function toCatalog(row: z.infer<typeof catalogShape>): Catalog {
  const plans = row.plans.map((plan) => deepFreeze(parsePlanRow(plan)));
  const planDefaults = new Map<string, Map<string, unknown>>();
  const globalDefaults = new Map<string, unknown>();
  for (const { plan, key, value } of row.defaults) {
    if (plan === undefined) globalDefaults.set(key, deepFreeze(value));
    else
      planDefaults.set(
        plan,
        (planDefaults.get(plan) ?? new Map<string, unknown>()).set(key, deepFreeze(value)),
      );
  }
  return {
    plans,
    planByName: new Map([
      ...plans.flatMap((plan) => plan.aliases.map((alias) => [alias, plan] as const)),
      ...plans.map((plan) => [plan.id, plan] as const),
    ]),
    globalDefaults,
    planDefaults,
    domains: new Map(Object.entries(row.domains)),
    declarations: new Map(row.declarations.map(({ key, kind }) => [key, kind])),
    featuresOfPlan: new Map(
      plans.map((plan) => [
        plan.id,
        featuresOn(
          featureLevels({
            globalDefaults,
            planFeatures: plan.features,
            planDefaults: planDefaults.get(plan.id) ?? [],
            tenantFeatures: [],
            tenantSettings: [],
          }),
        ),
      ]),
    ),
  };
}

export function defaultsOfPlan(catalog: Catalog, plan: string): Values {
  return catalog.planDefaults.get(plan) ?? none;
}
