/** Feature flags: a tenant's own word over its plan's, over everybody's. */

export interface FeatureLevel {
  /** 'on', 'off', or the name of an access level such as 'read'. */
  readonly level: string;
  readonly from: 'tenant' | 'plan' | 'default';
}

export interface FeatureSources {
  readonly globalDefaults: Iterable<readonly [string, unknown]>;
  readonly planFeatures: readonly string[];
  readonly planDefaults: Iterable<readonly [string, unknown]>;
  readonly tenantFeatures: readonly string[];
  readonly tenantSettings: Iterable<readonly [string, unknown]>;
}

/** A setting of this name switches a feature: false or 'off', true or 'on', or the name of an access level. */
const PREFIX = 'feature.';

export function isFeatureSetting(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** Every feature that anybody has an opinion on; the strongest opinion is written last. */
export function featureLevels(sources: FeatureSources): ReadonlyMap<string, FeatureLevel> {
  const levels = new Map<string, FeatureLevel>();
  const list = (names: readonly string[], from: FeatureLevel['from']): void => {
    for (const name of names) levels.set(name, { level: 'on', from });
  };
  const switches = (values: Iterable<readonly [string, unknown]>, from: FeatureLevel['from']): void => {
    for (const [key, value] of values)
      if (isFeatureSetting(key)) levels.set(key.slice(PREFIX.length), { level: toLevel(value), from });
  };
  switches(sources.globalDefaults, 'default');
  list(sources.planFeatures, 'plan');
  switches(sources.planDefaults, 'plan');
  list(sources.tenantFeatures, 'tenant');
  switches(sources.tenantSettings, 'tenant');
  return levels;
}

export function featuresOn(levels: ReadonlyMap<string, FeatureLevel>): ReadonlySet<string> {
  return new Set([...levels].filter(([, { level }]) => level !== 'off').map(([name]) => name));
}

function toLevel(value: unknown): string {
  if (value === true) return 'on';
  return typeof value === 'string' && value !== '' ? value : 'off';
}
