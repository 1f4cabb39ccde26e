import { quote } from '../filter.ts';
import { copiedColumns, type Table } from '../tables.ts';

/** Sum of the hashes of a set of rows, modulo 2⁶⁴: the first 64 bits of the SHA-256 of each row's text. */
export function toHashSql(table: Table, alias: string): string {
  const columns = copiedColumns(table).map(({ name }) => `${alias}.${quote(name)}`);
  const digest = `sha256(convert_to(row(${columns.join(', ')})::text, 'UTF8'))`;
  return `coalesce(sum(('x' || encode(substring(${digest} for 8), 'hex'))::bit(64)::bigint), 0)::text`;
}

const modulus = 1n << 64n;

/** Sums of parts add up to the sum of the whole. */
export function addHashes(...sums: readonly string[]): string {
  const total = sums.reduce((sum, text) => (sum + BigInt(text)) % modulus, 0n);
  return ((total + modulus) % modulus).toString();
}

/** As receipts show it: 16 hexadecimal characters. */
export function showHash(sum: string): string {
  return (((BigInt(sum) % modulus) + modulus) % modulus).toString(16).padStart(16, '0');
}

export function keyList(table: Table, alias: string): string {
  return table.primaryKey.map((name) => `${alias}.${quote(name)}`).join(', ');
}

/** ` and (key) > (…)`, the values from parameter `$first` on. */
export function toBoundSql(table: Table, operator: '>' | '<=', first: number): string {
  const values = table.primaryKey.map(
    (name, index) => `$${first + index}::${table.byName.get(name)?.type ?? 'text'}`,
  );
  return ` and (${keyList(table, 't')}) ${operator} (${values.join(', ')})`;
}

/** The rows of `alias` whose keys are in text arrays, one a key column, from `$first`. */
export function toKeyedSql(table: Table, alias: string, first: number): string {
  const names = table.primaryKey.map((_, index) => `k${index}`);
  const arrays = names.map((_, index) => `$${first + index}::text[]`);
  const typed = table.primaryKey.map(
    (name, index) => `k.k${index}::${table.byName.get(name)?.type ?? 'text'}`,
  );
  return `(${keyList(table, alias)}) in (select ${typed.join(', ')} from unnest(${arrays.join(', ')}) as k (${names.join(', ')}))`;
}

/**
 * A page of rows as one array of texts a column, each array itself as text: the wire and Node pass on a few long strings
 * and look into none of them.
 */
export function toPackedSql(table: Table, alias: string): string {
  return copiedColumns(table)
    .map(({ name }, index) => `array_agg(${alias}.${quote(name)}::text)::text as c${index}`)
    .join(', ');
}

/** Puts packed rows in, for the tenant `$1`; the columns come from `$2` on. */
export function toUnpackSql(table: Table): string {
  const columns = copiedColumns(table);
  const names = columns.map(({ name }) => quote(name));
  const arrays = columns.map((_, index) => `$${index + 2}::text::text[]`);
  const values = columns.map(({ type }, index) => `u.c${index}::${type}`);
  return `insert into ${quote(table.name)} (tenant_id, ${names.join(', ')})
    select $1::uuid, ${values.join(', ')}
    from unnest(${arrays.join(', ')}) as u (${columns.map((_, index) => `c${index}`).join(', ')})`;
}

export interface PackedRow extends Record<string, unknown> {
  readonly count: number;
  readonly hash: string;
  readonly last: readonly string[] | null;
}

/** The packed columns of a result of `toPackedSql`, in order. */
export function packedColumns(table: Table, row: PackedRow): readonly string[] {
  return copiedColumns(table).map((_, index) => String(row[`c${index}`]));
}

/** What one page held, and where the next begins. */
export interface Page {
  readonly count: number;
  readonly hash: string;
  readonly last: readonly string[] | undefined;
}

/** Rows of tenant `$1` in the order of their keys, from behind the key `$2…`. A table without a key fits one page: the survey sees to it. */
export function toPageSql(
  table: Table,
  relation: string,
  range: { readonly after: readonly string[] | undefined; readonly limit: number },
): string {
  const columns = copiedColumns(table).map(({ name }) => `t.${quote(name)}`);
  const after = range.after === undefined ? '' : toBoundSql(table, '>', 2);
  const order = table.primaryKey.length === 0 ? '' : ` order by ${keyList(table, 't')} limit ${range.limit}`;
  return `select ${columns.join(', ')} from ${relation} t where t.tenant_id = $1${after}${order}`;
}

/** The key of the last row of `page`. */
export function toLastSql(table: Table): string {
  if (table.primaryKey.length === 0) return 'null::text[]';
  const texts = table.primaryKey.map((name) => `l.${quote(name)}::text`).join(', ');
  const order = table.primaryKey.map((name) => `l.${quote(name)} desc`).join(', ');
  return `(select array[${texts}] from page l order by ${order} limit 1)`;
}
