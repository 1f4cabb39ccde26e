import { afterAll, beforeAll, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import { SqlError, type SqlResult, type WallContext } from '../../src/drivers/sql.ts';
import { describeWith } from '../support/services.ts';
import { startProxy } from './support/proxy.ts';
import { newWalledDatabase, oneItem, type WalledDatabase } from './support/walled-database.ts';

describeWith('postgres', 'batches on their way in one connection', (serverUrl) => {
  let walled: WalledDatabase;
  let a: WallContext;

  beforeAll(async () => {
    walled = await newWalledDatabase(serverUrl);
    a = await walled.tenant();
  });
  afterAll(() => walled[Symbol.asyncDispose]());

  test('a scoped statement is one write and one Sync, also the first time it is met', async () => {
    await using proxy = await startProxy(walled.url);
    const db = walled.open({ url: proxy.url, maxConnections: 1 });
    await db.run(a, { text: 'select 1', values: [] });
    for (const id of [1, 2, 3]) {
      proxy.reset();
      expect((await db.run(a, { text: oneItem, values: [id] })).rows).toHaveLength(1);
      expect(proxy.writes).toBe(1);
      expect(proxy.sent.get('S')).toBe(1);
      expect(proxy.sent.get('P') ?? 0).toBe(id === 1 ? 1 : 0);
      expect(proxy.sent.get('D') ?? 0).toBe(id === 1 ? 1 : 0);
    }
    await db.close();
  });

  test('a transaction of one statement is two round trips', async () => {
    await using proxy = await startProxy(walled.url);
    const db = walled.open({ url: proxy.url, maxConnections: 1 });
    await db.run(a, { text: 'select 1', values: [] });
    proxy.reset();
    await db.transaction(a, (tx) => tx.run({ text: oneItem, values: [1] }));
    expect([proxy.writes, proxy.sent.get('S')]).toEqual([2, 2]);
    await db.close();
  });

  test('statements given in one turn leave in one write', async () => {
    await using proxy = await startProxy(walled.url);
    const db = walled.open({ url: proxy.url, maxConnections: 1, depth: 8 });
    await db.run(a, { text: oneItem, values: [1] });
    proxy.reset();
    await Promise.all([1, 2, 3, 4, 5].map((id) => db.run(a, { text: oneItem, values: [id] })));
    expect([proxy.writes, proxy.sent.get('S')]).toEqual([1, 5]);
    await db.close();
  });

  test('10,000 batches of 50 tenants on three connections each get the answer to what they asked', async () => {
    const db = walled.open({ maxConnections: 3, sharedConnections: 3, depth: 8 });
    const tenants = await Promise.all(Array.from({ length: 50 }, () => walled.tenant()));
    const wrong: string[] = [];
    let checked = 0;
    const ask = async (index: number): Promise<void> => {
      const context = tenants[(index * 7) % tenants.length] ?? a;
      const id = (index % 20) + 1;
      const query = queries[index % queries.length];
      if (query === undefined) return;
      const { rows } = await db.run(context, { text: query.text, values: [id] });
      const expected = query.rows(id, context.tenantId);
      if (JSON.stringify(rows) !== JSON.stringify(expected)) wrong.push(`${index}: ${JSON.stringify(rows)}`);
      checked += 1;
    };
    for (let start = 0; start < 10_000; start += 200)
      await Promise.all(Array.from({ length: 200 }, (_, offset) => ask(start + offset)));
    expect([checked, wrong]).toEqual([10_000, []]);
    await db.close();
  });

  test('an error at any stage of a batch never touches the batches before and behind it', async () => {
    const db = walled.open({ maxConnections: 1, depth: 64, stallMs: 10_000 });
    await db.run(a, { text: oneItem, values: [1] });
    const asked = Array.from({ length: 40 }, (_, index) => [
      db.run(a, { text: oneItem, values: [(index % 20) + 1] }),
      db.run(a, failures[index % failures.length]?.statement ?? { text: oneItem, values: [1] }),
    ]).flat();
    const answers = await Promise.allSettled(asked);
    expect(answers).toHaveLength(80);
    answers.forEach((answer, position) => {
      const index = Math.floor(position / 2);
      if (position % 2 === 1)
        expect(answer).toMatchObject({ reason: { sqlState: failures[index % failures.length]?.sqlState } });
      else
        expect(answer).toMatchObject({
          value: { rows: [{ id: (index % 20) + 1, body: `of ${a.tenantId}` }] },
        });
    });
    expect(db.stats()).toMatchObject({ open: 1, busy: 0, waiting: 0 });
    await db.close();
  });

  test('a batch that failed has written nothing', async () => {
    const db = walled.open({ maxConnections: 1 });
    const text = `with w as (insert into item (id, body) values (700, 'half') returning id)
      select 1 / (id - 700) from w`;
    await expect(db.run(a, { text, values: [] })).rejects.toMatchObject({ sqlState: '22012' });
    expect((await db.run(a, { text: oneItem, values: [700] })).rows).toEqual([]);
    await db.close();
  });

  test('a value that cannot be serialised is refused before a byte of its batch is written', async () => {
    const db = walled.open({ maxConnections: 1, depth: 8 });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const all = await Promise.allSettled([
      db.run(a, { text: oneItem, values: [1] }),
      db.run(a, { text: 'select $1::jsonb', values: [circular] }),
      db.run(a, { text: 'select 1\0; drop table item', values: [] }),
      db.run(a, { text: 'select $1::timestamptz', values: [new Date(Number.NaN)] }),
      db.run(a, { text: oneItem, values: [2] }),
    ]);
    expect(all.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    await db.close();
  });

  test('statements given up for others still work, and the server holds no more than the limit', async () => {
    const db = walled.open({ maxConnections: 1, statements: 10 });
    for (let round = 0; round < 2; round += 1)
      for (let index = 0; index < 40; index += 1) {
        const { rows } = await db.run(a, { text: `select ${index} + $1::int as sum`, values: [1] });
        expect(rows).toEqual([{ sum: index + 1 }]);
      }
    const { rows } = await db.run(a, {
      text: 'select count(*)::int as n from pg_prepared_statements',
      values: [],
    });
    expect(rows[0]?.['n']).toBeLessThanOrEqual(12);
    await db.close();
  });

  test('statements the session has deallocated are prepared again, unnoticed', async () => {
    const db = walled.open({ maxConnections: 1 });
    await db.run(a, { text: oneItem, values: [1] });
    await db.run(a, { text: "select 'x'", values: [] });
    await db.transaction(a, (tx) => tx.run({ text: 'deallocate all', values: [] }));
    expect((await db.run(a, { text: oneItem, values: [2] })).rows).toHaveLength(1);
    await db.close();
  });

  test('too many rows are refused, none of them is kept, and the connection goes on', async () => {
    const db = walled.open({ maxConnections: 1 });
    const ask = (text: string, maxRows: number): Promise<SqlResult> =>
      db.run(a, { text, values: [] }, { maxRows });
    expect((await ask('select id from item', 20)).rowCount).toBe(20);
    await expect(ask('select id from item', 19)).rejects.toMatchObject({ code: 'row_cap_exceeded' });
    await expect(ask('select generate_series(1, 100000000)', 1_000)).rejects.toMatchObject({
      code: 'row_cap_exceeded',
    });
    expect((await ask('select id from item', 20)).rowCount).toBe(20);
    await db.close();
  });

  test('COPY in either direction is refused and hangs nobody', async () => {
    const db = walled.open({ maxConnections: 1 });
    for (const text of ['copy item to stdout', 'copy item from stdin'])
      await expect(db.run(a, { text, values: [] })).rejects.toSatisfy(
        (error) => isBulkheadError(error) || error instanceof SqlError,
      );
    expect((await db.run(a, { text: oneItem, values: [1] })).rows).toHaveLength(1);
    await db.close();
  });

  test('values of every kind come back as pg gives them', async () => {
    const db = walled.open({ maxConnections: 1 });
    const date = new Date('2026-02-03T04:05:06.789Z');
    const { rows } = await db.run(a, {
      text: `select $1::int8 as big, $2::jsonb as json, $3::timestamptz as at, $4::bytea as bytes, $5::text[] as texts,
        $6::int[] as ints, $7::bool as yes, $8::numeric as exact, $9::text as nothing, $10::date as day, $11::float8 as real,
        $12::bytea[] as blobs, $13::jsonb as list, 'ünïcödé 🙂' as text, '' as empty, 1 as "__proto__"`,
      values: [
        9_007_199_254_740_993n,
        { a: [1, { b: null }], text: '"\\' },
        date,
        Buffer.from([0, 1, 255]),
        ['a', '"q"', 'back\\slash', null, ''],
        [
          [1, 2],
          [3, 4],
        ],
        true,
        '1.10',
        undefined,
        new Date(2026, 6, 1),
        0.1,
        [Buffer.from('x'), null],
        JSON.stringify([1, 2]),
      ],
    });
    expect(rows[0]).toEqual({
      big: '9007199254740993',
      json: { a: [1, { b: null }], text: '"\\' },
      at: date,
      bytes: Buffer.from([0, 1, 255]),
      texts: ['a', '"q"', 'back\\slash', null, ''],
      ints: [
        [1, 2],
        [3, 4],
      ],
      yes: true,
      exact: '1.10',
      nothing: null,
      day: new Date(2026, 6, 1),
      real: 0.1,
      blobs: [Buffer.from('x'), null],
      list: [1, 2],
      text: 'ünïcödé 🙂',
      empty: '',
      ['__proto__']: 1,
    });
    await db.close();
  });

  test('a row of megabytes arrives whole', async () => {
    const db = walled.open({ maxConnections: 1 });
    const big = 'é'.repeat(3_000_000);
    const { rows } = await db.run(a, {
      text: 'select $1::text as a, 1 as b from generate_series(1, 2)',
      values: [big],
    });
    expect(rows).toEqual([
      { a: big, b: 1 },
      { a: big, b: 1 },
    ]);
    await db.close();
  });
});

const queries = [
  { text: oneItem, rows: (id: number, tenant: string) => [{ id, body: `of ${tenant}` }] },
  {
    text: "select current_setting('app.tenant_id') as t, $1::int as id",
    rows: (id: number, tenant: string) => [{ t: tenant, id }],
  },
  {
    text: 'select id, body from item where id <= $1 and id > $1 - 2 order by id',
    rows: (id: number, tenant: string) =>
      [id - 1, id].filter((one) => one > 0).map((one) => ({ id: one, body: `of ${tenant}` })),
  },
  { text: 'update item set body = body where id = $1', rows: () => [] },
];

const failures = [
  { sqlState: '42601', statement: { text: 'selec $1', values: [1] } },
  { sqlState: '42P01', statement: { text: 'select * from nowhere', values: [] } },
  { sqlState: '22P02', statement: { text: oneItem, values: ['not a number'] } },
  { sqlState: '08P01', statement: { text: oneItem, values: [1, 2, 3] } },
  { sqlState: '22012', statement: { text: 'select 1 / $1::int', values: [0] } },
  { sqlState: '22012', statement: { text: 'select 10 / (5 - g) from generate_series(1, 9) g', values: [] } },
  {
    sqlState: '23514',
    statement: { text: "insert into item (id, body) values (800, 'forbidden')", values: [] },
  },
  { sqlState: '23505', statement: { text: "insert into item (id, body) values (1, 'again')", values: [] } },
  { sqlState: '22003', statement: { text: 'update item set size = $1', values: [99_999] } },
  { sqlState: '42501', statement: { text: 'select * from bulkhead_wall.capability', values: [] } },
];
