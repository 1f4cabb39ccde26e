import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPglite, type PgliteDatabase } from '../../src/drivers/pglite/database.ts';
import { capabilityRefusedState, type TenantDatabase, type WallContext } from '../../src/drivers/sql.ts';
import { installWall, newCapability, newTenant, oneItem } from './support/walled-database.ts';

describe('a tenant’s statement on the embedded database', () => {
  let database: PgliteDatabase;
  let db: TenantDatabase;
  let a: WallContext;
  let b: WallContext;

  beforeAll(async () => {
    database = await openPglite({ store: 'memory' });
    await database.admin.script('create role app nologin; create role wall nologin');
    await installWall(database.admin, { appRole: 'app', wallRole: 'wall' });
    db = database.tenants('app');
    a = await newTenant(database.admin, {});
    b = await newTenant(database.admin, {});
  });
  afterAll(() => database.close());

  const rowsOf = async (context: WallContext, text: string, values: unknown[] = []): Promise<unknown[]> =>
    (await db.run(context, { text, values })).rows;

  async function assertClean(): Promise<void> {
    const text = `select current_user::text as role, current_setting('app.tenant_id') as tenant, min(body) as body, count(*)::int as n from item`;
    expect(await rowsOf(b, text)).toEqual([
      { role: 'app', tenant: b.tenantId, body: `of ${b.tenantId}`, n: 20 },
    ]);
    const { rows } = await database.admin.query(
      `select current_user::text as role, session_user::text as session, coalesce(current_setting('bulkhead.capability', true), '') as capability`,
    );
    expect(rows).toEqual([{ role: 'postgres', session: 'postgres', capability: '' }]);
  }

  test('sees its own rows and no others', async () => {
    expect(await rowsOf(a, 'select distinct body from item')).toEqual([{ body: `of ${a.tenantId}` }]);
    expect(await rowsOf(a, 'select * from item where tenant_id = $1', [b.tenantId])).toEqual([]);
    expect(await rowsOf({ ...a, capability: '' }, 'select * from item')).toEqual([]);
  });

  test('is refused with a forged, expired or revoked capability', async () => {
    const expired = await newCapability(database.admin, a.tenantId, '-1 second');
    for (const capability of ['f'.repeat(64), expired])
      await expect(rowsOf({ ...a, capability }, 'select * from item')).rejects.toMatchObject({
        sqlState: capabilityRefusedState,
      });
  });

  // Each would read the neighbour's rows, become the superuser, leave something behind, or hold up everybody else.
  test.each([
    "select set_config('role', 'postgres', true), query_to_xml('select * from item', true, false, '')",
    "select set_config('role', 'none', false)",
    "select set_config('bulkhead.capability', 'x', true)",
    "select pg_catalog.set_config('search_path', 'x', false)",
    "with s as materialized (select set_config('role', 'postgres', true)) select * from s, item",
    "update pg_settings set setting = 'postgres' where name = 'role'",
    "update pg_catalog.pg_settings set setting = 'x' where name = 'search_path'",
    "select query_to_xml('select 1', true, false, '')",
    "select query_to_xml_and_xmlschema('select 1', true, false, '')",
    "select table_to_xml('item'::regclass, true, false, '')",
    "select database_to_xml(true, false, '')",
    "select * from ts_stat('select to_tsvector(body) from item')",
    "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery')",
    'do $$ begin perform 1; end $$',
    "create function f() returns int language sql as 'select 1'",
    "create function f() returns int language plpgsql as 'begin return 1; end'",
    'create table stolen as select * from item',
    'create temp table stolen (a int)',
    'select * into stolen from item',
    'select * into temp stolen from item',
    'set role postgres',
    'SET SESSION ROLE postgres',
    'reset role',
    '/* x /* y */ */ reset role',
    '-- select\nreset role',
    'reset all',
    'set session authorization postgres',
    'reset session authorization',
    'discard all',
    "set bulkhead.capability = 'x'",
    'begin',
    'commit',
    'rollback',
    'savepoint s',
    'select 1; reset role',
    'select 1; select 2',
    'copy item to stdout',
    "copy (select 1) to program 'id'",
    "copy item from '/etc/passwd'",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('PG_VERSION')",
    "select * from pg_ls_dir('.')",
    "select * from pg_stat_file('PG_VERSION')",
    'select lo_creat(-1)',
    'select lo_create(0)',
    "select lo_from_bytea(0, 'x')",
    "select lo_import('/etc/passwd')",
    'select loid from pg_largeobject',
    'select pg_sleep(1)',
    'select pg_terminate_backend(pg_backend_pid())',
    'select pg_cancel_backend(pg_backend_pid())',
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_lock(1)',
    "select pg_notify('c', 'x')",
    "select pg_logical_emit_message(false, 'x', 'y')",
    'select pg_reload_conf()',
    'select pg_switch_wal()',
    'listen c',
    "notify c, 'x'",
    'prepare p as select 1',
    'execute p',
    'deallocate all',
    'declare c cursor with hold for select * from item',
    'explain analyze select * from item',
    'vacuum',
    'checkpoint',
    "load 'plpgsql'",
    "alter system set work_mem = '1GB'",
    'alter role app superuser',
    'alter table item disable row level security',
    'truncate item',
    'lock table item',
    "security label on role app is 'x'",
    'grant all on item to public',
    'create extension vector',
    'select rolpassword from pg_authid',
    'select * from bulkhead_wall.capability',
    'select * from pg_prepared_statements',
    'select * from pg_cursors',
    'call f()',
  ])('is refused: %s', async (text) => {
    await expect(rowsOf(a, text)).rejects.toSatisfy(
      (error: { code?: string; sqlState?: string }) =>
        error.code === 'request_invalid' ||
        ['42501', '42601', '0A000', '42883', '42704'].includes(error.sqlState ?? ''),
    );
    await assertClean();
  });

  test('is refused inside a transaction too, and the transaction is gone with it', async () => {
    for (const text of ['reset role', 'commit', "select set_config('role', 'postgres', true)"]) {
      await expect(
        db.transaction(a, async (tx) => {
          await tx.run({ text: "insert into item (id, body) values (900, 'x')", values: [] });
          await tx.run({ text, values: [] });
        }),
      ).rejects.toThrow();
      expect(await rowsOf(a, oneItem, [900])).toEqual([]);
      await assertClean();
    }
  });

  test('runs with its role and context set anew, statement by statement', async () => {
    const text = `select current_user::text as role, current_setting('app.tenant_id') as tenant from item limit 1`;
    const seen = await db.transaction(a, async (tx) => [
      (await tx.run({ text, values: [] })).rows[0],
      (await tx.run({ text, values: [] })).rows[0],
    ]);
    expect(seen).toEqual(Array.from({ length: 2 }, () => ({ role: 'app', tenant: a.tenantId })));
  });

  test('takes turns with those of other tenants and of the owner', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index): Promise<unknown> => {
        const context = index % 2 === 0 ? a : b;
        if (index % 10 === 0)
          return (await database.admin.query('select current_user::text as u')).rows[0]?.['u'] === 'postgres';
        const id = (index % 20) + 1;
        return (await rowsOf(context, oneItem, [id]))[0];
      }),
    );
    answers.forEach((answer, index) =>
      expect(answer).toEqual(
        index % 10 === 0 ? true : { id: (index % 20) + 1, body: `of ${(index % 2 === 0 ? a : b).tenantId}` },
      ),
    );
  });

  test('of a role with rights it must not have does not run at all', async () => {
    await database.admin.script('create role mighty bypassrls');
    await expect(database.tenants('mighty').run(a, { text: 'select 1', values: [] })).rejects.toMatchObject({
      code: 'internal',
    });
    await expect(database.tenants('nobody').run(a, { text: 'select 1', values: [] })).rejects.toMatchObject({
      code: 'internal',
    });
  });

  test('that returns too many rows is refused, and one aborted while waiting never runs', async () => {
    await expect(
      db.run(a, { text: 'select generate_series(1, 1000)', values: [] }, { maxRows: 10 }),
    ).rejects.toMatchObject({ code: 'row_cap_exceeded' });
    const abort = new AbortController();
    const slow = db.run(b, { text: 'select count(*) from generate_series(1, 500000)', values: [] });
    const waiting = db.run(
      a,
      { text: "insert into item (id, body) values (901, 'x')", values: [] },
      { signal: abort.signal },
    );
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    await slow;
    expect(await rowsOf(a, oneItem, [901])).toEqual([]);
  });
});
