import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { PostgresOptions } from '../../../src/drivers/postgres/open.ts';
import { openPostgres, openPostgresAdmin } from '../../../src/drivers/postgres/open.ts';
import type { AdminDatabase, TenantDatabase, WallContext } from '../../../src/drivers/sql.ts';

/** A database of its own for one test file: the wall, one walled table, a weak login; all of it dropped at the end. */
export interface WalledDatabase extends AsyncDisposable {
  readonly admin: AdminDatabase;
  /** As the weak login, straight to the server. */
  readonly url: string;
  readonly appRole: string;
  readonly prefix: string;
  open(options?: Partial<PostgresOptions>): TenantDatabase;
  /** The weak login's URL through a pooler in front of the same server. */
  through(poolerUrl: string): string;
  tenant(): Promise<WallContext>;
  /** A schema with a NOLOGIN role of its own, and in it `item`. */
  schemaTenant(): Promise<WallContext>;
}

export const oneItem = 'select id, body from item where id = $1';

export async function newWalledDatabase(serverUrl: string): Promise<WalledDatabase> {
  const prefix = `t${randomBytes(5).toString('hex')}`;
  const root = openPostgresAdmin({ url: serverUrl, applicationName: 'test root' });
  const stack = new AsyncDisposableStack();
  stack.defer(() => root.close());
  const appRole = `${prefix}_app`;
  const password = randomBytes(12).toString('hex');
  await root.query(`create role ${appRole} login password '${password}' noinherit`);
  await root.query(`create role ${prefix}_wall nologin`);
  stack.defer(async () => {
    const { rows } = await root.query<{ name: string }>(
      `select rolname as name from pg_roles where rolname like $1`,
      [`${prefix}\\_%`],
    );
    for (const { name } of rows) await root.query(`drop role ${name}`);
  });
  await root.query(`create database ${prefix}`);
  stack.defer(async () => {
    await root.query(`drop database ${prefix} with (force)`);
  });
  const admin = openPostgresAdmin({ url: at(serverUrl, prefix), applicationName: 'test owner' });
  stack.defer(() => admin.close());
  await installWall(admin, { appRole, wallRole: `${prefix}_wall` });
  const url = at(serverUrl, prefix, { user: appRole, password });
  const opened = stack.move();
  return {
    admin,
    url,
    appRole,
    prefix,
    open(options = {}) {
      const database = openPostgres({ url, applicationName: 'test tenants', ...options });
      opened.defer(() => database.close());
      return database;
    },
    through: (poolerUrl) => at(poolerUrl, prefix, { user: appRole, password }),
    tenant: () => newTenant(admin, {}),
    schemaTenant: () => newSchemaTenant(admin, { prefix, appRole }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Also for an embedded database, whose `appRole` needs no login. */
export async function installWall(
  admin: AdminDatabase,
  roles: { readonly appRole: string; readonly wallRole: string },
): Promise<void> {
  const folder = new URL('../../../sql/wall/', import.meta.url);
  for (const name of (await readdir(folder)).toSorted()) {
    const text = await readFile(new URL(name, folder), 'utf8');
    await admin.script(
      text.replaceAll('{{wall_role}}', roles.wallRole).replaceAll('{{app_role}}', roles.appRole),
    );
  }
  await admin.script(`create schema shared; ${itemTable('shared')}
    grant usage on schema shared to ${roles.appRole};
    grant select, insert, update, delete on shared.item to ${roles.appRole};
    alter role ${roles.appRole} set search_path = shared, pg_temp`);
}

function itemTable(schema: string): string {
  const own = 'tenant_id = (select bulkhead_wall.current_tenant_id())';
  return `create table ${schema}.item (
      tenant_id uuid not null default bulkhead_wall.current_tenant_id(),
      id integer not null,
      body text not null check (body <> 'forbidden'),
      size smallint,
      primary key (tenant_id, id));
    alter table ${schema}.item enable row level security, force row level security;
    create policy bulkhead_open on ${schema}.item as permissive using (true) with check (true);
    create policy bulkhead_wall on ${schema}.item as restrictive using (${own}) with check (${own});`;
}

export async function newTenant(
  admin: AdminDatabase,
  options: { readonly schema?: string; readonly items?: number },
): Promise<WallContext> {
  const tenantId = randomUUID();
  await admin.query('insert into bulkhead_wall.tenant (tenant_id) values ($1)', [tenantId]);
  await admin.query(
    `insert into ${options.schema ?? 'shared'}.item (tenant_id, id, body)
      select $1::uuid, g, 'of ' || $1::text from generate_series(1, $2) g`,
    [tenantId, options.items ?? 20],
  );
  return { tenantId, capability: await newCapability(admin, tenantId) };
}

export async function newCapability(admin: AdminDatabase, tenantId: string, ttl = '1 hour'): Promise<string> {
  const token = randomBytes(32).toString('hex');
  await admin.query(
    'insert into bulkhead_wall.capability (digest, tenant_id, expires_at) values ($1, $2, now() + $3::interval)',
    [createHash('sha256').update(token).digest(), tenantId, ttl],
  );
  return token;
}

async function newSchemaTenant(
  admin: AdminDatabase,
  names: { readonly prefix: string; readonly appRole: string },
): Promise<WallContext> {
  const schema = `s${randomBytes(5).toString('hex')}`;
  const role = `${names.prefix}_${schema}`;
  await admin.script(`create role ${role} nologin; create schema ${schema}; ${itemTable(schema)}
    grant usage on schema ${schema}, bulkhead_wall to ${role};
    grant execute on function bulkhead_wall.current_tenant_id() to ${role};
    grant select, insert, update, delete on ${schema}.item to ${role};
    grant ${role} to ${names.appRole} with inherit false, set true`);
  return { ...(await newTenant(admin, { schema })), role, searchPath: `${schema}, pg_temp` };
}

function at(
  url: string,
  database: string,
  login?: { readonly user: string; readonly password: string },
): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  if (login !== undefined) {
    parsed.username = login.user;
    parsed.password = login.password;
  }
  return parsed.href;
}
