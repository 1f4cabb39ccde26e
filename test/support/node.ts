import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bulkhead } from '../../src/bulkhead.ts';
import { readConfig } from '../../src/config.ts';
import type { Actor } from '../../src/core/scope.ts';
import type { Isolation } from '../../src/core/placement.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { createBulkhead, type BulkheadOptions } from '../../src/create-bulkhead.ts';
import { privateTemplateFolder } from '../../src/drivers/pglite/template.ts';
import { openPostgresAdmin } from '../../src/drivers/postgres/open.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';

export const operator: Actor = { kind: 'operator', id: 'test' };

/** A database of its own for one test file; gone with everything in it when disposed. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Superuser on that database, past every wall: for looking, and for breaking things. */
  readonly root: AdminDatabase;
}

export async function newTestDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `bh_test_${randomBytes(6).toString('hex')}`;
  const server = openPostgresAdmin({ url: serverUrl, applicationName: 'bulkhead test', maxConnections: 1 });
  await server.query(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const root = openPostgresAdmin({ url: url.href, applicationName: 'bulkhead test', maxConnections: 2 });
  return {
    url: url.href,
    root,
    async [Symbol.asyncDispose]() {
      const prefix = await readRolePrefix(root);
      await root.close();
      await server.query(`drop database ${name} with (force)`);
      if (prefix !== undefined) await dropRoles(server, prefix);
      await server.close();
    },
  };
}

async function readRolePrefix(root: AdminDatabase): Promise<string | undefined> {
  const { rows: made } = await root.query<{ made: boolean }>(
    `select to_regclass('bulkhead.installation') is not null as made`,
  );
  if (made[0]?.made !== true) return undefined;
  const { rows } = await root.query<{ prefix: string }>(
    'select role_prefix as prefix from bulkhead.installation',
  );
  return rows[0]?.prefix;
}

/** Databases and roles belong to the server and outlive the database they were made for. */
async function dropRoles(server: AdminDatabase, prefix: string): Promise<void> {
  const { rows: databases } = await server.query<{ name: string }>(
    `select distinct d.datname as name from pg_database d, aclexplode(d.datacl) a join pg_roles r on r.oid = a.grantee
       where starts_with(r.rolname, $1 || '_')`,
    [prefix],
  );
  for (const { name } of databases)
    if (name.startsWith('tenant_')) await server.query(`drop database "${name}" with (force)`);
  const { rows: roles } = await server.query<{ name: string }>(
    `select rolname as name from pg_roles where starts_with(rolname, $1 || '_')`,
    [prefix],
  );
  for (const { name } of roles) {
    // A role that still holds something elsewhere is another test's business.
    await server.script(`drop owned by "${name}"; drop role "${name}";`).catch(() => undefined);
  }
}

/** initdb takes seconds; the embedded databases of all test files start from one template, as those of one folder do. */
export async function shareTemplate(dataDir: string): Promise<void> {
  const databases = join(dataDir, 'databases');
  await mkdir(databases, { recursive: true, mode: 0o700 });
  await symlink(await privateTemplateFolder(), join(databases, '.template'));
}

export interface TestNode extends AsyncDisposable {
  readonly node: Bulkhead;
  readonly dataDir: string;
  /** A second node over the same database, as another process would be. */
  another(options?: Partial<BulkheadOptions>): Promise<Bulkhead>;
  tenant(isolation: Isolation, fields?: { plan?: string; parent?: string }): Promise<Tenant>;
}

/** A node on a database of its own: Postgres where a URL is given, else embedded in a temporary folder. */
export async function newTestNode(
  options: Partial<BulkheadOptions> & {
    readonly databaseUrl?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<TestNode> {
  const { databaseUrl, env, ...rest } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-test-'));
  await shareTemplate(dataDir);
  const config = readConfig({
    BULKHEAD_DATA_DIR: dataDir,
    BULKHEAD_LOG_LEVEL: 'silent',
    // Tests ask faster than any plan allows; those of limits switch them on.
    BULKHEAD_LIMITS: 'off',
    ...(databaseUrl === undefined ? {} : { BULKHEAD_DATABASE_URL: databaseUrl }),
    ...env,
  });
  const node = await createBulkhead({ config, ...rest });
  const others: Bulkhead[] = [];
  return {
    node,
    dataDir,
    async another(more = {}) {
      const other = await createBulkhead({ config, ...more });
      others.push(other);
      return other;
    },
    async tenant(isolation, fields = {}) {
      const slug = `t-${randomBytes(8).toString('hex')}`;
      const { tenant } = await node.lifecycle.create(
        { slug, name: slug, plan: 'enterprise', isolation, ...fields },
        operator,
      );
      return tenant;
    },
    async [Symbol.asyncDispose]() {
      for (const other of others) await other.close();
      await node.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
