import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TenantDatabase, WallContext } from '../../src/drivers/sql.ts';
import { describeWith, serviceUrl } from '../support/services.ts';
import { newWalledDatabase, oneItem, type WalledDatabase } from './support/walled-database.ts';

for (const [pooler, mode] of [
  ['pgbouncer', 'keeps prepared statements'],
  ['pgbouncerPlain', 'does not know prepared statements'],
] as const) {
  describeWith(pooler, `behind a PgBouncer that ${mode}`, (poolerUrl) => {
    let walled: WalledDatabase;
    let db: TenantDatabase;
    let other: TenantDatabase;
    let tenants: WallContext[];

    beforeAll(async () => {
      walled = await newWalledDatabase(serviceUrl('postgres') ?? '');
      const url = walled.through(poolerUrl);
      db = walled.open({ url, maxConnections: 6, sharedConnections: 6 });
      other = walled.open({ url, maxConnections: 6, sharedConnections: 6 });
      tenants = await Promise.all(Array.from({ length: 12 }, () => walled.tenant()));
      tenants.push(await walled.schemaTenant(), await walled.schemaTenant());
    });
    afterAll(() => walled[Symbol.asyncDispose]());

    const texts = [
      oneItem,
      'select id, body from item where id = $1 -- again',
      'select id, body from item where id = $1 limit 1',
    ];

    test('2,000 statements of two processes’ pools get their own tenant’s rows, every one', async () => {
      let wrong = 0;
      let right = 0;
      for (let start = 0; start < 2_000; start += 100)
        await Promise.all(
          Array.from({ length: 100 }, async (_, offset) => {
            const index = start + offset;
            const context = tenants[index % tenants.length];
            if (context === undefined) return;
            const id = (index % 20) + 1;
            const from = index % 2 === 0 ? db : other;
            const { rows } = await from.run(context, {
              text: texts[index % texts.length] ?? oneItem,
              values: [id],
            });
            if (JSON.stringify(rows) === JSON.stringify([{ id, body: `of ${context.tenantId}` }])) right += 1;
            else wrong += 1;
          }),
        );
      expect([right, wrong]).toEqual([2_000, 0]);
    });

    test('transactions keep their context and their server connection', async () => {
      const work = Array.from({ length: 60 }, (_, index) => {
        const context = tenants[index % tenants.length];
        if (context === undefined) throw new Error('no tenant');
        const from = index % 2 === 0 ? db : other;
        return from.transaction(context, async (tx) => {
          const text = 'select pg_backend_pid() as pid, min(body) as body from item';
          const first = await tx.run({ text, values: [] });
          await tx.run({ text: 'update item set body = body where id = $1', values: [1] });
          const second = await tx.run({ text, values: [] });
          return (
            first.rows[0]?.['body'] === `of ${context.tenantId}` &&
            first.rows[0]?.['pid'] === second.rows[0]?.['pid']
          );
        });
      });
      expect(await Promise.all(work)).toEqual(Array.from({ length: 60 }, () => true));
    });

    test('what one statement sets for the session reaches no other tenant, on whatever connection', async () => {
      const [a] = tenants;
      if (a === undefined) throw new Error('no tenant');
      await db.run(a, {
        text: "select set_config('my.mark', 'left', false), set_config('search_path', 'pg_catalog', false)",
        values: [],
      });
      const marks = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          (index % 2 === 0 ? db : other).run(tenants[1] ?? a, {
            text: "select coalesce(current_setting('my.mark', true), '') as mark, count(*)::int as n from item",
            values: [],
          }),
        ),
      );
      expect(new Set(marks.map(({ rows }) => JSON.stringify(rows)))).toEqual(
        new Set(['[{"mark":"","n":20}]']),
      );
    });

    test('an error in one statement touches no other', async () => {
      const [a, b] = tenants;
      if (a === undefined || b === undefined) throw new Error('no tenant');
      const outcomes = await Promise.allSettled(
        Array.from({ length: 100 }, (_, index) =>
          index % 3 === 0
            ? db.run(a, { text: 'select 1 / ($1::int - 1)', values: [1] })
            : db.run(b, { text: oneItem, values: [(index % 20) + 1] }),
        ),
      );
      outcomes.forEach((outcome, index) =>
        expect(outcome).toMatchObject(
          index % 3 === 0
            ? { reason: { sqlState: '22012' } }
            : { value: { rows: [{ body: `of ${b.tenantId}` }] } },
        ),
      );
    });
  });
}
