import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { quoteName } from '../../../../src/compartments/rows/migrations/names.ts';
import { openPostgresAdmin } from '../../../../src/drivers/postgres/open.ts';
import type { AdminDatabase } from '../../../../src/drivers/sql.ts';
import { serviceUrl } from '../../../support/services.ts';
import { openEmbedded } from './pglite-admin.ts';

/** A throw-away database with the wall installed, as containers are made on. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly admin: AdminDatabase;
  /** A second connection pool to the same database, as another node would have; the same one where there is only one connection. */
  openNode(): AdminDatabase;
  /** A schema and the role that tenants of it work as. */
  createContainer(schema: string): Promise<{ readonly schema: string; readonly role: string }>;
}

export interface Engine {
  readonly name: 'PGlite' | 'PostgreSQL';
  open(): Promise<TestDatabase>;
}

const url = serviceUrl('postgres');

/** PGlite always; the real server where the services are up. */
export const engines: readonly Engine[] = [
  { name: 'PGlite', open: openPglite },
  ...(url === undefined ? notCovered() : [{ name: 'PostgreSQL' as const, open: () => openPostgres(url) }]),
];

function notCovered(): readonly Engine[] {
  if (process.env['CI'] === 'true') throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  console.warn('not covered: migrations on PostgreSQL, because BULKHEAD_TEST_POSTGRES_URL is not set');
  return [];
}

async function openPglite(): Promise<TestDatabase> {
  const admin = await openEmbedded();
  const roles = await installWall(admin);
  return {
    name: 'postgres',
    admin,
    openNode: () => ({ ...admin, close: async () => {} }),
    createContainer: (schema) => createContainer(admin, roles, schema),
    [Symbol.asyncDispose]: () => admin.close(),
  };
}

/** The same on a real server. */
export async function openPostgres(server: string): Promise<TestDatabase> {
  const name = `migrations_${randomBytes(6).toString('hex')}`;
  const root = openPostgresAdmin({ url: server, applicationName: 'test' });
  await root.script(`create database ${name}`);
  const own = new URL(server);
  own.pathname = `/${name}`;
  const openNode = (): AdminDatabase => openPostgresAdmin({ url: own.href, applicationName: 'test' });
  const admin = openNode();
  const roles = await installWall(admin);
  return {
    name,
    admin,
    openNode,
    createContainer: (schema) => createContainer(admin, roles, schema),
    [Symbol.asyncDispose]: async () => {
      await admin.close();
      await root.script(`drop database ${name} with (force)`);
      await root.script([...roles.made].map((role) => `drop role ${quoteName(role)}`).join(';'));
      await root.close();
    },
  };
}

interface TestRoles {
  readonly prefix: string;
  readonly group: string;
  readonly made: Set<string>;
}

async function installWall(admin: AdminDatabase): Promise<TestRoles> {
  const prefix = `bht_${randomBytes(6).toString('hex')}`;
  const [group, wall] = [`${prefix}_group`, `${prefix}_wall`];
  await admin.script(`create role ${group} nologin; create role ${wall} nologin`);
  const folder = new URL('../../../../sql/wall/', import.meta.url);
  for (const file of (await readdir(folder)).toSorted()) {
    const text = await readFile(new URL(file, folder), 'utf8');
    await admin.script(text.replaceAll('{{app_role}}', group).replaceAll('{{wall_role}}', wall));
  }
  return { prefix, group, made: new Set([group, wall]) };
}

async function createContainer(
  admin: AdminDatabase,
  roles: TestRoles,
  schema: string,
): Promise<{ schema: string; role: string }> {
  const role = `${roles.prefix}_${schema.slice(-8)}`;
  await admin.script(`
    create role ${quoteName(role)} nologin;
    grant ${quoteName(roles.group)} to ${quoteName(role)} with inherit true;
    create schema ${quoteName(schema)};
    grant usage on schema ${quoteName(schema)} to ${quoteName(role)};`);
  roles.made.add(role);
  return { schema, role };
}
