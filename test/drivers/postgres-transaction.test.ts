import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SqlTransaction, TenantDatabase, WallContext } from '../../src/drivers/sql.ts';
import { describeWith } from '../support/services.ts';
import { newWalledDatabase, oneItem, type WalledDatabase } from './support/walled-database.ts';

describeWith('postgres', 'a transaction in its tenant’s context', (serverUrl) => {
  let walled: WalledDatabase;
  let db: TenantDatabase;
  let a: WallContext;
  let b: WallContext;

  beforeAll(async () => {
    walled = await newWalledDatabase(serverUrl);
    db = walled.open({ maxConnections: 1 });
    a = await walled.tenant();
    b = await walled.tenant();
  });
  afterAll(() => walled[Symbol.asyncDispose]());

  const has = async (context: WallContext, id: number): Promise<boolean> =>
    (await db.run(context, { text: oneItem, values: [id] })).rowCount === 1;

  test('does all of its work or, when its body throws, none', async () => {
    await db.transaction(a, async (tx) => {
      await tx.run(insert(101));
      await tx.run(insert(102));
    });
    expect([await has(a, 101), await has(a, 102), await has(b, 101)]).toEqual([true, true, false]);
    await expect(
      db.transaction(a, async (tx) => {
        await tx.run(insert(103));
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await has(a, 103)).toBe(false);
  });

  test('whose failed statement was swallowed by the body does not report success', async () => {
    await expect(
      db.transaction(a, async (tx) => {
        await tx.run(insert(104));
        await tx.run({ text: 'select 1/0', values: [] }).catch(() => undefined);
      }),
    ).rejects.toMatchObject({ sqlState: '25P02' });
    expect(await has(a, 104)).toBe(false);
  });

  test('keeps its context for every statement, given one by one or together', async () => {
    const tenantOf = {
      text: "select current_setting('app.tenant_id') as t, count(*)::int as n from item where id <= 20",
      values: [],
    };
    const rows = await db.transaction(a, async (tx) => {
      const first = await tx.run(tenantOf);
      const together = await Promise.all([1, 2, 3].map(() => tx.run(tenantOf)));
      return [first, ...together].map((result) => result.rows[0]);
    });
    expect(rows).toEqual(Array.from({ length: 4 }, () => ({ t: a.tenantId, n: 20 })));
  });

  test('whose statements start together opens once', async () => {
    const results = await db.transaction(a, (tx) =>
      Promise.all([111, 112, 113].map((id) => tx.run(insert(id)))),
    );
    expect(results.map(({ rowCount }) => rowCount)).toEqual([1, 1, 1]);
    expect(await has(a, 113)).toBe(true);
  });

  test('that does nothing costs nothing', async () => {
    expect(await db.transaction(a, () => Promise.resolve('nothing'))).toBe('nothing');
  });

  test.each(['commit', 'rollback', 'begin', 'savepoint s', 'commit and chain'])(
    'that a statement tries to steer (%s) never lets later ones run outside it',
    async (text) => {
      const outcome = await Promise.allSettled([
        db.transaction(a, async (tx) => {
          await tx.run(insert(120));
          await tx.run({ text, values: [] });
          await tx.run(insert(121));
          throw new Error('roll back');
        }),
      ]);
      expect(outcome[0]?.status).toBe('rejected');
      expect(await has(a, 121)).toBe(false);
      await db.run(a, { text: 'delete from item where id = 120', values: [] });
    },
  );

  test('cannot be used after it ended', async () => {
    let leaked: SqlTransaction | undefined;
    await db.transaction(a, async (tx) => {
      leaked = tx;
      await tx.run({ text: 'select 1', values: [] });
    });
    await expect(leaked?.run(insert(130))).rejects.toMatchObject({ code: 'request_invalid' });
    expect(await has(a, 130)).toBe(false);
  });

  test('that is aborted stops at once, rolls back, and its connection is not used again', async () => {
    const before = (await db.run(b, { text: 'select pg_backend_pid() as pid', values: [] })).rows;
    const abort = new AbortController();
    const started = performance.now();
    const running = db.transaction(
      a,
      async (tx) => {
        await tx.run(insert(140));
        await tx.run({ text: 'select pg_sleep(20)::text', values: [] });
      },
      { signal: abort.signal },
    );
    setTimeout(() => abort.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(await has(a, 140)).toBe(false);
    expect((await db.run(b, { text: 'select pg_backend_pid() as pid', values: [] })).rows).not.toEqual(
      before,
    );
  });

  test('that sits idle too long is ended by the server, and says so', async () => {
    await expect(
      db.transaction({ ...a, idleTimeoutMs: 50 }, async (tx) => {
        await tx.run(insert(150));
        await new Promise((resolve) => setTimeout(resolve, 300));
        await tx.run(insert(151));
      }),
    ).rejects.toMatchObject({ code: 'statement_timeout' });
    expect(await has(a, 150)).toBe(false);
  });

  test('whose connection is killed before the commit fails', async () => {
    await expect(
      db.transaction(a, async (tx) => {
        const { rows } = await tx.run({ text: 'select pg_backend_pid() as pid', values: [] });
        await tx.run(insert(160));
        await walled.admin.query('select pg_terminate_backend($1)', [rows[0]?.['pid']]);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }),
    ).rejects.toMatchObject({ code: 'compartment_unreachable' });
    expect(await has(a, 160)).toBe(false);
  });

  test('leaves nothing on the connection for the next one', async () => {
    await db.transaction(a, async (tx) => {
      await tx.run({
        text: "select set_config('my.mark', 'left', false), set_config('role', 'none', false)",
        values: [],
      });
      await tx.run({ text: "set application_name = 'left'", values: [] });
    });
    const { rows } = await db.run(b, {
      text: "select coalesce(current_setting('my.mark', true), '') as mark, current_setting('application_name') as name",
      values: [],
    });
    expect(rows).toEqual([{ mark: '', name: 'test tenants' }]);
  });

  test('of the owner that changes its role leaves the role to nobody', async () => {
    await walled.admin.transaction(async (tx) => {
      await tx.script(`set role ${walled.appRole}; set search_path = 'pg_catalog'`);
      expect((await tx.query('select current_user::text as u')).rows).toEqual([{ u: walled.appRole }]);
    });
    for (let round = 0; round < 4; round += 1)
      expect((await walled.admin.query('select current_user = session_user as same')).rows).toEqual([
        { same: true },
      ]);
  });

  test('of the owner rolls back whole, and a failed script undoes what it did', async () => {
    await expect(
      walled.admin.transaction(async (tx) => {
        await tx.script('create table public.half (a int)');
        await tx.query('select 1/0');
      }),
    ).rejects.toMatchObject({ sqlState: '22012' });
    await expect(walled.admin.script('create table public.half (a int); select 1/0')).rejects.toMatchObject({
      sqlState: '22012',
    });
    expect((await walled.admin.query("select to_regclass('public.half') as t")).rows).toEqual([{ t: null }]);
  });
});

function insert(id: number): { text: string; values: unknown[] } {
  return { text: "insert into item (id, body) values ($1, 'new')", values: [id] };
}
