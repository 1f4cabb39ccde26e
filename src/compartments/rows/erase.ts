import type { EraseReceipt } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { SqlServer } from '../../drivers/server.ts';
import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import { otherName, schemaOf, toContainerAddress, type RowsContainer } from './container.ts';
import { countRows, readTableNames } from './count.ts';
import type { RowsDeps } from './deps.ts';
import { quote } from './filter.ts';
import { dropTriggers } from './move/capture.ts';
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
    case 'shared': {
      const { schema } = container;
      const withAdmin = <T>(body: (admin: AdminDatabase) => Promise<T>): Promise<T> => body(server.pool);
      // Those of a move that nobody confirmed: they name the tenant.
      await dropTriggers({ tenant, container, schema, role: deps.roles.app, withAdmin }, tables);
      await deps.furnishing.remove(server.pool, { tenant, schema });
      const receipt = await eraseShared(server.pool, { tenant, schema, tables });
      await deps.seats.leave(tenant, address);
      return receipt;
    }
    case 'schema':
      await deps.furnishing.remove(server.pool, { tenant, schema: container.schema });
      return await eraseSchema(server.pool, {
        tenant,
        schema: container.schema,
        role: deps.roles.own(container),
      });
    case 'database':
      return await eraseDatabase(deps, server, { tenant, container, tables, because });
  }
}

const dependentObjects = '2BP01';
const notCovered = ['write-ahead log and base backups of the server, until their retention ends'];

/** Other compartments may have their tables in the same database; the last one to leave takes it down. */
async function eraseDatabase(
  deps: RowsDeps,
  server: SqlServer,
  work: {
    readonly tenant: TenantId;
    readonly container: Extract<RowsContainer, { kind: 'database' }>;
    readonly tables: readonly Table[];
    readonly because: 'tenant_leaves' | 'tenant_moves';
  },
): Promise<EraseReceipt> {
  const { tenant, container, because } = work;
  const { database } = container;
  const schema = schemaOf(container);
  let removed = 0n;
  if (await server.databaseExists(database)) {
    const left = await server.withAdmin(database, async (admin) => {
      removed = await countOwned(admin, schema, work.tables);
      const others = await readNeighbours(admin, schema);
      if (others === 0) return undefined;
      await deps.furnishing.remove(admin, { tenant, schema });
      await dropSchema(admin, { tenant, schema });
      return await countLeft(admin, { schema, role: '' });
    });
    if (left !== undefined) return { removed, left, notCovered };
  }
  await deps.pools.drop(container);
  await server.dropDatabase(database);
  // The roles of an embedded database are its own, and went with it.
  if (server.dialect === 'postgres')
    await server.pool.script(`drop role if exists ${quote(deps.roles.own(container))};`);
  if (because === 'tenant_leaves') await deps.credentials.drop(tenant);
  // A dedicated server is the tenant's as long as the tenant's other database is on it.
  if (!(await server.databaseExists(otherName(database))))
    await deps.servers.release(tenant, container.server);
  return { removed, left: (await server.databaseExists(database)) ? 1n : 0n, notCovered };
}

async function readNeighbours(admin: AdminDatabase, schema: string): Promise<number> {
  const { rows: found } = await admin.query<{ made: boolean }>(
    `select to_regclass('bulkhead_wall.tenant') is not null as made`,
  );
  if (found[0]?.made !== true) return 0;
  const { rows } = await admin.query<{ others: number }>(
    `select count(*)::int as others from bulkhead_wall.tenant where schema_name <> $1`,
    [schema],
  );
  return rows[0]?.others ?? 0;
}

async function eraseShared(
  admin: AdminDatabase,
  work: { readonly tenant: TenantId; readonly schema: string; readonly tables: readonly Table[] },
): Promise<EraseReceipt> {
  const { tenant, schema } = work;
  const owned = tenantTables(work.tables);
  const removed = await admin.transaction(async (tx) => {
    let count = 0n;
    // Children come after the tables they refer to, so they are emptied first.
    for (const table of owned.toReversed()) {
      const { rowCount } = await tx.query(`delete from ${inSchema(schema, table)} where tenant_id = $1`, [
        tenant,
      ]);
      count += BigInt(rowCount);
    }
    for (const table of ['move_change', 'tenant'])
      await tx.query(`delete from bulkhead_wall.${table} where tenant_id = $1 and schema_name = $2`, [
        tenant,
        schema,
      ]);
    return count;
  });
  const counts = owned.map(
    (table) => `select count(*) as left from ${inSchema(schema, table)} where tenant_id = ${literal(tenant)}`,
  );
  const { rows } = await admin.query<{ left: string }>(
    `select coalesce(sum(counted.left), 0)::text as left from (${counts.join(' union all ')}) as counted`,
  );
  return { removed, left: BigInt(rows[0]?.left ?? '1'), notCovered };
}

function inSchema(schema: string, table: Table): string {
  return `${quote(schema)}.${quote(table.name)}`;
}

async function eraseSchema(
  admin: AdminDatabase,
  own: { tenant: TenantId; schema: string; role: string },
): Promise<EraseReceipt> {
  const tables = await readTableNames(admin, own.schema);
  const removed = tables.length === 0 ? 0n : await countRows(admin, own.schema, tables);
  await dropSchema(admin, own);
  await dropRole(admin, own.role);
  return { removed, left: await countLeft(admin, own), notCovered };
}

/** @throws internal where another database of the server has something of the role */
async function dropRole(admin: AdminDatabase, role: string): Promise<void> {
  try {
    await admin.script(`
    do $$ begin
      if exists (select from pg_roles where rolname = ${literal(role)}) then
        execute ${literal(`drop owned by ${quote(role)}`)};
        execute ${literal(`drop role ${quote(role)}`)};
      end if;
    end $$;`);
  } catch (cause) {
    if (!(cause instanceof SqlError) || cause.sqlState !== dependentObjects) throw cause;
    throw new BulkheadError(
      'internal',
      { reason: 'another database of the server, perhaps a copy of this one, has something of its role' },
      { cause },
    );
  }
}

async function dropSchema(
  admin: AdminDatabase,
  own: { readonly tenant: TenantId; readonly schema: string },
): Promise<void> {
  const tables = await readTableNames(admin, own.schema);
  for (let start = 0; start < tables.length; start += tablesPerTransaction) {
    const names = tables
      .slice(start, start + tablesPerTransaction)
      .map((name) => `${quote(own.schema)}.${quote(name)}`);
    await admin.script(`drop table if exists ${names.join(', ')} cascade;`);
  }
  await admin.script(`
    drop schema if exists ${quote(own.schema)} cascade;
    delete from bulkhead_wall.migration where schema_name = ${literal(own.schema)};
    delete from bulkhead_wall.move_change where tenant_id = ${literal(own.tenant)} and schema_name = ${literal(own.schema)};
    delete from bulkhead_wall.tenant where tenant_id = ${literal(own.tenant)} and schema_name = ${literal(own.schema)};`);
}

async function countLeft(
  admin: AdminDatabase,
  own: { readonly schema: string; readonly role: string },
): Promise<bigint> {
  const { rows } = await admin.query<{ left: string }>(
    `select (select count(*) from pg_namespace where nspname = $1) + (select count(*) from pg_roles where rolname = $2) as left`,
    [own.schema, own.role],
  );
  return BigInt(rows[0]?.left ?? '1');
}

async function countOwned(admin: AdminDatabase, schema: string, tables: readonly Table[]): Promise<bigint> {
  const existing = new Set(await readTableNames(admin, schema));
  const owned = tenantTables(tables)
    .map(({ name }) => name)
    .filter((name) => existing.has(name));
  return owned.length === 0 ? 0n : await countRows(admin, schema, owned);
}
