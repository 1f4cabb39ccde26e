import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { TenantDatabase, WallContext } from '../../src/drivers/sql.ts';
import { ConnectionBudget } from '../../src/drivers/wire/connection-budget.ts';
import { describeWith } from '../support/services.ts';
import { startProxy } from './support/proxy.ts';
import { newWalledDatabase, oneItem, type WalledDatabase } from './support/walled-database.ts';

describeWith('postgres', 'the pool of connections', (serverUrl) => {
  let walled: WalledDatabase;
  let a: WallContext;
  let b: WallContext;

  beforeAll(async () => {
    walled = await newWalledDatabase(serverUrl);
    a = await walled.tenant();
    b = await walled.tenant();
  });
  afterAll(() => walled[Symbol.asyncDispose]());

  test('a backend that is terminated fails what was on it, and the next statement works', async () => {
    const db = walled.open({ maxConnections: 1 });
    const { rows } = await db.run(a, { text: 'select pg_backend_pid() as pid', values: [] });
    const running = db.run(a, sleep(10));
    const behind = one(db, b);
    const both = Promise.allSettled([running, behind]);
    await pause(50);
    await walled.admin.query('select pg_terminate_backend($1)', [rows[0]?.['pid']]);
    for (const outcome of await both)
      expect(outcome).toMatchObject({ reason: { code: 'compartment_unreachable' } });
    expect(await one(db, a)).toMatchObject({ rowCount: 1 });
    await db.close();
  });

  test('an idle backend that is terminated costs nobody an error', async () => {
    const db = walled.open({ maxConnections: 1 });
    const { rows } = await db.run(a, { text: 'select pg_backend_pid() as pid', values: [] });
    await walled.admin.query('select pg_terminate_backend($1)', [rows[0]?.['pid']]);
    await pause(50);
    expect(await one(db, a)).toMatchObject({ rowCount: 1 });
    await db.close();
  });

  test('a network that fails under a statement is an error, and never a second attempt', async () => {
    await using proxy = await startProxy(walled.url);
    const db = walled.open({ url: proxy.url, maxConnections: 1 });
    await one(db, a);
    const text = "insert into item (id, body) values (500, 'once') returning id";
    proxy.hold('stop');
    const writing = db.run(a, { text, values: [] });
    const failed = expect(writing).rejects.toMatchObject({ code: 'compartment_unreachable' });
    await pause(20);
    proxy.cut();
    await failed;
    proxy.hold('flow');
    expect(await db.run(a, { text: oneItem, values: [500] })).toMatchObject({ rowCount: 0 });
    await db.close();
  });

  test('a server that does not answer is an error within the connect timeout, and its own message stays inside', async () => {
    const refused = walled.open({ url: 'postgres://u:secretword@127.0.0.1:1/x', maxConnections: 2 });
    await expect(Promise.all([one(refused, a), one(refused, b)])).rejects.toSatisfy(
      (error: Error) =>
        !JSON.stringify(error).includes('secretword') && error.message.includes('does not answer'),
    );
    await using proxy = await startProxy(walled.url);
    proxy.hold('stop');
    const hangs = walled.open({ url: proxy.url, connectTimeoutMs: 200 });
    await expect(one(hangs, a)).rejects.toMatchObject({ code: 'compartment_unreachable' });
    await Promise.all([refused.close(), hangs.close()]);
  });

  test('a statement that takes too long is stopped by the server, and the connection goes on', async () => {
    const db = walled.open({ maxConnections: 1 });
    await expect(db.run({ ...a, statementTimeoutMs: 50 }, sleep(5))).rejects.toMatchObject({
      code: 'statement_timeout',
    });
    expect(await one(db, b)).toMatchObject({ rowCount: 1 });
    expect(db.stats()).toMatchObject({ open: 1 });
    await db.close();
  });

  test('an aborted statement returns at once; those behind it on the shared connection still get their answers', async () => {
    const db = walled.open({ maxConnections: 1, stallMs: 1_000 });
    await one(db, a);
    const abort = new AbortController();
    const started = performance.now();
    const slow = db.run(a, sleep(0.3), { signal: abort.signal });
    const behind = one(db, b);
    setTimeout(() => abort.abort(), 20);
    await expect(slow).rejects.toMatchObject({ code: 'aborted' });
    expect(performance.now() - started).toBeLessThan(250);
    expect(await behind).toMatchObject({ rowCount: 1 });
    await db.close();
  });

  test('an aborted statement with a connection of its own is stopped on the server too', async () => {
    const db = walled.open({ maxConnections: 1 });
    await one(db, a);
    const abort = new AbortController();
    const slow = db.run(a, sleep(20), { lane: 'alone', signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await expect(slow).rejects.toMatchObject({ code: 'aborted' });
    expect(await one(db, b)).toMatchObject({ rowCount: 1 });
    const { rows } = await walled.admin.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where usename = $1 and query like '%pg_sleep%' and state = 'active'`,
      [walled.appRole],
    );
    expect(rows[0]?.n).toBe(0);
    await db.close();
  });

  test('a signal that was aborted before sends nothing', async () => {
    const db = walled.open({ maxConnections: 1 });
    const gone = AbortSignal.abort();
    await expect(db.run(a, sleep(1), { signal: gone })).rejects.toMatchObject({ code: 'aborted' });
    await expect(db.transaction(a, (tx) => tx.run(sleep(1)), { signal: gone })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(db.stats()).toMatchObject({ open: 0, busy: 0, waiting: 0 });
    await db.close();
  });

  test('a storm of cancellations on a pool of one leaves it whole', async () => {
    const db = walled.open({ maxConnections: 1 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) => {
        const abort = new AbortController();
        setTimeout(() => abort.abort(), index * 3);
        const options = {
          signal: abort.signal,
          lane: index % 2 === 0 ? ('alone' as const) : ('shared' as const),
        };
        return index % 5 === 0
          ? db.transaction(a, (tx) => tx.run(sleep(0.02)), options)
          : db.run(a, sleep(0.02), options);
      }),
    );
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'aborted' });
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(20);
    expect(await one(db, b)).toMatchObject({ rowCount: 1 });
    await pause(100);
    expect(db.stats()).toMatchObject({ busy: 0, waiting: 0, saturated: false });
    expect(db.stats().open).toBeLessThanOrEqual(1);
    await db.close();
  });

  test('a long statement delays nobody who comes later, as long as there is another connection', async () => {
    const db = walled.open({ maxConnections: 2, sharedConnections: 1 });
    await one(db, a);
    const slow = db.run(a, sleep(0.8));
    await pause(40);
    const started = performance.now();
    for (let round = 0; round < 10; round += 1) await one(db, b);
    expect(performance.now() - started).toBeLessThan(400);
    await slow;
    await db.close();
  });

  test('a tenant with hundreds of statements waiting delays another one by a few', async () => {
    const db = walled.open({ maxConnections: 1, depth: 1, maxWaitingPerTenant: 500 });
    await one(db, a);
    const order: string[] = [];
    const flood = Array.from({ length: 300 }, () => one(db, a).then(() => order.push('a')));
    const quiet = Array.from({ length: 3 }, () => one(db, b).then(() => order.push('b')));
    await Promise.all([...flood, ...quiet]);
    expect(order.lastIndexOf('b')).toBeLessThan(10);
    await db.close();
  });

  test('a tenant’s slow statements and long transactions leave connections for another one’s', async () => {
    const db = walled.open({ maxConnections: 4, sharedConnections: 2, maxAlonePerTenant: 2 });
    await one(db, a);
    const order: string[] = [];
    const note = (name: string) => () => order.push(name);
    const slow = Array.from({ length: 6 }, (_, index) =>
      index % 2 === 0
        ? db.run(a, sleep(1.5), { lane: 'alone' }).then(note('slow'))
        : db.transaction(a, (tx) => tx.run(sleep(1.5))).then(note('slow')),
    );
    // Connections take their time to open on a busy machine.
    await vi.waitFor(() => expect(db.stats()).toMatchObject({ busy: 2, waiting: 4 }), {
      timeout: 1_400,
      interval: 20,
    });
    await Promise.all([
      db.run(b, { text: oneItem, values: [1] }, { lane: 'alone' }).then(note('alone')),
      db.transaction(b, (tx) => tx.run({ text: oneItem, values: [1] })).then(note('transaction')),
      one(db, b).then(note('shared')),
      // Of the same tenant, but short.
      one(db, a).then(note('own')),
    ]);
    expect(order.toSorted()).toEqual(['alone', 'own', 'shared', 'transaction']);
    await Promise.all(slow);
    expect(order).toHaveLength(10);
    expect(db.stats()).toMatchObject({ busy: 0, waiting: 0 });
    await db.close();
  });

  test('a full queue, and a wait that is too long, are refused with advice when to come back', async () => {
    const db = walled.open({ maxConnections: 1, depth: 1, maxWaitingPerTenant: 3, waitTimeoutMs: 400 });
    await one(db, a);
    const running = db.run(b, sleep(1));
    const waiting = Array.from({ length: 5 }, () => one(db, a));
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes).toHaveLength(5);
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        reason: { code: 'pool_saturated', detail: { retryAfterMs: expect.any(Number) as number } },
      });
    await running;
    expect(await one(db, a)).toMatchObject({ rowCount: 1 });
    await db.close();
  });

  test.each([
    ['53100', 'store_full'],
    ['53200', 'compartment_unreachable'],
    ['25006', 'compartment_unreachable'],
    ['58030', 'compartment_unreachable'],
  ])(
    'what the server cannot do just now (%s) is told apart from what was asked wrongly: %s',
    async (state, code) => {
      const db = walled.open({ maxConnections: 1 });
      await walled.admin
        .script(`create or replace function shared.fail(state text) returns void language plpgsql
      as $f$ begin raise exception 'no' using errcode = state; end $f$`);
      await expect(db.run(a, { text: 'select fail($1)', values: [state] })).rejects.toMatchObject({
        code,
        status: 503,
      });
      expect(await one(db, a)).toMatchObject({ rowCount: 1 });
      await db.close();
    },
  );

  test('statistics say what is open, busy and waiting', async () => {
    const db = walled.open({ maxConnections: 2, sharedConnections: 2, depth: 1 });
    expect(db.stats()).toEqual({ open: 0, busy: 0, waiting: 0, limit: 2, saturated: false });
    const sleeps = Array.from({ length: 5 }, () => db.run(a, sleep(0.3)));
    await pause(200);
    expect(db.stats()).toEqual({ open: 2, busy: 2, waiting: 3, limit: 2, saturated: true });
    await Promise.all(sleeps);
    expect(db.stats()).toMatchObject({ open: 2, busy: 0, waiting: 0, saturated: false });
    await db.close();
    expect(db.stats()).toMatchObject({ open: 0 });
  });

  test('statements, transactions and single users of a connection take turns on a pool of one', async () => {
    const db = walled.open({ maxConnections: 1 });
    const work = Array.from({ length: 90 }, (_, index): Promise<unknown> => {
      if (index % 3 === 0) return one(db, a);
      if (index % 3 === 1) return db.run(b, { text: oneItem, values: [1] }, { lane: 'alone' });
      return db.transaction(a, async (tx) => {
        await tx.run({ text: oneItem, values: [1] });
        return tx.run({ text: oneItem, values: [2] });
      });
    });
    expect(await Promise.all(work)).toHaveLength(90);
    await db.close();
  });

  test('idle connections are closed, and the minimum is kept', async () => {
    const db = walled.open({
      maxConnections: 4,
      sharedConnections: 4,
      depth: 1,
      minConnections: 1,
      idleTimeoutMs: 100,
    });
    await Promise.all(Array.from({ length: 4 }, () => db.run(a, sleep(0.1))));
    expect(db.stats().open).toBeGreaterThan(1);
    await pause(500);
    expect(db.stats().open).toBe(1);
    await db.close();
  });

  test('closing waits for what is running and refuses the rest', async () => {
    const db = walled.open({ maxConnections: 1, depth: 1 });
    await one(db, a);
    const running = db.run(a, sleep(0.2));
    const waiting = one(db, a);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'shutting_down' });
    await db.close();
    await refused;
    expect(await running).toMatchObject({ rowCount: 1 });
    await expect(one(db, a)).rejects.toMatchObject({ code: 'shutting_down' });
  });

  test('a password that changes under way costs nobody an error', async () => {
    const { admin, appRole } = walled;
    const old = new URL(walled.url).password;
    const passwords = [old];
    const db = walled.open({
      maxConnections: 2,
      maxLifetimeMs: 1,
      idleTimeoutMs: 100,
      credentials: () => Promise.resolve(passwords.map((password) => ({ user: appRole, password }))),
    });
    await one(db, a);
    passwords.unshift('new password @:/?%');
    await pause(250);
    await one(db, a);
    await admin.query(`alter role ${appRole} password 'new password @:/?%'`);
    await pause(250);
    await one(db, a);
    passwords.pop();
    await pause(250);
    await one(db, a);
    await admin.query(`alter role ${appRole} password '${old}'`);
    await db.close();
    const none = walled.open({ credentials: () => Promise.resolve([]) });
    await expect(one(none, a)).rejects.toMatchObject({ code: 'compartment_unreachable' });
  });

  test(
    '500 pools under one budget of 40 connections are all served and never pass it',
    { timeout: 90_000 },
    async () => {
      const limit = 40;
      const budget = new ConnectionBudget(limit);
      const pools = Array.from({ length: 500 }, (_, index) =>
        walled.open({ budget, maxConnections: 3, waitTimeoutMs: 60_000, applicationName: `budget ${index}` }),
      );
      let highest = 0;
      const watch = setInterval(() => {
        highest = Math.max(highest, budget.open);
      }, 1);
      const seen: number[] = [];
      const state = { done: false };
      const watching = (async () => {
        while (!state.done) {
          const { rows } = await walled.admin.query<{ n: number }>(
            `select count(*)::int as n from pg_stat_activity where application_name like 'budget %'`,
          );
          seen.push(rows[0]?.n ?? 0);
          await pause(20);
        }
      })();
      const work = pools.flatMap((pool, index) => [
        ...Array.from({ length: 4 }, (_, turn) => one(pool, turn % 2 === 0 ? a : b, (index % 20) + 1)),
        pool.transaction(a, (tx) => tx.run({ text: oneItem, values: [1] })),
      ]);
      const answers = await Promise.all(work);
      state.done = true;
      await watching;
      clearInterval(watch);
      expect(answers.every((answer) => (answer as { rowCount: number }).rowCount === 1)).toBe(true);
      expect(highest).toBeLessThanOrEqual(limit);
      expect(Math.max(...seen)).toBeLessThanOrEqual(limit);
      expect(seen.length).toBeGreaterThan(3);
      await Promise.all(pools.map((pool) => pool.close()));
      expect(budget.open).toBe(0);
    },
  );

  test('a busy pool gives up a connection for a pool that has none', async () => {
    const budget = new ConnectionBudget(2);
    const busy = walled.open({ budget, maxConnections: 2, sharedConnections: 2, depth: 1 });
    const late = walled.open({ budget, maxConnections: 2 });
    const state = { stop: false };
    const flood = Array.from({ length: 8 }, async () => {
      while (!state.stop) await busy.run(a, sleep(0.005));
    });
    await pause(150);
    const started = performance.now();
    expect(await one(late, b)).toMatchObject({ rowCount: 1 });
    expect(performance.now() - started).toBeLessThan(1_000);
    state.stop = true;
    await Promise.all(flood);
    await Promise.all([busy.close(), late.close()]);
  });
});

function one(db: TenantDatabase, context: WallContext, id = 1): Promise<unknown> {
  return db.run(context, { text: oneItem, values: [id] });
}

function sleep(seconds: number): { text: string; values: unknown[] } {
  return { text: 'select pg_sleep($1::float8)::text', values: [seconds] };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
