import pg from 'pg';
import type { TenantDatabase, WallContext } from '../../src/drivers/sql.ts';
import type { PostgresOptions } from '../../src/drivers/postgres/open.ts';
import { newCapability, newWalledDatabase } from '../../test/drivers/support/walled-database.ts';

/**
 * Data as a pool server holds it: many tenants in one table, behind the wall. No commit waits for the disk, whoever
 * writes: what the disk takes, it takes from all of them.
 */
export interface Fixture extends AsyncDisposable {
  readonly tenants: readonly WallContext[];
  readonly rowsPerTenant: number;
  /** The weak login. */
  readonly url: string;
  /** A login the wall does not hold, for queries that name their tenant by hand. */
  readonly rawUrl: string;
  open(options?: Partial<PostgresOptions>): TenantDatabase;
  script(text: string): Promise<void>;
}

export async function newFixture(
  serverUrl: string,
  size: { readonly tenants: number; readonly rowsPerTenant: number },
): Promise<Fixture> {
  const walled = await newWalledDatabase(serverUrl);
  const { admin, appRole } = walled;
  const rawRole = `${walled.prefix}_raw`;
  const own = 'tenant_id = (select bulkhead_wall.current_tenant_id())';
  await admin.script(`
    create role ${rawRole} login bypassrls password 'raw';
    create table shared.doc (
      tenant_id uuid not null default bulkhead_wall.current_tenant_id(), id bigint not null, title text not null,
      body text not null, created_at timestamptz not null default now(), primary key (tenant_id, id));
    alter table shared.doc enable row level security, force row level security;
    create policy bulkhead_open on shared.doc as permissive using (true) with check (true);
    create policy bulkhead_wall on shared.doc as restrictive using (${own}) with check (${own});
    grant select, insert on shared.doc to ${appRole}, ${rawRole};
    grant usage on schema shared to ${rawRole};
    grant execute on function bulkhead_wall.current_tenant_id() to ${rawRole};
    grant usage on schema bulkhead_wall to ${rawRole};
    alter role ${rawRole} set search_path = shared;
    alter role ${rawRole} set synchronous_commit = off;
    alter role ${appRole} set synchronous_commit = off;
    insert into bulkhead_wall.tenant select gen_random_uuid() from generate_series(1, ${size.tenants});
    insert into shared.doc (tenant_id, id, title, body)
      select tenant_id, g, 'title ' || g, repeat('x', 120) from bulkhead_wall.tenant, generate_series(1, ${size.rowsPerTenant}) g;`);
  await admin.script('vacuum analyze shared.doc');
  const { rows } = await admin.query<{ tenant_id: string }>('select tenant_id from bulkhead_wall.tenant');
  const tenants = await Promise.all(
    rows.map(async ({ tenant_id: tenantId }) => ({
      tenantId,
      capability: await newCapability(admin, tenantId),
    })),
  );
  const rawUrl = new URL(walled.url);
  rawUrl.username = rawRole;
  rawUrl.password = 'raw';
  return {
    tenants,
    rowsPerTenant: size.rowsPerTenant,
    url: walled.url,
    rawUrl: rawUrl.href,
    open: (options) => walled.open(options),
    script: (text) => admin.script(text),
    [Symbol.asyncDispose]: () => walled[Symbol.asyncDispose](),
  };
}

export function newPool(url: string, max: number): pg.Pool {
  return new pg.Pool({ connectionString: url, max });
}
