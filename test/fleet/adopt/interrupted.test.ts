import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../src/compose.ts';
import { describeWith } from '../../support/services.ts';
import { asRole, countAll, openFixture } from './support.ts';

const program = fileURLToPath(new URL('adopt-process.ts', import.meta.url));

/** Kills it at the first line that begins so. */
async function killAt(url: string, line: RegExp): Promise<string | undefined> {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, ADOPT_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen: string | undefined;
  for await (const said of createInterface({ input: child.stdout })) {
    if (!line.test(said)) continue;
    seen = said;
    break;
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  return seen;
}

describeWith('postgres', 'an adoption that is killed', (url) => {
  test('in the middle of each phase, it goes on where it was and ends with the proof', async () => {
    await using database = await openFixture(url, 'trade');
    const total = await countAll(database.root, ['customer', 'order', 'order_detail']);
    const moments = [
      /column category/,
      /rows customer 3\d\d/,
      /check product/,
      /index pk_order/,
      /keys customer/,
      /wall$/,
      /force order$/,
    ];
    for (const moment of moments) expect(await killAt(database.url, moment), String(moment)).toBeDefined();
    expect(await killAt(database.url, /finished/)).toBe('finished');
    const status = await database.adoption.run({}, { until: 'cut-over' });
    expect(status).toMatchObject({ phase: undefined, done: status.total });
    expect(await countAll(database.root, ['customer', 'order', 'order_detail'])).toBe(total);
    const sql =
      'select count(*)::integer as n from order_detail join "order" using (order_id) join customer using (customer_id)';
    const [seen] = await asRole<{ n: number }>(database.root, status.plan, {
      tenant: status.plan.tenant,
      sql,
    });
    const { rows } = await database.root.query<{ n: number }>(
      'select count(*)::integer as n from order_detail',
    );
    expect(seen?.n).toBe(rows[0]?.n);
  }, 120_000);

  test('it can be taken back from wherever it was killed', async () => {
    await using database = await openFixture(url, 'trade');
    expect(await killAt(database.url, /keys customer/)).toBeDefined();
    await database.adoption.undo();
    expect(await database.adoption.status()).toBeUndefined();
    const { rows } = await database.root
      .query(`select 1 from pg_attribute a join pg_class c on c.oid = a.attrelid
      where a.attname = 'tenant_id' and not a.attisdropped and c.relname = 'order'`);
    expect(rows).toEqual([]);
  });

  test('what writers do meanwhile is neither lost nor without an owner', async () => {
    await using database = await openFixture(url, 'trade');
    const application = openDatabase(database.url);
    let writing = true;
    let written = 0;
    let slowestMs = 0;
    const writer = (async () => {
      for (let id = 100_000; writing; id += 1) {
        const startedMs = performance.now();
        await application.query(`insert into "order" (order_id, customer_id) values ($1, 'C0001')`, [id]);
        slowestMs = Math.max(slowestMs, performance.now() - startedMs);
        written += 1;
      }
    })();
    const status = await database.adoption.run(
      { shared: ['region', 'territory'] },
      { until: 'wall', restMs: 5, batchRows: 100 },
    );
    writing = false;
    await writer;
    await application.close();
    const { rows } = await database.root.query<{ n: number }>(
      `select count(*)::integer as n from "order" where order_id >= 100000 and tenant_id = $1`,
      [status.plan.tenant],
    );
    expect(written).toBeGreaterThan(10);
    expect(rows[0]?.n).toBe(written);
    expect(slowestMs).toBeLessThan(3_000);
  }, 60_000);
});
