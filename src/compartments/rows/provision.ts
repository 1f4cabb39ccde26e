import type { TenantId } from '../../core/ids.ts';
import { toVersion, toVersionText } from '../../core/schema-version.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import {
  schemaOf,
  sharedContainer,
  sharedSchema,
  toContainerAddress,
  type RoleNames,
  type RowsContainer,
} from './container.ts';
import type { RowsDeps } from './deps.ts';
import { quote } from './filter.ts';
import { ensureLogin } from './logins.ts';
import { applyMigrations } from './migrations/apply.ts';
import { containerPath } from './migrations/names.ts';
import { readApplied } from './migrations/history.ts';
import { groupRole, installWall, literal } from './wall.ts';

/** Makes a pool database ready to hold shared and schema tenants. Idempotent; rows run it at each start. */
export async function preparePool(deps: RowsDeps, name: string): Promise<void> {
  const server = await deps.servers.server(name);
  const { pool } = server;
  await installWall(pool, { roles: deps.roles, files: deps.wallFiles });
  await ensureLogin(pool, deps.credentials, { owner: `server:${name}`, role: deps.roles.app });
  const app = quote(deps.roles.app);
  await pool.script(`
    grant ${quote(groupRole(deps.roles))} to ${app} with inherit true;
    do $$ begin
      execute format('grant connect on database %I to ${app}', current_database());
      execute format('alter role ${app} in database %I set search_path = ${containerPath(sharedSchema)}', current_database());
    end $$;`);
  if (deps.family === 'rows')
    await prepareShared(deps, { pool, container: sharedContainer('rows', { server: name, number: 1 }) });
}

/**
 * A new shared schema gets everything. One that tenants live in already is left as it is: starting a node must not
 * change their tables, `bulkhead migrate` does. Until then they are served at the version they have.
 */
async function prepareShared(
  deps: RowsDeps,
  at: { readonly pool: AdminDatabase; readonly container: RowsContainer },
): Promise<void> {
  const { migrations } = deps;
  const schema = schemaOf(at.container);
  const [name, app] = [quote(schema), quote(deps.roles.app)];
  await at.pool.script(`
    create schema if not exists ${name};
    revoke all on schema ${name} from public;
    grant usage on schema ${name} to ${app};`);
  let applied = await readApplied(at.pool, schema);
  if (applied.length === 0) {
    await applyMigrations(at.pool, { schema, role: deps.roles.app, migrations });
    applied = await readApplied(at.pool, schema);
  }
  await deps.furnishing.put(at.pool, schema);
  const version = toVersionText(toVersion(applied.map(({ set_name: set, number }) => ({ set, number }))));
  await deps.versions.record([{ container: toContainerAddress(at.container), version }]);
}

/** Once a process and place; one that failed is tried again by the next tenant. */
function once(deps: RowsDeps, place: string, prepare: () => Promise<void>): Promise<void> {
  const known = deps.preparedPools.get(place);
  if (known !== undefined) return known;
  const preparing = prepare();
  deps.preparedPools.set(place, preparing);
  preparing.catch(() => deps.preparedPools.delete(place));
  return preparing;
}

async function ensurePlace(
  deps: RowsDeps,
  pool: AdminDatabase,
  container: Extract<RowsContainer, { kind: 'shared' | 'schema' }>,
): Promise<void> {
  await once(deps, container.server, () => preparePool(deps, container.server));
  if (container.kind === 'shared' && deps.family !== 'rows')
    await once(deps, toContainerAddress(container), () => prepareShared(deps, { pool, container }));
}

/** Puts one tenant into its container. Every statement may run again. */
export async function provisionContainer(
  deps: RowsDeps,
  tenant: TenantId,
  container: RowsContainer,
): Promise<void> {
  const server = await deps.servers.server(container.server);
  if (container.kind !== 'database') await ensurePlace(deps, server.pool, container);
  switch (container.kind) {
    case 'shared':
      return await admit(server.pool, { tenant, schema: schemaOf(container) });
    case 'schema': {
      const role = deps.roles.own(container);
      await server.pool.script(
        toSchemaScript(deps.roles, { schema: container.schema, role, login: deps.roles.app }),
      );
      await applyMigrations(server.pool, { schema: container.schema, role, migrations: deps.migrations });
      await deps.furnishing.put(server.pool, container.schema);
      await recordHead(deps, container);
      return await admit(server.pool, { tenant, schema: schemaOf(container) });
    }
    case 'database': {
      await server.createDatabase(container.database);
      await server.withAdmin(container.database, (admin) =>
        provisionDatabase(deps, { admin, tenant, container }),
      );
      return await recordHead(deps, container);
    }
  }
}

/** A new container has everything this node knows, also while the others are being migrated. */
function recordHead(deps: RowsDeps, container: RowsContainer): Promise<void> {
  const version = toVersionText(toVersion(deps.migrations));
  return deps.versions.record([{ container: toContainerAddress(container), version }]);
}

async function provisionDatabase(
  deps: RowsDeps,
  input: { admin: AdminDatabase; tenant: TenantId; container: Extract<RowsContainer, { kind: 'database' }> },
): Promise<void> {
  const { admin, tenant, container } = input;
  const role = deps.roles.own(container);
  const schema = schemaOf(container);
  await installWall(admin, { roles: deps.roles, files: deps.wallFiles });
  await ensureLogin(admin, deps.credentials, { owner: tenant, role });
  // The login's own path is the one of rows; the other families send theirs with each statement.
  const path = containerPath(schemaOf({ ...container, family: 'rows' }));
  await admin.script(`
    grant ${quote(groupRole(deps.roles))} to ${quote(role)} with inherit true;
    create schema if not exists ${quote(schema)};
    revoke all on schema ${quote(schema)} from public;
    grant usage on schema ${quote(schema)} to ${quote(role)};
    grant connect on database ${quote(container.database)} to ${quote(role)};
    alter role ${quote(role)} in database ${quote(container.database)} set search_path = ${path};`);
  await applyMigrations(admin, { schema, role, migrations: deps.migrations });
  await deps.furnishing.put(admin, schema);
  await admit(admin, { tenant, schema });
}

/** A tenant in one of its containers: during a move it has two, perhaps in one database. */
interface Resident {
  readonly tenant: TenantId;
  readonly schema: string;
}

/** From here on the database gives out capabilities for the tenant. */
export async function admit(admin: AdminDatabase, { tenant, schema }: Resident): Promise<void> {
  await admin.query(
    `insert into bulkhead_wall.tenant (tenant_id, schema_name) values ($1, $2)
       on conflict (tenant_id, schema_name) do update set sealed = false`,
    [tenant, schema],
  );
}

/** Sealed: every capability ends and no more are given out. Waits for an issue under way, so that none slips through. */
export async function sealTenant(
  admin: AdminDatabase,
  { tenant, schema }: Resident,
  state: 'sealed' | 'open',
): Promise<void> {
  await admin.transaction(async (tx) => {
    await tx.query(`update bulkhead_wall.tenant set sealed = $3 where tenant_id = $1 and schema_name = $2`, [
      tenant,
      schema,
      state === 'sealed',
    ]);
    if (state === 'sealed')
      await tx.query(`delete from bulkhead_wall.capability where tenant_id = $1 and schema_name = $2`, [
        tenant,
        schema,
      ]);
  });
}

function toSchemaScript(roles: RoleNames, own: { schema: string; role: string; login: string }): string {
  const role = quote(own.role);
  const schema = quote(own.schema);
  // One role a schema: a role shared by schemas would read the neighbour's table by its qualified name.
  return `
    do $$ begin
      if not exists (select from pg_roles where rolname = ${literal(own.role)}) then
        create role ${role} nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit nologin;
      end if;
    end $$;
    grant ${quote(groupRole(roles))} to ${role} with inherit true;
    grant ${role} to ${quote(own.login)} with inherit false, set true;
    create schema if not exists ${schema};
    revoke all on schema ${schema} from public;
    grant usage on schema ${schema} to ${role};`;
}
