import type { ImportReceipt } from '../../../core/compartment.ts';
import { BulkheadError } from '../../../core/errors.ts';
import { toRecordText, type ExportRecord } from '../../../core/export-record.ts';
import { RecordHashes } from '../../../core/record-hash.ts';
import { SqlError } from '../../../drivers/sql.ts';
import type { TenantSide } from '../as-tenant.ts';
import { asMover } from '../move/end.ts';
import { assertReferences } from './references.ts';
import type { WithAdmin } from './export.ts';
import { toImportTable, type ImportTable } from './import-table.ts';
import type { Table } from '../tables.ts';
import { tenantTables } from '../tables.ts';

/** A statement takes as many rows as make about this much text. */
const batchCharacters = 1_000_000;
const batchRows = 5_000;

export interface ImportTarget {
  readonly side: TenantSide;
  readonly withAdmin: WithAdmin;
  /** As the container has them. */
  readonly tables: readonly Table[];
  /** As they were where the records come from. */
  readonly sourceTables: readonly Table[];
}

/**
 * Puts records into their tables, as logical replication does: without triggers, and without looking at foreign keys
 * before all are there, so their order does not matter and a row may refer to its own table. The references are checked
 * at the end. Where the owner may not do that, rows go in in the order they come in.
 *
 * Rows that are there already are left alone: a step that ran before a crash runs again.
 * @throws value_invalid for a set that is no table here, a field that is no column, or a record that names another tenant
 * @throws reference_invalid where a row refers to one that is not there
 */
export async function importRows(
  target: ImportTarget,
  records: AsyncIterable<ExportRecord>,
): Promise<ImportReceipt> {
  const hashes = new RecordHashes();
  const tables = tenantTables(target.tables);
  const writer = new Writer(target);
  let batch: Batch | undefined;
  for await (const record of records) {
    if (batch?.table.set !== record.set || batch.isFull()) {
      if (batch !== undefined) await writer.write(batch);
      const table = batch?.table.set === record.set ? batch.table : findTable(target, tables, record.set);
      batch = new Batch(table, target.side.tenant);
    }
    hashes.add(record);
    batch.add(record);
  }
  if (batch !== undefined) await writer.write(batch);
  await writer.end();
  await target.withAdmin((admin) =>
    asMover(admin, target.side, { as: 'reader', body: (tx) => assertReferences(tx, tables) }),
  );
  return { imported: hashes.count, hashes: hashes.result() };
}

function findTable(target: ImportTarget, tables: readonly Table[], set: string): ImportTable {
  const table = tables.find(({ name }) => name === set);
  const source = tenantTables(target.sourceTables).find(({ name }) => name === set);
  if (table === undefined || source === undefined)
    throw new BulkheadError('value_invalid', { field: 'set', reason: `there is no table ${set}` });
  return toImportTable(table, source);
}

/** Rows of one table, as one array literal a column: the wire and Node pass on a few long strings. */
class Batch {
  readonly table: ImportTable;
  readonly #tenant: string;
  readonly #columns: string[][];
  #rows = 0;
  #characters = 0;

  constructor(table: ImportTable, tenant: string) {
    this.table = table;
    this.#tenant = tenant;
    this.#columns = table.columns.map(() => []);
  }

  isFull(): boolean {
    return this.#rows === batchRows || this.#characters > batchCharacters;
  }

  add(record: ExportRecord): void {
    const { value } = record;
    if ('tenant_id' in value && value['tenant_id'] !== this.#tenant)
      throw new BulkheadError('value_invalid', {
        field: 'tenant_id',
        reason: 'a record names another tenant',
      });
    this.table.assertColumns(value);
    for (const [index, name] of this.table.columns.entries())
      this.#columns[index]?.push(toElement(value[name]));
    this.#rows += 1;
    this.#characters += toRecordText(record).length;
  }

  values(): readonly string[] {
    return this.#columns.map((items) => `{${items.join(',')}}`);
  }
}

const SPECIAL = /["\\]/;

/** One element of a text array in PostgreSQL's notation. */
function toElement(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return SPECIAL.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`;
}

const UNIQUE_VIOLATION = '23505';

/** So many batches are on their way at once, where their order does not matter. */
const writersAtMost = 2;

/** Writes batches while the next ones are read. */
class Writer {
  readonly #target: ImportTarget;
  readonly #writing = new Set<Promise<void>>();
  #failure: { readonly cause: unknown } | undefined;
  /** One, until the database has said that it takes rows in any order. */
  #atMost = 1;

  constructor(target: ImportTarget) {
    this.#target = target;
  }

  async write(batch: Batch): Promise<void> {
    await this.#waitFor(this.#atMost - 1);
    const writing: Promise<void> = this.#insertOnce(batch)
      .catch((cause: unknown) => {
        this.#failure ??= { cause };
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  end(): Promise<void> {
    return this.#waitFor(0);
  }

  async #waitFor(left: number): Promise<void> {
    while (this.#writing.size > left) await Promise.race(this.#writing);
    if (this.#failure === undefined) return;
    await Promise.all(this.#writing);
    throw this.#failure.cause;
  }

  async #insertOnce(batch: Batch): Promise<void> {
    try {
      await this.#insert(batch, '');
    } catch (cause) {
      if (!(cause instanceof SqlError && cause.sqlState === UNIQUE_VIOLATION)) throw cause;
      await this.#insert(batch, ' on conflict do nothing');
    }
  }

  async #insert(batch: Batch, suffix: string): Promise<void> {
    const { side, withAdmin } = this.#target;
    await withAdmin((admin) =>
      asMover(admin, side, {
        as: 'writer',
        // The check of the references commits behind all of them, and waits for the disk.
        flush: 'later',
        body: async (tx, order) => {
          await tx.query(`${batch.table.insertSql}${suffix}`, [side.tenant, ...batch.values()]);
          if (order === 'any') this.#atMost = writersAtMost;
        },
      }),
    );
  }
}
