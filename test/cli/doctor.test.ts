import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/cli/doctor/check.ts';
import { checkNode, checkTransport } from '../../src/cli/doctor/host.ts';
import { judgePooler } from '../../src/cli/doctor/pooler-version.ts';
import { checkRoles } from '../../src/cli/doctor/role-checks.ts';
import type { Seat, SeatRole } from '../../src/cli/doctor/seat.ts';
import { checkServer } from '../../src/cli/doctor/server-checks.ts';
import { readConfig } from '../../src/config.ts';
import { newTestDatabase, type TestDatabase } from '../support/node.ts';
import { describeWith, serviceUrl } from '../support/services.ts';
import { runCli, startServer, stopServer, temporaryFolder } from './support/cli.ts';

interface Examination {
  readonly healthy: boolean;
  readonly fail: number;
  readonly checks: readonly Check[];
}

const slow = 240_000;

async function examine(
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; found: Examination }> {
  const { code, stdout, stderr } = await runCli(['doctor', '--json'], env);
  if (stdout === '') throw new Error(stderr);
  return { code, found: JSON.parse(stdout) as Examination };
}

function stateOf({ checks }: Examination, name: string): string | undefined {
  return checks.find((check) => check.name === name)?.state;
}

describe('doctor on the embedded database', () => {
  test('finds a sound installation sound, and one with open modes ill', { timeout: slow }, async () => {
    await using folder = await temporaryFolder();
    await stopServer(await startServer(folder.path));
    const env = { BULKHEAD_DATA_DIR: folder.path };
    const sound = await examine(env);
    expect([sound.code, sound.found.healthy, sound.found.fail]).toEqual([0, true, 0]);
    expect(stateOf(sound.found, 'two tenants, one connection')).toBe('ok');
    expect(stateOf(sound.found, 'role of schema tenants')).toBe('ok');
    // What does not exist here is said to be untested, not passed over.
    expect(stateOf(sound.found, 'role of database tenants')).toBe('untested');
    await chmod(join(folder.path, 'operator-token'), 0o644);
    const ill = await examine(env);
    expect([ill.code, ill.found.healthy, stateOf(ill.found, 'operator token')]).toEqual([1, false, 'fail']);
    expect(ill.found.checks.find(({ name }) => name === 'operator token')?.todo).toContain('chmod 600');
  });

  test('says what it cannot test while a server has the database', { timeout: slow }, async () => {
    await using folder = await temporaryFolder();
    const server = await startServer(folder.path);
    const { code, found } = await examine({ BULKHEAD_DATA_DIR: folder.path });
    expect([code, stateOf(found, 'database')]).toEqual([0, 'untested']);
    await stopServer(server);
  });
});

async function examineThrough(database: TestDatabase, poolerUrl: string | undefined): Promise<Examination> {
  await using folder = await temporaryFolder();
  const env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path };
  const pooler =
    poolerUrl === undefined ? {} : { BULKHEAD_POOLER_URL: withDatabaseOf(poolerUrl, database.url) };
  const { found } = await examine({ ...env, ...pooler });
  return found;
}

function withDatabaseOf(url: string, other: string): string {
  const changed = new URL(url);
  changed.pathname = new URL(other).pathname;
  return changed.href;
}

describeWith('postgres', 'doctor on PostgreSQL', (url) => {
  test('finds it sound and leaves no tenant, role or database behind', { timeout: slow }, async () => {
    await using database = await newTestDatabase(url);
    const found = await examineThrough(database, undefined);
    expect(found.checks.filter(({ state }) => state === 'fail')).toEqual([]);
    for (const isolation of ['shared', 'schema', 'database'])
      expect(stateOf(found, `role of ${isolation} tenants`)).toBe('ok');
    expect([stateOf(found, 'migrations'), stateOf(found, 'tables of schema tenants')]).toEqual(['ok', 'ok']);
    // A warning where the server's pgvector is old.
    expect(['ok', 'warn']).toContain(stateOf(found, 'proof of every database'));
    const { rows } = await database.root.query<{ left: string }>(
      `select (select count(*) from bulkhead.tenant where state <> 'deleted')
            + (select count(*) from bulkhead_wall.tenant)
            + (select count(*) from pg_namespace where nspname like 'tenant\\_%') as left`,
    );
    expect(Number(rows[0]?.left)).toBe(0);
  });

  test('finds a login that was made strong', { timeout: slow }, async () => {
    await using database = await newTestDatabase(url);
    await examineThrough(database, undefined);
    const { rows } = await database.root.query<{ prefix: string }>(
      'select role_prefix as prefix from bulkhead.installation',
    );
    await database.root.script(`alter role "${rows[0]?.prefix}_app" createdb`);
    await using folder = await temporaryFolder();
    const { code, found } = await examine({
      BULKHEAD_DATABASE_URL: database.url,
      BULKHEAD_DATA_DIR: folder.path,
    });
    expect([code, found.healthy]).toEqual([1, false]);
  });

  test.each(['pgbouncer', 'pgbouncerPlain'] as const)(
    'sends two tenants through %s on one backend',
    { timeout: slow },
    async (name) => {
      const pooler = serviceUrl(name);
      if (pooler === undefined) throw new Error(`not covered: ${name} is not set`);
      await using database = await newTestDatabase(url);
      const found = await examineThrough(database, pooler);
      const check = found.checks.find(({ area }) => area === 'pooler');
      expect(check).toMatchObject({ state: 'ok', name: 'two tenants through the pooler' });
      expect(check?.found).toMatch(/hand-overs on one server process, nothing carried over/);
    },
  );
});

const weak: SeatRole = {
  name: 'bh_x_app',
  superuser: false,
  bypassesRls: false,
  createsRoles: false,
  createsDatabases: false,
  replicates: false,
};
const sound: Seat = {
  login: weak,
  acting: weak,
  memberOf: [{ ...weak, name: 'bh_x_app_group' }],
  owned: [],
  reachable: 9,
  unwalled: [],
  versionNumber: 170_012,
  version: '17.12',
  extensions: { vector: '0.8.7' },
  availableVector: '0.8.7',
  settings: {
    log_statement: 'none',
    log_min_duration_statement: '-1',
    log_parameter_max_length: '-1',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    max_connections: '200',
    superuser_reserved_connections: '3',
  },
  clockMs: 1_000,
};

function judge(change: Partial<Seat>): readonly Check[] {
  const seat = { ...sound, ...change };
  const config = readConfig({ BULKHEAD_DATABASE_URL: 'postgres://db.example.com/x?sslmode=verify-full' });
  return [
    ...checkServer(seat, config, { fromMs: 990, toMs: 1_010 }),
    ...checkRoles({ isolation: 'shared', seat, dialect: 'postgres', rolePrefix: 'bh_x' }),
  ];
}

describe('what doctor makes of what it sees', () => {
  test('a sound seat is ok throughout', () => {
    expect(judge({}).filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  const settings = (change: Record<string, string>): Partial<Seat> => ({
    settings: { ...sound.settings, ...change },
  });
  test.each<[string, Partial<Seat>, string, string]>([
    ['PostgreSQL 17.5', { versionNumber: 170_005 }, 'PostgreSQL', 'fail'],
    ['PostgreSQL 12', { versionNumber: 120_020 }, 'PostgreSQL', 'fail'],
    ['PostgreSQL 14.20', { versionNumber: 140_020 }, 'PostgreSQL', 'warn'],
    ['pgvector 0.8.0', { extensions: { vector: '0.8.0' } }, 'extension vector', 'warn'],
    ['pgvector 0.8.6', { extensions: { vector: '0.8.6' } }, 'extension vector', 'warn'],
    [
      'pgvector 0.8.0 not installed yet',
      { extensions: {}, availableVector: '0.8.0' },
      'extension vector',
      'warn',
    ],
    ['a superuser', { login: { ...weak, superuser: true } }, 'role of shared tenants', 'fail'],
    ['a role that bypasses', { acting: { ...weak, bypassesRls: true } }, 'role of shared tenants', 'fail'],
    [
      'a membership elsewhere',
      { memberOf: [{ ...weak, name: 'pg_read_all_data' }] },
      'memberships of shared tenants',
      'fail',
    ],
    [
      'a membership of another installation',
      { memberOf: [{ ...weak, name: 'bh_y_app' }] },
      'memberships of shared tenants',
      'fail',
    ],
    ['an owned table', { owned: ['shared.documents'] }, 'ownership of shared tenants', 'fail'],
    ['a table without a wall', { unwalled: ['shared.notes'] }, 'tables of shared tenants', 'fail'],
    ['fsync off', settings({ fsync: 'off' }), 'durability', 'fail'],
    ['remote_apply', settings({ synchronous_commit: 'remote_apply' }), 'durability', 'ok'],
    ['every statement logged', settings({ log_statement: 'all' }), 'statement log', 'warn'],
    ['too few connections', settings({ max_connections: '50' }), 'connections', 'fail'],
    ['connections for one node only', settings({ max_connections: '100' }), 'connections', 'warn'],
    ['a clock a minute ahead', { clockMs: 61_010 }, 'clock', 'warn'],
  ])('%s', (_, change, name, state) => {
    expect(judge(change).find((check) => check.name === name)).toMatchObject({ state });
  });

  test.each([
    ['24.13.0', 'ok'],
    ['24.12.9', 'warn'],
    ['22.22.0', 'fail'],
  ])('Node.js %s is %s', (version, state) => {
    expect(checkNode(version).state).toBe(state);
  });

  test.each([
    ['PgBouncer 1.23.1', 'fail'],
    ['PgBouncer 1.24.1', 'warn'],
    ['PgBouncer 1.25.2', 'ok'],
    ['Odyssey', 'untested'],
  ])('a pooler that says %s is %s', (told, state) => {
    expect(judgePooler(told).state).toBe(state);
  });

  test.each([
    ['postgres://127.0.0.1/x', 'ok'],
    ['postgres://db.example.com/x', 'fail'],
    ['postgres://db.example.com/x?sslmode=require', 'warn'],
    ['postgres://db.example.com/x?sslmode=verify-full', 'ok'],
  ])('%s is %s', (databaseUrl, state) => {
    expect(checkTransport({ databaseUrl, poolerUrl: undefined }).map((check) => check.state)).toEqual([
      state,
    ]);
  });
});
