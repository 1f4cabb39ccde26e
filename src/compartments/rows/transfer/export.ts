import { TextRecord, type ExportRecord } from '../../../core/export-record.ts';
import type { AdminDatabase, AdminTransaction } from '../../../drivers/sql.ts';
import type { TenantSide } from '../as-tenant.ts';
import { quote } from '../filter.ts';
import { asMover } from '../move/end.ts';
import { keyList } from '../move/row-sql.ts';
import { copiedColumns, tenantTables, type Table } from '../tables.ts';
import { literal } from '../wall.ts';
import { handOver, type Give } from './hand-over.ts';
import { spooled } from './spool.ts';

/** Runs one piece of owner's work in the container's database. Nothing is held between two pieces. */
export type WithAdmin = <T>(body: (admin: AdminDatabase) => Promise<T>) => Promise<T>;

/** Records of one set, each a line of canonical JSON. */
export interface Lines {
  readonly set: string;
  readonly lines: readonly string[];
}

export interface ExportSource {
  readonly side: TenantSide;
  readonly tables: readonly Table[];
  readonly dialect: AdminDatabase['dialect'];
  readonly withAdmin: WithAdmin;
}

/** A reader that takes longer over two pages is taken for gone. */
const patienceMs = 120_000;

/**
 * Rows of one tenant as they were at one instant, table by table in the order of their references, under the wall.
 *
 * On a server the transaction is held while the reader reads. The embedded database has one connection: there the rows
 * are written to a file first, so that whoever reads may use the database meanwhile.
 */
export async function* exportRows(source: ExportSource): AsyncGenerator<ExportRecord, void, undefined> {
  const produce = (give: Give<Lines>): Promise<void> =>
    source.withAdmin((admin) =>
      asMover(admin, source.side, {
        as: 'reader',
        snapshot: 'one',
        body: (tx) => readTables(tx, source, give),
      }),
    );
  const pages = source.dialect === 'pglite' ? spooled(produce) : handOver(produce, patienceMs);
  for await (const { set, lines } of pages) for (const line of lines) yield new TextRecord(set, line);
}

/** Fetches are as many rows as make about this much text, so that memory is bounded whatever a row is like. */
const pageCharacters = 500_000;
const rowLimits = { first: 200, most: 20_000 } as const;

async function readTables(tx: AdminTransaction, source: ExportSource, give: Give<Lines>): Promise<void> {
  for (const table of tenantTables(source.tables)) {
    // In the order of the key, so that the index they are put into one day grows at one end.
    const order = table.primaryKey.length === 0 ? '' : ` order by ${keyList(table, 't')}`;
    await tx.query(
      `declare exported no scroll cursor for
         select ${toLineSql(table)} as line from ${quote(table.name)} t where t.tenant_id = $1::uuid${order}`,
      [source.side.tenant],
    );
    for (let limit: number = rowLimits.first; ;) {
      const { rows } = await tx.query<{ line: string }>(`fetch forward ${limit} from exported`);
      const lines = rows.map(({ line }) => line);
      if (lines.length > 0) await give({ set: table.name, lines });
      if (lines.length < limit) break;
      limit = nextLimit(lines);
    }
    await tx.query('close exported');
  }
}

function nextLimit(lines: readonly string[]): number {
  const characters = lines.reduce((sum, { length }) => sum + length, 0);
  const fitting = Math.floor((pageCharacters * lines.length) / Math.max(1, characters));
  return Math.max(1, Math.min(fitting, rowLimits.most, lines.length * 8));
}

/**
 * A row as a line of canonical JSON: keys in the order of their code points, every value as text, so that no number, time
 * or array loses anything. The tenant stays behind.
 */
function toLineSql(table: Table): string {
  const names = copiedColumns(table)
    .map(({ name }) => name)
    .toSorted((a, b) => (a < b ? -1 : 1));
  const parts = names.flatMap((name, index) => [
    literal(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`),
    `coalesce(to_json(t.${quote(name)}::text)::text, 'null')`,
  ]);
  return parts.length === 0 ? `'{}'` : `concat(${parts.join(', ')}, '}')`;
}
