import type { EraseReceipt } from '../../core/compartment.ts';
import type { TenantId } from '../../core/ids.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { sharedSchema, toContainerAddress, type RowsContainer } from './container.ts';
import type { RowsDeps } from './deps.ts';
import { quote } from './filter.ts';
import { tenantTables, type Table } from './tables.ts';
import { literal } from './wall.ts';

/** Every lock of a dropped table is held until commit, and a server has some thousands: so tables go in handfuls. */
const tablesPerTransaction = 25;

export async function eraseContainer(
  deps: RowsDeps,
  input: {
    readonly tenant: TenantId;
    readonly container: RowsContainer;
    /** `tenant_moves`: its login is that of its other database too, and stays in the vault. */
    readonly because: 'tenant_leaves' | 'tenant_moves';
  },
): Promise<EraseReceipt> {
  const { tenant, container, because } = input;
  const server = await deps.servers.server(container.server);
  const address = toContainerAddress(container);
  const { tables } = deps.tables.at(deps.versions.peek(address));
  if (container.kind !== 'shared') await deps.versions.forget(address);
  switch (container.kind) {
    case 'shared':
      return await eraseShared(server.pool, tenant, tables);
    case 'schema':
      return await eraseSchema(server.pool, {
        tenant,
        schema: container.schema,
        role: deps.roles.own(container),
      });
    case 'database': {
      const existed = await server.databaseExists(container.database);
      const removed = existed
        ? await server.withAdmin(container.database, (admin) => countOwned(admin, tables))
        : 0n;
      await server.dropDatabase(container.database);
      await server.pool.script(`drop role if exists ${quote(deps.roles.own(container))};`);
      if (because === 'tenant_leaves') await deps.credentials.drop(tenant);
      await deps.servers.release(tenant, container.server);
      return { removed, left: (await server.databaseExists(container.database)) ? 1n : 0n, notCovered };
    }
  }
}

const notCovered = ['write-ahead log and base backups of the server, until their retention ends'];

async function eraseShared(
  admin: AdminDatabase,
  tenant: TenantId,
  tables: readonly Table[],
): Promise<EraseReceipt> {
  const owned = tenantTables(tables);
  const removed = await admin.transaction(async (tx) => {
    let count = 0n;
    // Children come after the tables they refer to, so they are emptied first.
    for (const table of owned.toReversed()) {
      const { rowCount } = await tx.query(`delete from ${inShared(table)} where tenant_id = $1`, [tenant]);
      count += BigInt(rowCount);
    }
    await tx.query(`delete from bulkhead_wall.tenant where tenant_id = $1 and schema_name = $2`, [
      tenant,
      sharedSchema,
    ]);
    return count;
  });
  const counts = owned.map(
    (table) => `select count(*) as left from ${inShared(table)} where tenant_id = ${literal(tenant)}`,
  );
  const { rows } = await admin.query<{ left: string }>(
    `select coalesce(sum(counted.left), 0)::text as left from (${counts.join(' union all ')}) as counted`,
  );
  return { removed, left: BigInt(rows[0]?.left ?? '1'), notCovered };
}

function inShared(table: Table): string {
  return `${quote(sharedSchema)}.${quote(table.name)}`;
}

async function eraseSchema(
  admin: AdminDatabase,
  own: { tenant: TenantId; schema: string; role: string },
): Promise<EraseReceipt> {
  const tables = await readTableNames(admin, own.schema);
  const removed = tables.length === 0 ? 0n : await countRows(admin, own.schema, tables);
  for (let start = 0; start < tables.length; start += tablesPerTransaction) {
    const names = tables
      .slice(start, start + tablesPerTransaction)
      .map((name) => `${quote(own.schema)}.${quote(name)}`);
    await admin.script(`drop table if exists ${names.join(', ')} cascade;`);
  }
  await admin.script(`
    drop schema if exists ${quote(own.schema)} cascade;
    delete from bulkhead_wall.migration where schema_name = ${literal(own.schema)};
    delete from bulkhead_wall.tenant where tenant_id = ${literal(own.tenant)} and schema_name = ${literal(own.schema)};
    do $$ begin
      if exists (select from pg_roles where rolname = ${literal(own.role)}) then
        execute ${literal(`drop owned by ${quote(own.role)}`)};
        execute ${literal(`drop role ${quote(own.role)}`)};
      end if;
    end $$;`);
  const { rows } = await admin.query<{ left: string }>(
    `select (select count(*) from pg_namespace where nspname = $1) + (select count(*) from pg_roles where rolname = $2) as left`,
    [own.schema, own.role],
  );
  return { removed, left: BigInt(rows[0]?.left ?? '1'), notCovered };
}

async function readTableNames(admin: AdminDatabase, schema: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition order by c.relname`,
    [schema],
  );
  return rows.map(({ name }) => name);
}

async function countRows(admin: AdminDatabase, schema: string, tables: readonly string[]): Promise<bigint> {
  const counts = tables.map((name) => `select count(*) as n from ${quote(schema)}.${quote(name)}`);
  const { rows } = await admin.query<{ n: string }>(
    `select sum(c.n)::text as n from (${counts.join(' union all ')}) c`,
  );
  return BigInt(rows[0]?.n ?? '0');
}

async function countOwned(admin: AdminDatabase, tables: readonly Table[]): Promise<bigint> {
  const existing = new Set(await readTableNames(admin, 'tenant'));
  const owned = tenantTables(tables)
    .map(({ name }) => name)
    .filter((name) => existing.has(name));
  return owned.length === 0 ? 0n : await countRows(admin, 'tenant', owned);
}
