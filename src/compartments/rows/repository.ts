import { BulkheadError } from '../../core/errors.ts';
import { parseRowId } from '../../core/ids.ts';
import type { Row, SqlResult, SqlStatement } from '../../drivers/sql.ts';
import { columnOf, quote, SqlBuilder, toWhere } from './filter.ts';
import { encodeCursor, takeCursor, toAfter, toCursorColumns, toOrder, toOrderBy } from './keyset.ts';
import type { Filter, ListQuery, Page, Repository } from './rows.ts';
import type { Table } from './tables.ts';

/** How a repository reaches its tenant: statements run under the wall, rows come back checked. */
export interface ScopedRunner {
  readonly tenantId: string;
  run<R extends Row>(statement: SqlStatement): Promise<SqlResult<R>>;
}

const defaultLimit = 100;
const maxLimit = 1_000;
const maxOffset = 100_000;

/** SQL of one table that never changes; made once a table. */
export interface TableSql {
  readonly table: Table;
  readonly names: ReadonlySet<string>;
  readonly columns: string;
  readonly selectById: string;
  readonly deleteById: string;
}

export function toTableSql(table: Table): TableSql {
  const name = quote(table.name);
  const columns = table.columns.map((column) => quote(column.name)).join(', ');
  // The predicate beside the wall is what the planner can use, and a second belt.
  const mine = '"tenant_id" = $1 and "id" = $2';
  return {
    table,
    names: new Set(table.byName.keys()),
    columns,
    selectById: `select ${columns} from ${name} where ${mine}`,
    deleteById: `delete from ${name} where ${mine}`,
  };
}

export function createRepository<T extends Row>(sql: TableSql, runner: ScopedRunner): Repository<T> {
  const { table } = sql;
  const name = quote(table.name);

  return {
    columns: sql.names,

    async findById(id) {
      if (!isId(table, id)) return undefined;
      if (!table.hasTenant) return await this.findOne({ id });
      const { rows } = await runner.run<T>({ text: sql.selectById, values: [runner.tenantId, id] });
      return rows[0];
    },

    async findAll(query = {}) {
      return await findPage<T>(sql, runner, query);
    },

    async findOne(where) {
      const builder = startWhere(table, runner);
      const text = `select ${sql.columns} from ${name}${builder.text(where)} limit 1`;
      const { rows } = await runner.run<T>({ text, values: builder.values });
      return rows[0];
    },

    async create(values) {
      const row = stamped(table, values, runner.tenantId);
      const builder = new SqlBuilder();
      const names = Object.keys(row).map(quote).join(', ');
      const binds = Object.values(row)
        .map((value) => builder.bind(value))
        .join(', ');
      const text = `insert into ${name} (${names}) values (${binds}) returning ${sql.columns}`;
      const { rows } = await runner.run<T>({ text, values: builder.values });
      const [created] = rows;
      if (created === undefined)
        throw new BulkheadError('internal', { reason: 'an insert returned no row', table: table.name });
      return created;
    },

    async update(id, changes) {
      if (!isId(table, id)) return undefined;
      const row = unstamped(table, changes, runner.tenantId);
      const builder = new SqlBuilder();
      const key = `"tenant_id" = ${builder.bind(runner.tenantId)} and "id" = ${builder.bind(id)}`;
      const sets = Object.entries(row).map(([column, value]) => `${quote(column)} = ${builder.bind(value)}`);
      if (table.byName.has('updated_at') && !Object.hasOwn(row, 'updated_at'))
        sets.push('"updated_at" = now()');
      if (sets.length === 0)
        throw new BulkheadError('value_invalid', { table: table.name, reason: 'there is nothing to change' });
      const text = `update ${name} set ${sets.join(', ')} where ${key} returning ${sql.columns}`;
      const { rows } = await runner.run<T>({ text, values: builder.values });
      return rows[0];
    },

    async delete(id) {
      if (!isId(table, id)) return false;
      const { rowCount } = await runner.run({ text: sql.deleteById, values: [runner.tenantId, id] });
      return rowCount > 0;
    },

    async count(where) {
      const builder = startWhere(table, runner);
      const text = `select count(*)::int as count from ${name}${builder.text(where)}`;
      const { rows } = await runner.run<{ count: number }>({ text, values: builder.values });
      return rows[0]?.count ?? 0;
    },
  };
}

async function findPage<T extends Row>(
  sql: TableSql,
  runner: ScopedRunner,
  query: ListQuery,
): Promise<Page<T>> {
  const { table } = sql;
  const limit = parseBound('limit', query.limit ?? defaultLimit, { least: 1, most: maxLimit });
  const offset = parseBound('offset', query.offset ?? 0, { least: 0, most: maxOffset });
  const order = toOrder(table, query);
  const builder = startWhere(table, runner);
  const where = builder.text(query.where);
  const after = query.after === undefined ? '' : toAfter({ table, order, cursor: query.after, builder });
  const text =
    `select ${sql.columns}${toCursorColumns(order)} from ${quote(table.name)}${where}${after}` +
    `${toOrderBy(order)} limit ${builder.bind(limit + 1)} offset ${builder.bind(offset)}`;
  const { rows } = await runner.run<T>({ text, values: builder.values });
  const cursors = rows.map((row) => takeCursor(row, order));
  const more = rows.length > limit;
  const last = cursors[limit - 1];
  return {
    rows: more ? rows.slice(0, limit) : rows,
    count: Math.min(rows.length, limit),
    nextCursor: more && last !== undefined ? encodeCursor(table, order, last) : undefined,
  };
}

class WhereBuilder extends SqlBuilder {
  readonly #table: Table;
  readonly #tenantId: string;
  constructor(table: Table, tenantId: string) {
    super();
    this.#table = table;
    this.#tenantId = tenantId;
  }
  /** The tenant always comes first. */
  text(filter: Filter | undefined): string {
    const tenant = this.#table.hasTenant
      ? ` where "tenant_id" = ${this.bind(this.#tenantId)}`
      : ' where true';
    return `${tenant}${toWhere(this.#table, filter, this)}`;
  }
}

function startWhere(table: Table, runner: ScopedRunner): WhereBuilder {
  return new WhereBuilder(table, runner.tenantId);
}

/** A malformed id is an id that is not there: the same answer, and no round trip for the caller to learn from. */
function isId(table: Table, id: string): boolean {
  const column = table.byName.get('id');
  if (column === undefined)
    throw new BulkheadError('value_invalid', {
      table: table.name,
      reason: 'the table has no column "id"; use findOne or sql',
    });
  return column.type !== 'uuid' || parseRowId(id) !== undefined;
}

/** A copy with the tenant set; the caller's object is never touched. */
function stamped(table: Table, values: Readonly<Row>, tenantId: string): Row {
  return { tenant_id: tenantId, ...unstamped(table, values, tenantId) };
}

function unstamped(table: Table, values: Readonly<Row>, tenantId: string): Row {
  if (table.kind !== 'tenant')
    throw new BulkheadError('value_invalid', {
      table: table.name,
      reason: 'a view or a shared table is read-only for tenants',
    });
  const row: Row = {};
  for (const [name, value] of Object.entries(values)) {
    if (name === 'tenant_id') {
      if (value !== tenantId)
        throw new BulkheadError('value_invalid', {
          field: 'tenant_id',
          reason: 'it comes from the scope; leave it out',
        });
      continue;
    }
    const column = columnOf(table, name);
    if (value === undefined) continue;
    // JSON columns take any JSON value; left to the driver a JavaScript array would become a Postgres array.
    row[name] = column.type === 'json' || column.type === 'jsonb' ? JSON.stringify(value) : value;
  }
  return row;
}

function parseBound(field: string, value: number, range: { least: number; most: number }): number {
  if (Number.isInteger(value) && value >= range.least && value <= range.most) return value;
  throw new BulkheadError('value_invalid', {
    field,
    reason: `must be a whole number from ${range.least} to ${range.most}`,
  });
}
