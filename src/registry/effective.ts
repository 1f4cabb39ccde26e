/** What holds for one tenant: its row, seen together with the catalog. */
import type { Tenant } from '../core/tenant.ts';
import { defaultsOfPlan, type Catalog } from './catalog.ts';
import { featureLevels, featuresOn, isFeatureSetting, type FeatureLevel } from './features.ts';
import type { ResolvedTenant, SettingValue } from './registry.ts';

/** @returns undefined where the catalog is older than the tenant's plan */
export function resolveTenant(tenant: Tenant, catalog: Catalog): ResolvedTenant | undefined {
  const planDetail = catalog.planByName.get(tenant.plan);
  if (planDetail === undefined) return undefined;
  // The catalog's text and set rather than copies: all cached tenants of a plan share them.
  return Object.freeze({
    ...tenant,
    plan: planDetail.id,
    planDetail,
    effectiveFeatures: effectiveFeatures(tenant, catalog),
  });
}

function effectiveFeatures(tenant: Tenant, catalog: Catalog): ReadonlySet<string> {
  const ofPlan = catalog.featuresOfPlan.get(tenant.plan);
  const plain = tenant.features.length === 0 && !Object.keys(tenant.settings).some(isFeatureSetting);
  return plain && ofPlan !== undefined ? ofPlan : featuresOn(featuresOf(tenant, catalog));
}

export function featuresOf(tenant: Tenant, catalog: Catalog): ReadonlyMap<string, FeatureLevel> {
  return featureLevels({
    globalDefaults: catalog.globalDefaults,
    planFeatures: catalog.planByName.get(tenant.plan)?.features ?? [],
    planDefaults: defaultsOfPlan(catalog, tenant.plan),
    tenantFeatures: tenant.features,
    tenantSettings: Object.entries(tenant.settings),
  });
}

export function settingOf(tenant: Tenant, catalog: Catalog, key: string): SettingValue | undefined {
  if (Object.hasOwn(tenant.settings, key)) return { value: tenant.settings[key], from: 'tenant' };
  const ofPlan = defaultsOfPlan(catalog, tenant.plan);
  if (ofPlan.has(key)) return { value: ofPlan.get(key), from: 'plan' };
  if (catalog.globalDefaults.has(key)) return { value: catalog.globalDefaults.get(key), from: 'default' };
  return undefined;
}

export function settingsOf(tenant: Tenant, catalog: Catalog): Readonly<Record<string, SettingValue>> {
  const layers: readonly (readonly [SettingValue['from'], Iterable<readonly [string, unknown]>])[] = [
    ['default', catalog.globalDefaults],
    ['plan', defaultsOfPlan(catalog, tenant.plan)],
    ['tenant', Object.entries(tenant.settings)],
  ];
  const settings = new Map<string, SettingValue>();
  for (const [from, values] of layers) for (const [key, value] of values) settings.set(key, { value, from });
  return Object.fromEntries(settings);
}
