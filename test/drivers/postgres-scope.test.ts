import { afterAll, beforeAll, expect, test } from 'vitest';
import { capabilityRefusedState, type TenantDatabase, type WallContext } from '../../src/drivers/sql.ts';
import { describeWith } from '../support/services.ts';
import { newCapability, newWalledDatabase, oneItem, type WalledDatabase } from './support/walled-database.ts';

const settings = `select current_user::text as "user", session_user::text as "session", current_setting('search_path') as path,
  coalesce(current_setting('bulkhead.capability', true), '') as capability,
  coalesce(current_setting('app.tenant_id', true), '') as tenant,
  coalesce(current_setting('app.current_tenant', true), '') as also,
  current_setting('statement_timeout') as timeout, coalesce(current_setting('my.mark', true), '') as mark`;

describeWith('postgres', 'a statement in its tenant’s context', (serverUrl) => {
  let walled: WalledDatabase;
  let db: TenantDatabase;
  let a: WallContext;
  let b: WallContext;

  beforeAll(async () => {
    walled = await newWalledDatabase(serverUrl);
    // One connection, so that whatever one statement leaves would meet the next.
    db = walled.open({ maxConnections: 1 });
    a = await walled.tenant();
    b = await walled.tenant();
  });
  afterAll(() => walled[Symbol.asyncDispose]());

  const rowsOf = async (context: WallContext, text: string, values: unknown[] = []): Promise<unknown[]> =>
    (await db.run(context, { text, values })).rows;
  const settingsOf = async (context: WallContext): Promise<unknown> => (await rowsOf(context, settings))[0];

  test('sees its own rows, all of them and nothing else', async () => {
    expect(await rowsOf(a, 'select count(*)::int as n, min(body) as body from item')).toEqual([
      { n: 20, body: `of ${a.tenantId}` },
    ]);
  });

  test('that names another tenant’s row gets none', async () => {
    expect(await rowsOf(a, 'select * from item where tenant_id = $1', [b.tenantId])).toEqual([]);
  });

  test('cannot write a row for another tenant', async () => {
    await expect(
      db.run(a, {
        text: "insert into item (tenant_id, id, body) values ($1, 900, 'x')",
        values: [b.tenantId],
      }),
    ).rejects.toMatchObject({ sqlState: '42501' });
  });

  test.each([
    ['forged', () => ({ ...a, capability: 'f'.repeat(64) })],
    ['altered in one character', () => ({ ...a, capability: flipLast(a.capability) })],
    ['empty', () => ({ ...a, capability: '' })],
  ])('with a capability that is %s sees nothing', async (_, context) => {
    const got = await db.run(context(), { text: 'select id from item', values: [] }).then(
      ({ rows }) => rows,
      (error: unknown) => error,
    );
    if (context().capability === '') expect(got).toEqual([]);
    else expect(got).toMatchObject({ sqlState: capabilityRefusedState });
  });

  test('with another tenant’s capability is that tenant, whatever id it claims', async () => {
    const [row] = await rowsOf({ ...a, capability: b.capability }, 'select min(body) as body from item');
    expect(row).toEqual({ body: `of ${b.tenantId}` });
  });

  test('with an expired or revoked capability is refused, though it was used on this connection before', async () => {
    const short = { ...a, capability: await newCapability(walled.admin, a.tenantId, '400 ms') };
    expect(await rowsOf(short, oneItem, [1])).toHaveLength(1);
    const revoked = { ...a, capability: await newCapability(walled.admin, a.tenantId) };
    expect(await rowsOf(revoked, oneItem, [1])).toHaveLength(1);
    await walled.admin.query(`delete from bulkhead_wall.capability where digest = sha256($1::text::bytea)`, [
      revoked.capability,
    ]);
    await new Promise((resolve) => setTimeout(resolve, 450));
    for (const context of [short, revoked])
      await expect(rowsOf(context, oneItem, [1])).rejects.toMatchObject({ sqlState: capabilityRefusedState });
  });

  test('cannot become another tenant by setting the context itself', async () => {
    const stolen = `with s as materialized (
      select set_config('app.tenant_id', $1, true), set_config('app.current_tenant', $1, true))
      select i.body from s, item i`;
    const bodies = (await rowsOf(a, stolen, [b.tenantId])).map((row) => (row as { body: string }).body);
    expect(new Set(bodies)).toEqual(new Set([`of ${a.tenantId}`]));
  });

  test.each([
    ['success', 'select 1'],
    ['an error', 'select 1/0'],
    ['a syntax error', 'selec'],
    ['a refused role change', "select set_config('role', 'postgres', true)"],
  ])('leaves no setting behind after %s', async (_, text) => {
    const clean = await settingsOf({ ...a, capability: 'c', tenantId: 't' });
    const busy = { ...a, statementTimeoutMs: 1_234, lockTimeoutMs: 99, idleTimeoutMs: 77 };
    await db.run(busy, { text, values: [] }).catch(() => undefined);
    expect(await settingsOf({ ...a, capability: 'c', tenantId: 't' })).toEqual(clean);
  });

  test.each([
    "select set_config('my.mark', 'left', false)",
    "select set_config('search_path', 'pg_catalog', false)",
    "select set_config('statement_timeout', '1', false)",
    "select set_config('app.tenant_id', 'someone', false)",
    "set my.mark = 'left'",
    "set search_path = 'pg_catalog'",
    'set session statement_timeout = 1',
    "set application_name = 'left'",
    'prepare left_behind as select 1',
    'listen left_behind',
  ])('that sets something for the session does so for itself only: %s', async (text) => {
    const clean = await settingsOf(b);
    await db.run(a, { text, values: [] });
    expect(await settingsOf(b)).toEqual(clean);
    const [left] = await rowsOf(
      b,
      `select (select count(*)::int from pg_prepared_statements where name = 'left_behind') as prepared,
        (select count(*)::int from pg_listening_channels()) as channels, current_setting('application_name') as name`,
    );
    expect(left).toEqual({ prepared: 0, channels: 0, name: 'test tenants' });
  });

  test('what a function of the application set for the session, by a statement on its own, is gone for the next tenant', async () => {
    await walled.admin.script(`create function shared.leave_mark() returns text language sql
      as $$ select set_config('my.mark', 'left', false) $$`);
    const { rows } = await db.run(a, { text: 'select leave_mark() as mark', values: [] }, { lane: 'alone' });
    expect(rows).toEqual([{ mark: 'left' }]);
    expect(await settingsOf(b)).toMatchObject({ mark: '' });
  });

  test.each([
    "select set_config('client_encoding', 'LATIN1', false)",
    "select set_config('DateStyle', 'German', false)",
    "select set_config('client_encoding', 'LATIN1', true)",
  ])('that changes how values are written garbles nobody else’s: %s', async (text) => {
    await db.run(a, { text, values: [] });
    const { rows } = await db.run(b, {
      text: "select 'ünï 🙂' as text, '2026-02-03T04:05:06Z'::timestamptz as at, current_setting('client_encoding') as e",
      values: [],
    });
    expect(rows).toEqual([{ text: 'ünï 🙂', at: new Date('2026-02-03T04:05:06Z'), e: 'UTF8' }]);
  });

  test('that begins a transaction is refused, and the connection with it', async () => {
    const before = await rowsOf(b, 'select pg_backend_pid() as pid');
    await expect(rowsOf(a, 'begin')).rejects.toMatchObject({ code: 'request_invalid' });
    expect(await rowsOf(b, 'select pg_backend_pid() as pid')).not.toEqual(before);
  });

  test('a schema tenant’s statement runs under its own role and path, with the same text as its neighbour’s', async () => {
    const [one, two] = [await walled.schemaTenant(), await walled.schemaTenant()];
    for (let round = 0; round < 7; round += 1)
      for (const context of [one, two, a]) {
        expect(await rowsOf(context, 'select min(body) as body, count(*)::int as n from item')).toEqual([
          { body: `of ${context.tenantId}`, n: 20 },
        ]);
        expect(await settingsOf(context)).toMatchObject({
          user: context.role ?? walled.appRole,
          session: walled.appRole,
          path: context.searchPath ?? 'shared, pg_temp',
        });
      }
  });

  test('a schema tenant cannot read its neighbour’s table by its qualified name', async () => {
    const [one, two] = [await walled.schemaTenant(), await walled.schemaTenant()];
    const [schema] = two.searchPath?.split(',') ?? [];
    await expect(rowsOf(one, `select * from ${schema}.item`)).rejects.toMatchObject({ sqlState: '42501' });
  });

  test('a role another statement switched to does not outlive it', async () => {
    const one = await walled.schemaTenant();
    await rowsOf(a, "select set_config('role', $1, false)", [one.role]);
    expect(await settingsOf(a)).toMatchObject({ user: walled.appRole });
  });

  test('a prepared statement answers each tenant with its own rows', async () => {
    const tenants = await Promise.all(Array.from({ length: 8 }, () => walled.tenant()));
    for (let round = 0; round < 8; round += 1)
      for (const context of tenants)
        expect(await rowsOf(context, oneItem, [round + 1])).toEqual([
          { id: round + 1, body: `of ${context.tenantId}` },
        ]);
  });

  test('an altered table costs no caller an error', async () => {
    await walled.admin.script(
      'create table shared.wide (a int); grant select on shared.wide to public; insert into shared.wide values (1)',
    );
    expect(await rowsOf(a, 'select * from wide')).toEqual([{ a: 1 }]);
    await walled.admin.script('alter table shared.wide add column b int default 2');
    expect(await rowsOf(a, 'select * from wide')).toEqual([{ a: 1, b: 2 }]);
    expect(await rowsOf(b, 'select * from wide')).toEqual([{ a: 1, b: 2 }]);
  });
});

function flipLast(token: string): string {
  return `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
}
