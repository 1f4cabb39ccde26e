import { BulkheadError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import { useOf } from '../../core/scope-use.ts';
import { isDataStatement } from '../../drivers/data-statement.ts';
import type { Row, RunOptions, SqlResult, SqlStatement, SqlTransaction } from '../../drivers/sql.ts';
import type { ContainerTables } from './container-tables.ts';
import { createRepository, type ScopedRunner, type TableSql } from './repository.ts';
import { refreshing } from './refreshing.ts';
import { refusalOf, type Route } from './route.ts';
import type { Repository, RowsHandle } from './rows.ts';
import { toBulkheadError } from './sql-refusal.ts';

/** What every handle of one compartment shares. */
export interface HandleDeps {
  /**
   * Throws where the scope's tenant may no longer be served. Returns without a promise while what the node knows is
   * fresh, so that the check costs nothing on the warm path.
   */
  readonly assertLive: (scope: Scope) => void | Promise<void>;
  /** The same between two statements of a transaction, which may hold the only connection there is. */
  readonly assertLiveWithin: (scope: Scope) => void | Promise<void>;
  readonly onForeignRow: (scope: Scope) => void;
}

function spendQuery(scope: Scope): void {
  const use = useOf(scope);
  use.queries += 1;
  if (use.queries > scope.governor.maxQueries)
    throw new BulkheadError('query_budget_spent', {
      tenant: scope.tenantId,
      limit: scope.governor.maxQueries,
      hint: 'read lists instead of single rows, or split the work over several requests',
    });
}

/** What a statement of the compartment's own asks for besides. */
export interface AccessOptions extends RunOptions {
  readonly settings?: Readonly<Record<string, string>>;
}

/** One statement of constant text in a scope: what handles are made of. Its rows are checked to be the tenant's. */
export interface ScopedAccess {
  readonly scope: Scope;
  readonly route: Route;
  run<R extends Row>(statement: SqlStatement, options: AccessOptions): Promise<SqlResult<R>>;
}

export function createAccess(deps: HandleDeps, route: Route): ScopedAccess {
  const { scope } = route;
  return {
    scope,
    route,
    async run<R extends Row>(statement: SqlStatement, options: AccessOptions): Promise<SqlResult<R>> {
      spendQuery(scope);
      const { settings, ...rest } = options;
      const result = await route.run((target, context) =>
        target.database.run<R>(settings === undefined ? context : { ...context, settings }, statement, {
          signal: scope.signal,
          maxRows: scope.governor.maxRows,
          ...rest,
        }),
      );
      return checked(deps, scope, result);
    },
  };
}

export function createHandle(deps: HandleDeps, access: ScopedAccess): RowsHandle {
  const { scope, route } = access;
  const run: Run = (statement, options) => access.run(statement, options);

  const tables: ContainerTables = {
    current: () => route.target.tables.current(),
    refresh: () => route.target.tables.refresh(),
  };
  const surface = createSurface(scope, tables, run);
  return {
    ...surface,
    table: <T extends Row>(name: string) => refreshing<T>(tables, () => surface.table<T>(name)),
    transaction: <T>(body: (tx: RowsHandle) => Promise<T>) => runTransaction(deps, route, body),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** What the first statement of a transaction met, where it is a reason to begin again elsewhere. */
interface Beginning {
  refusal: unknown;
}

async function runTransaction<T>(
  deps: HandleDeps,
  route: Route,
  body: (tx: RowsHandle) => Promise<T>,
): Promise<T> {
  return await route.run(async (target, context) => {
    const beginning: Beginning = { refusal: undefined };
    try {
      return await target.database.transaction(
        context,
        (tx) =>
          body(createTransactionHandle(deps, { scope: route.scope, tables: target.tables, tx, beginning })),
        { signal: route.scope.signal },
      );
    } catch (cause) {
      // Whatever the body made of it: nothing had been done yet, so the whole body may run again.
      throw beginning.refusal ?? cause;
    }
  });
}

function createTransactionHandle(
  deps: HandleDeps,
  input: {
    readonly scope: Scope;
    readonly tables: ContainerTables;
    readonly tx: SqlTransaction;
    readonly beginning: Beginning;
  },
): RowsHandle {
  const { scope, tables, tx, beginning } = input;
  let statements = 0;
  const run = async <R extends Row>(statement: SqlStatement): Promise<SqlResult<R>> => {
    spendQuery(scope);
    await deps.assertLiveWithin(scope);
    statements += 1;
    const isFirst = statements === 1;
    try {
      const options = { signal: scope.signal, maxRows: scope.governor.maxRows };
      return checked(deps, scope, await tx.run<R>(statement, options));
    } catch (cause) {
      if (isFirst && refusalOf(cause) !== undefined) beginning.refusal = cause;
      throw toBulkheadError(cause, scope);
    }
  };
  return {
    ...createSurface(scope, tables, run),
    transaction: () =>
      Promise.reject(
        new BulkheadError('value_invalid', { reason: 'transactions do not nest; use the one that is open' }),
      ),
    [Symbol.asyncDispose]: async () => {},
  };
}

type Run = <R extends Row>(statement: SqlStatement, options: RunOptions) => Promise<SqlResult<R>>;

function createSurface(scope: Scope, tables: ContainerTables, run: Run): Pick<RowsHandle, 'sql' | 'table'> {
  const runner: ScopedRunner = {
    tenantId: scope.tenantId,
    run: (statement) => run(statement, { lane: 'shared' }),
  };
  return {
    async sql<R extends Row>(strings: TemplateStringsArray, ...values: readonly unknown[]) {
      // Nobody knows what a statement of the application's own costs, so nobody else's waits behind it.
      const { rows } = await run<R>(toStatement(strings, values), { lane: 'alone' });
      return rows;
    },
    table<T extends Row>(name: string): Repository<T> {
      return createRepository<T>(findTable(tables, name), runner);
    },
  };
}

function findTable(tables: ContainerTables, name: string): TableSql {
  const known = tables.current();
  const table = known.get(name);
  if (table === undefined)
    throw new BulkheadError('value_invalid', {
      field: 'table',
      reason: `there is no such table; there are ${[...known.keys()].join(', ')}`,
    });
  return table;
}

/** @throws value_invalid for text that is not a template literal: that is how values get into SQL */
function toStatement(strings: TemplateStringsArray, values: readonly unknown[]): SqlStatement {
  if (!Array.isArray(strings) || !Object.isFrozen(strings) || !Array.isArray(strings.raw))
    throw new BulkheadError('value_invalid', { reason: 'call sql as a tag: sql`select … where id = ${id}`' });
  const text = strings.reduce((sql, part, index) => (index === 0 ? part : `${sql}$${index}${part}`), '');
  // LOCK TABLE or LISTEN would reach beyond the tenant without touching a row; tables change by migrations.
  if (!isDataStatement(text))
    throw new BulkheadError('value_invalid', {
      reason:
        'one statement that reads or writes rows: select, insert, update, delete, merge, values or with',
    });
  return { text, values };
}

/** Counts the rows. Every row that says whose it is must say the scope's tenant. The wall already holds; this notices if it ever does not. */
function checked<R extends Row>(deps: HandleDeps, scope: Scope, result: SqlResult<R>): SqlResult<R> {
  useOf(scope).rows += result.rowCount;
  const [first] = result.rows;
  if (first === undefined || !('tenant_id' in first)) return result;
  for (const row of result.rows) {
    if (row['tenant_id'] !== scope.tenantId) {
      deps.onForeignRow(scope);
      throw new BulkheadError('foreign_row', { tenant: scope.tenantId, requestId: scope.requestId });
    }
  }
  return result;
}
