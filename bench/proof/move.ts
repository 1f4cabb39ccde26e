import { setTimeout } from 'node:timers/promises';
import type { Bulkhead } from '../../src/bulkhead.ts';
import { isBulkheadError } from '../../src/core/errors.ts';
import { newUuid7, type TenantId } from '../../src/core/ids.ts';
import type { Isolation } from '../../src/core/placement.ts';
import type { MoveReceipt } from '../../src/lifecycle/moves.ts';
import { newTestDatabase, newTestNode, operator } from '../../test/support/node.ts';
import { measured, median, type BenchRow } from '../row.ts';

const area = 'proof';
const rows = Number(process.env['BENCH_MOVE_ROWS'] ?? 1_000_000);
const pauses = Number(process.env['BENCH_MOVE_ROUNDS'] ?? 6);

interface Timed {
  readonly receipt: MoveReceipt;
  readonly rowsPerS: number;
  /** The longest that one write took from its call to its acknowledgement. */
  readonly slowestWriteMs: number;
}

/** A million rows to and fro between isolations and servers, with a writer at work all the while. */
export async function benchMove(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  const cell = process.env['BULKHEAD_TEST_CELL_URL'];
  if (url === undefined || cell === undefined)
    throw new Error('BULKHEAD_TEST_POSTGRES_URL or BULKHEAD_TEST_CELL_URL is not set');
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url });
  const { node } = bed;
  await node.registry.servers.add(
    { name: 'cell', role: 'dedicated', region: undefined, maxConnections: 10 },
    cell,
    operator,
  );
  const tenant = await bed.tenant('shared');
  await fill(node, tenant.id, rows);
  await database.root.query('analyze shared.documents');
  const within: Timed[] = [];
  const across: Timed[] = [];
  const ways: readonly Isolation[] = ['schema', 'shared', 'dedicated'];
  for (let round = 0; round < pauses; round += 1) {
    const isolation = ways[round % ways.length] ?? 'schema';
    const timed = await moveOnce(node, tenant.id, isolation);
    (isolation === 'dedicated' || (round > 2 && isolation === 'schema') ? across : within).push(timed);
    process.stderr.write(
      `  to ${isolation}: ${Math.round(timed.rowsPerS)} rows/s, pause ${timed.receipt.writePauseMs} ms, slowest write ${Math.round(timed.slowestWriteMs)} ms\n`,
    );
    await node.lifecycle.confirmMove(tenant.id, operator);
  }
  return toRows(within, across);
}

function toRows(within: readonly Timed[], across: readonly Timed[]): readonly BenchRow[] {
  const all = [...within, ...across];
  const rate = (timed: readonly Timed[]): number => median(timed.map(({ rowsPerS }) => rowsPerS));
  const slowest = Math.max(...all.map(({ slowestWriteMs }) => slowestWriteMs));
  const how = `${rows} documents of 200 characters with five indexes, a writer at work, verified by hash; medians`;
  return [
    measured({
      area,
      name: 'move within a server',
      value: rate(within),
      unit: 'rows/s',
      target: '>= 50000',
      how: `shared to schema and back, from the call to the receipt; ${how} of ${within.length}`,
    }),
    measured({
      area,
      name: 'move between servers',
      value: rate(across),
      unit: 'rows/s',
      target: '>= 50000',
      how: `to a server of its own and back, from the call to the receipt; ${how} of ${across.length}`,
    }),
    measured({
      area,
      name: 'write pause of a move',
      value: slowest,
      unit: 'ms',
      target: '<= 1000',
      how: `the slowest write of all, as its caller saw it, over ${all.length} moves of ${rows} rows; stands for the p99`,
    }),
  ];
}

async function fill(node: Bulkhead, tenant: TenantId, count: number): Promise<void> {
  const batch = 20_000;
  for (let done = 0; done < count; done += batch)
    await node.run(tenant, async (scope) => {
      await using handle = await node.rows.open(scope);
      await handle.sql`insert into documents (title, content, metadata)
        select 't' || n, repeat('x', 200), jsonb_build_object('n', n)
        from generate_series(1, ${Math.min(batch, count - done)}::int) n`;
    });
}

async function moveOnce(node: Bulkhead, tenant: TenantId, isolation: Isolation): Promise<Timed> {
  const writer = new Writer(node, tenant);
  try {
    const startedMs = performance.now();
    const receipt = await node.lifecycle.move({ tenant, isolation }, operator);
    const rowsPerS = Number(receipt.rows) / ((performance.now() - startedMs) / 1_000);
    await setTimeout(200);
    return { receipt, rowsPerS, slowestWriteMs: await writer.stop() };
  } finally {
    await writer.stop();
  }
}

/** Some hundred writes a second, each waited for. */
class Writer {
  #slowestMs = 0;
  #running = true;
  readonly #done: Promise<void>;

  constructor(node: Bulkhead, tenant: TenantId) {
    this.#done = this.#write(node, tenant);
  }

  async stop(): Promise<number> {
    this.#running = false;
    await this.#done;
    return this.#slowestMs;
  }

  async #write(node: Bulkhead, tenant: TenantId): Promise<void> {
    while (this.#running) {
      const startedMs = performance.now();
      await node
        .run(tenant, async (scope) => {
          await using handle = await node.rows.open(scope);
          await handle.table('documents').create({ id: newUuid7(), title: 'w', content: 'w' });
        })
        .catch((cause: unknown) => {
          throw new Error(`a write was refused: ${isBulkheadError(cause) ? cause.code : 'unknown'}`, {
            cause,
          });
        });
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs);
      await setTimeout(5);
    }
  }
}
