import type { Bulkhead } from '../../src/bulkhead.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { Operation } from '../../src/registry/registry.ts';
import { newTestDatabase, newTestNode, operator } from '../../test/support/node.ts';
import { measured, median, type BenchRow } from '../row.ts';

const area = 'proof';
const rows = Number(process.env['BENCH_ARCHIVE_ROWS'] ?? 500_000);
const rounds = Number(process.env['BENCH_ARCHIVE_ROUNDS'] ?? 3);

/** A tenant as a file and back, with memory watched all the while. */
export async function benchArchive(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await newTestDatabase(url);
  await using bed = await newTestNode({ databaseUrl: database.url });
  const { node } = bed;
  const tenant = await bed.tenant('shared');
  await fill(node, tenant.id, rows);
  await database.root.query('analyze shared.documents');
  const times: { write: number; readBack: number; put: number; compare: number }[] = [];
  const memory = new MemoryWatch();
  for (let round = 0; round < rounds; round += 1) {
    const { operation, ended } = await node.lifecycle.beginExport({ tenant: tenant.id }, operator);
    await ended;
    const exported = await node.registry.operations.read(operation.id);
    const { archive } = await node.lifecycle.receiveArchive(
      (await node.lifecycle.readExport(operation.id)).bytes,
    );
    const slug = `bench-${process.pid}-${round}`;
    const made = await node.lifecycle.beginImport({ archive, slug, isolation: 'schema' }, operator);
    await made.ended;
    const imported = await node.registry.operations.read(made.operation.id);
    if (exported === undefined || imported === undefined) throw new Error('an operation is gone');
    times.push({
      write: rate(exported, 'write', undefined),
      readBack: rate(exported, 'verify', 'write'),
      put: rate(imported, 'fill rows', 'provision objects'),
      compare: rate(imported, 'compare rows', 'fill rows'),
    });
    process.stderr.write(`  ${JSON.stringify(times.at(-1))}\n`);
  }
  const grownMb = memory.stop();
  const how = `${rows} documents of 200 characters, of a shared tenant; median of ${rounds}`;
  const row = (name: string, key: keyof (typeof times)[number], target: string, what: string): BenchRow =>
    measured({
      area,
      name,
      value: median(times.map((each) => each[key])),
      unit: 'rows/s',
      target,
      how: `${what}; ${how}`,
    });
  return [
    row('export', 'write', '>= 100000', 'read at one instant, hashed, compressed, signed and on the disk'),
    row('export, read back', 'readBack', '', 'the whole file read again, every record hashed'),
    row('import', 'put', '>= 100000', 'into a schema, with a key and four more indexes, references checked'),
    row('import, read back', 'compare', '', 'exported again and compared by hash'),
    measured({
      area,
      name: 'memory of export and import',
      value: grownMb,
      unit: 'MB',
      target: '<= 200',
      how: `resident set above that of the idle node, looked at every 20 ms; ${how}`,
    }),
  ];
}

/** Rows a second from the end of one step, or the beginning, to the end of the other, by the database's clock. */
function rate({ steps, startedAt }: Operation, step: string, after: string | undefined): number {
  const end = (name: string): number | undefined => steps.find((each) => each.name === name)?.at.getTime();
  const from = after === undefined ? startedAt.getTime() : (end(after) ?? startedAt.getTime());
  return rows / (((end(step) ?? Number.NaN) - from) / 1_000);
}

class MemoryWatch {
  readonly #idle = process.memoryUsage.rss();
  readonly #timer: NodeJS.Timeout;
  #most = 0;

  constructor() {
    this.#timer = setInterval(() => {
      this.#most = Math.max(this.#most, process.memoryUsage.rss());
    }, 20);
  }

  stop(): number {
    clearInterval(this.#timer);
    return (this.#most - this.#idle) / 1e6;
  }
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
