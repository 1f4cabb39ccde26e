import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { Catalog, CatalogCache } from './catalog.ts';
import type { CachedDirectory } from './directory.ts';
import { featuresOf, settingOf, settingsOf } from './effective.ts';
import type { FeatureLevel } from './features.ts';
import type { ResolvedTenant, SettingDeclaration, SettingStore, SettingValue } from './registry.ts';
import { assertSettingKey, toSettingJson } from './setting-value.ts';
import { refusing, writeAudited } from './write.ts';

export interface SettingStoreOptions {
  readonly admin: AdminDatabase;
  readonly catalog: CatalogCache;
  readonly directory: CachedDirectory;
}

// A tenant's own settings are a field of its row, so they are cached and invalidated with it.
const setText = `update bulkhead.tenant t set settings = t.settings || jsonb_build_object($6::text, $7::jsonb)
  where t.id = $4::uuid and t.state <> 'deleted' returning 1 as done`;

const unsetText = `update bulkhead.tenant t set settings = t.settings - $6::text
  where t.id = $4::uuid and t.state <> 'deleted' returning 1 as done`;

const changeText = `update bulkhead.tenant t set settings = (t.settings || $6::jsonb) - $7::text[]
  where t.id = $4::uuid and t.state <> 'deleted' returning 1 as done`;

const setDefaultText = `insert into bulkhead.setting_default (plan_id, key, value) values ($6, $7, $8::jsonb)
  on conflict on constraint setting_default_key do update set value = excluded.value returning 1 as done`;

const declareText = `insert into bulkhead.setting_declaration (key, kind, description) values ($6, $7, $8)
  on conflict (key) do update set kind = excluded.kind, description = excluded.description returning 1 as done`;

const contradictingText = `select (select count(*) from bulkhead.tenant
    where settings ? $1 and jsonb_typeof(settings -> $1) <> $2)
  + (select count(*) from bulkhead.setting_default where key = $1 and jsonb_typeof(value) <> $2) as contradicting`;

export class SqlSettingStore implements SettingStore {
  readonly #options: SettingStoreOptions;

  constructor(options: SettingStoreOptions) {
    this.#options = options;
  }

  async get(tenant: TenantId, key: string): Promise<unknown> {
    const [row, catalog] = await this.#both(tenant);
    return settingOf(row, catalog, key)?.value;
  }

  async all(tenant: TenantId): Promise<Readonly<Record<string, SettingValue>>> {
    const [row, catalog] = await this.#both(tenant);
    return settingsOf(row, catalog);
  }

  async features(tenant: TenantId): Promise<Readonly<Record<string, FeatureLevel>>> {
    const [row, catalog] = await this.#both(tenant);
    return Object.fromEntries(featuresOf(row, catalog));
  }

  async set(tenant: TenantId, key: string, value: unknown, actor: Actor): Promise<void> {
    const json = await this.#toJson(key, value);
    const note = { actor, action: 'setting.set', tenant, detail: { key } };
    await this.#write(
      tenant,
      writeAudited(this.#options.admin, note, { write: setText, values: [key, json] }),
    );
  }

  async unset(tenant: TenantId, key: string, actor: Actor): Promise<void> {
    assertSettingKey(key);
    const note = { actor, action: 'setting.unset', tenant, detail: { key } };
    await this.#write(tenant, writeAudited(this.#options.admin, note, { write: unsetText, values: [key] }));
  }

  async change(tenant: TenantId, values: Readonly<Record<string, unknown>>, actor: Actor): Promise<void> {
    const keys = Object.keys(values);
    if (keys.length === 0) return;
    const unset = keys.filter((key) => values[key] === null);
    unset.forEach(assertSettingKey);
    // One by one, so that each is checked against its own declaration.
    const set = keys.filter((key) => values[key] !== null);
    const json = await Promise.all(
      set.map(async (key) => `${JSON.stringify(key)}:${await this.#toJson(key, values[key])}`),
    );
    const note = { actor, action: 'setting.changed', tenant, detail: { set, unset } };
    await this.#write(
      tenant,
      writeAudited(this.#options.admin, note, { write: changeText, values: [`{${json.join(',')}}`, unset] }),
    );
  }

  async setDefault(
    target: { readonly plan?: string },
    key: string,
    value: unknown,
    actor: Actor,
  ): Promise<void> {
    const json = await this.#toJson(key, value);
    const { planByName } = await this.#options.catalog.get();
    const plan = target.plan === undefined ? undefined : planByName.get(target.plan.toLowerCase());
    if (target.plan !== undefined && plan === undefined)
      throw new BulkheadError('plan_unknown', { field: 'plan' });
    const note = { actor, action: 'setting.default_set', tenant: undefined, detail: { key, plan: plan?.id } };
    const values = [plan?.id ?? null, key, json];
    await writeAudited(this.#options.admin, note, { write: setDefaultText, values });
    this.#options.catalog.forget();
  }

  async declare({ key, kind, description = '' }: SettingDeclaration, actor: Actor): Promise<void> {
    assertSettingKey(key);
    const { admin, catalog } = this.#options;
    if (kind !== 'json') {
      const { rows } = await admin.query(contradictingText, [key, kind]);
      const contradicting = Number(rows[0]?.['contradicting']);
      if (contradicting > 0)
        throw new BulkheadError('value_invalid', {
          field: key,
          contradicting,
          reason: `values that are no ${kind} are stored already`,
        });
    }
    const note = { actor, action: 'setting.declared', tenant: undefined, detail: { key, kind } };
    await writeAudited(admin, note, { write: declareText, values: [key, kind, description] });
    catalog.forget();
  }

  async #both(id: TenantId): Promise<readonly [ResolvedTenant, Catalog]> {
    const tenant = await this.#options.directory.byId(id);
    if (tenant === undefined) throw new BulkheadError('tenant_not_found', { tenant: id });
    return [tenant, await this.#options.catalog.get()];
  }

  async #toJson(key: string, value: unknown): Promise<string> {
    assertSettingKey(key);
    return toSettingJson(key, value, (await this.#options.catalog.get()).declarations.get(key));
  }

  async #write(tenant: TenantId, pending: Promise<readonly unknown[]>): Promise<void> {
    try {
      const rows = await refusing(pending, {
        tenant_settings_check: () =>
          new BulkheadError('value_invalid', { field: 'settings', reason: 'all together more than 16 KiB' }),
      });
      if (rows.length === 0) throw new BulkheadError('tenant_not_found', { tenant });
    } finally {
      this.#options.directory.forget(tenant);
    }
  }
}
