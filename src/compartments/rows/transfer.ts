import type { ExportRecord, ImportReceipt, Usage } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import { RecordHashes } from '../../core/record-hash.ts';
import type { AdminDatabase, AdminTransaction } from '../../drivers/sql.ts';
import { asTenant, type TenantSide } from './as-tenant.ts';
import { quote } from './filter.ts';
import { copiedColumns, tenantTables, type Table } from './tables.ts';

const batchRows = 500;

/** Runs one piece of owner's work in the container's database. Nothing is held between two pieces. */
export type WithAdmin = <T>(body: (admin: AdminDatabase) => Promise<T>) => Promise<T>;

/** Every column as text, so that no number, time or array loses anything; the tenant stays behind. */
function toRecordExpression(table: Table): string {
  const names = copiedColumns(table).map(({ name }) => name);
  return `jsonb_build_object(${names.map((name) => `'${name.replaceAll("'", "''")}', t.${quote(name)}::text`).join(', ')})`;
}

/** Rows of one tenant, table by table in the order of their references, under the wall. Seal the tenant first where one instant matters. */
export async function* exportRows(
  withAdmin: WithAdmin,
  side: TenantSide,
  tables: readonly Table[],
): AsyncGenerator<ExportRecord> {
  // A generator cannot hold a transaction open safely: its reader may never come back. So pages are keyset by primary key.
  for (const table of tenantTables(tables)) {
    let last: readonly string[] | undefined;
    do {
      const after = last;
      const page = await withAdmin((admin) =>
        asTenant(admin, side, (tx) => readPage(tx, table, { side, after })),
      );
      for (const { value } of page) yield { set: table.name, value };
      last = page.length === batchRows && table.primaryKey.length > 0 ? page.at(-1)?.key : undefined;
    } while (last !== undefined);
  }
}

interface PageRow extends Record<string, unknown> {
  readonly value: Readonly<Record<string, unknown>>;
  readonly key: readonly string[];
}

async function readPage(
  tx: AdminTransaction,
  table: Table,
  from: { side: TenantSide; after: readonly string[] | undefined },
): Promise<readonly PageRow[]> {
  const keys = table.primaryKey;
  const names = keys.map((name) => `t.${quote(name)}`);
  const after =
    from.after === undefined
      ? ''
      : ` and (${names.join(', ')}) > (${keys.map((name, index) => `$${index + 2}::${table.byName.get(name)?.type}`).join(', ')})`;
  // A table with one row a tenant has no key besides the tenant: it fits one page by itself.
  const order = names.length === 0 ? '' : ` order by ${names.join(', ')} limit ${batchRows}`;
  const { rows } = await tx.query<PageRow>(
    `select ${toRecordExpression(table)} as value, array[${names.map((name) => `${name}::text`).join(', ')}]::text[] as key
       from ${quote(table.name)} t where t.tenant_id = $1${after}${order}`,
    [from.side.tenant, ...(from.after ?? [])],
  );
  return rows;
}

/** @throws value_invalid for a set that is no table here, or a record that names another tenant */
export async function importRows(
  withAdmin: WithAdmin,
  side: TenantSide,
  input: { readonly tables: readonly Table[]; readonly records: AsyncIterable<ExportRecord> },
): Promise<ImportReceipt> {
  const hashes = new RecordHashes();
  let batch: ExportRecord[] = [];
  const flush = async (): Promise<void> => {
    const [first] = batch;
    if (first === undefined) return;
    const table = tenantTables(input.tables).find(({ name }) => name === first.set);
    if (table === undefined)
      throw new BulkheadError('value_invalid', { field: 'set', reason: `there is no table ${first.set}` });
    const values = batch.map(({ value }) => value);
    await withAdmin((admin) => asTenant(admin, side, (tx) => insertBatch(tx, table, { side, values })));
    batch = [];
  };
  for await (const record of input.records) {
    if ('tenant_id' in record.value && record.value['tenant_id'] !== side.tenant)
      throw new BulkheadError('value_invalid', {
        field: 'tenant_id',
        reason: 'a record names another tenant',
      });
    if (batch.length === batchRows || (batch[0] !== undefined && batch[0].set !== record.set)) await flush();
    hashes.add(record);
    batch.push(record);
  }
  await flush();
  return { imported: hashes.count, hashes: hashes.result() };
}

async function insertBatch(
  tx: AdminTransaction,
  table: Table,
  input: { side: TenantSide; values: readonly Readonly<Record<string, unknown>>[] },
): Promise<void> {
  const columns = copiedColumns(table);
  const names = columns.map(({ name }) => quote(name));
  const casts = columns.map(({ name, type }) => `(r->>'${name.replaceAll("'", "''")}')::${type}`);
  // A step that ran before a crash runs again: rows that are there already are left alone.
  await tx.query(
    `insert into ${quote(table.name)} (tenant_id, ${names.join(', ')})
       select $1::uuid, ${casts.join(', ')} from jsonb_array_elements($2::text::jsonb) as r
       on conflict do nothing`,
    [input.side.tenant, JSON.stringify(input.values)],
  );
}

/** Rows and bytes of one tenant, summed under the wall. */
export async function measureRows(
  admin: AdminDatabase,
  side: TenantSide,
  tables: readonly Table[],
): Promise<readonly Usage[]> {
  const owned = tenantTables(tables);
  const parts = owned.map(
    (table) =>
      `select count(*) as n, coalesce(sum(pg_column_size(t.*)), 0) as size from ${quote(table.name)} t where t.tenant_id = $1`,
  );
  const { rows } = await asTenant(admin, side, (tx) =>
    tx.query<{ n: string; size: string }>(
      `select sum(m.n)::text as n, sum(m.size)::text as size from (${parts.join(' union all ')}) m`,
      [side.tenant],
    ),
  );
  return [
    { resource: 'rows', unit: 'rows', amount: BigInt(rows[0]?.n ?? '0'), limit: undefined },
    { resource: 'row_bytes', unit: 'bytes', amount: BigInt(rows[0]?.size ?? '0'), limit: undefined },
  ];
}
