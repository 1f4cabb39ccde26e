import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { parts } from './parts.ts';
import type { BenchPart, BenchRow } from './row.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, only: { type: 'string' }, part: { type: 'string' } },
});

const chosen = parts.filter(
  ({ area, name }) =>
    (options.only === undefined || area === options.only) &&
    (options.part === undefined || name === options.part),
);
if (chosen.length === 0) {
  process.stderr.write(
    `nothing to measure; areas: ${[...new Set(parts.map(({ area }) => area))].join(', ')}\n`,
  );
  process.exit(2);
}

const rows: BenchRow[] = [];
for (const part of chosen) rows.push(...(await measure(part)));
process.stdout.write(options.json === true ? `${JSON.stringify(rows, null, 2)}\n` : toTable(rows));

/** A part that fails is a row that says so; the others go on. */
async function measure(part: BenchPart): Promise<readonly BenchRow[]> {
  process.stderr.write(`measuring ${part.area}: ${part.name}\n`);
  try {
    return await part.run();
  } catch (cause) {
    const how = `not measured: ${cause instanceof Error ? cause.message : String(cause)}`;
    return [
      {
        area: part.area,
        name: part.name,
        value: null,
        unit: '',
        target: '',
        holds: null,
        how,
      },
    ];
  }
}

function toTable(all: readonly BenchRow[]): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const lines = all.map((row) => [
    row.area,
    row.name,
    row.value === null ? '-' : `${Number(row.value.toPrecision(3)).toLocaleString('en')} ${row.unit}`,
    row.target,
    row.holds === null ? '' : row.holds ? 'holds' : 'MISSED',
    row.how,
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${machine}\n${text.join('\n')}\n`;
}
