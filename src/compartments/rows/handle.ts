import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import type { Scope } from '../../core/scope.ts';
import {
  capabilityRefusedState,
  SqlError,
  type Row,
  type RunOptions,
  type SqlResult,
  type SqlStatement,
  type SqlTransaction,
  type TenantDatabase,
  type WallContext,
} from '../../drivers/sql.ts';
import type { Capabilities } from './capabilities.ts';
import { createRepository, type ScopedRunner, type TableSql } from './repository.ts';
import type { Repository, RowsHandle } from './rows.ts';

/** What every handle of one compartment shares. */
export interface HandleDeps {
  readonly capabilities: Capabilities;
  readonly tables: ReadonlyMap<string, TableSql>;
  /**
   * Throws where the scope's tenant may no longer be served. Returns without a promise while what the node knows is
   * fresh, so that the check costs nothing on the warm path.
   */
  readonly assertLive: (scope: Scope) => void | Promise<void>;
  readonly onForeignRow: (scope: Scope) => void;
}

export interface HandleTarget {
  readonly scope: Scope;
  readonly placement: Placement;
  readonly database: TenantDatabase;
  /** Everything of the context but the capability, which ends before the scope may. */
  readonly context: Omit<WallContext, 'capability'>;
}

/** Statements one scope has run so far; kept beside the scope because a scope is frozen. */
const spent = new WeakMap<Scope, { queries: number }>();

function spendQuery(scope: Scope): void {
  let budget = spent.get(scope);
  if (budget === undefined) {
    budget = { queries: 0 };
    spent.set(scope, budget);
  }
  budget.queries += 1;
  if (budget.queries > scope.governor.maxQueries)
    throw new BulkheadError('query_budget_spent', {
      tenant: scope.tenantId,
      limit: scope.governor.maxQueries,
      hint: 'read lists instead of single rows, or split the work over several requests',
    });
}

export function createHandle(deps: HandleDeps, target: HandleTarget): RowsHandle {
  const { scope } = target;

  const run = async <R extends Row>(statement: SqlStatement, options: RunOptions): Promise<SqlResult<R>> => {
    spendQuery(scope);
    const result = await withContext(deps, target, (context) =>
      target.database.run<R>(context, statement, {
        signal: scope.signal,
        maxRows: scope.governor.maxRows,
        ...options,
      }),
    );
    return checked(deps, scope, result);
  };

  return {
    ...createSurface(deps, scope, run),
    transaction: (body) =>
      withContext(deps, target, (context) =>
        target.database.transaction(context, (tx) => body(createTransactionHandle(deps, scope, tx)), {
          signal: scope.signal,
        }),
      ),
    [Symbol.asyncDispose]: async () => {},
  };
}

function createTransactionHandle(deps: HandleDeps, scope: Scope, tx: SqlTransaction): RowsHandle {
  const run = async <R extends Row>(statement: SqlStatement): Promise<SqlResult<R>> => {
    spendQuery(scope);
    await deps.assertLive(scope);
    const options = { signal: scope.signal, maxRows: scope.governor.maxRows };
    return checked(deps, scope, await mapped(() => tx.run<R>(statement, options)));
  };
  return {
    ...createSurface(deps, scope, run),
    transaction: () =>
      Promise.reject(
        new BulkheadError('value_invalid', { reason: 'transactions do not nest; use the one that is open' }),
      ),
    [Symbol.asyncDispose]: async () => {},
  };
}

type Run = <R extends Row>(statement: SqlStatement, options: RunOptions) => Promise<SqlResult<R>>;

function createSurface(deps: HandleDeps, scope: Scope, run: Run): Pick<RowsHandle, 'sql' | 'table'> {
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
      const table = deps.tables.get(name);
      if (table === undefined)
        throw new BulkheadError('value_invalid', {
          field: 'table',
          reason: `there is no such table; there are ${[...deps.tables.keys()].join(', ')}`,
        });
      return createRepository<T>(table, runner);
    },
  };
}

/** @throws value_invalid for text that is not a template literal: that is how values get into SQL */
function toStatement(strings: TemplateStringsArray, values: readonly unknown[]): SqlStatement {
  if (!Array.isArray(strings) || !Object.isFrozen(strings) || !Array.isArray(strings.raw))
    throw new BulkheadError('value_invalid', { reason: 'call sql as a tag: sql`select … where id = ${id}`' });
  return {
    text: strings.reduce((text, part, index) => (index === 0 ? part : `${text}$${index}${part}`), ''),
    values,
  };
}

/** Runs `work` under a live capability. One that was revoked or ran out is replaced once; the batch it failed in left nothing. */
async function withContext<T>(
  deps: HandleDeps,
  target: HandleTarget,
  work: (context: WallContext) => Promise<T>,
): Promise<T> {
  const { scope, placement } = target;
  const live = deps.assertLive(scope);
  if (live !== undefined) await live;
  const attempt = async (): Promise<T> => {
    const cached = deps.capabilities.token(placement);
    const capability = typeof cached === 'string' ? cached : await cached;
    return work({ ...target.context, capability });
  };
  try {
    return await attempt();
  } catch (cause) {
    if (!isCapabilityRefused(cause)) throw toBulkheadError(cause, scope);
  }
  deps.capabilities.forget(placement);
  return mapped(attempt, scope);
}

async function mapped<T>(work: () => Promise<T>, scope?: Scope): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw toBulkheadError(cause, scope);
  }
}

function isCapabilityRefused(cause: unknown): boolean {
  return cause instanceof SqlError && cause.sqlState === capabilityRefusedState;
}

/** Every row that says whose it is must say the scope's tenant. The wall already holds; this notices if it ever does not. */
function checked<R extends Row>(deps: HandleDeps, scope: Scope, result: SqlResult<R>): SqlResult<R> {
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

const byState: Readonly<Record<string, 'conflict' | 'reference_invalid'>> = {
  '23505': 'conflict',
  '23P01': 'conflict',
  '23503': 'reference_invalid',
};

function toBulkheadError(cause: unknown, scope: Scope | undefined): unknown {
  if (!(cause instanceof SqlError)) return cause;
  const { sqlState, constraint, table, column } = cause;
  const detail = { sqlState, constraint, table, column, tenant: scope?.tenantId };
  const code = byState[sqlState];
  if (code !== undefined) return new BulkheadError(code, detail, { cause });
  if (sqlState === capabilityRefusedState) return new BulkheadError('capability_refused', detail, { cause });
  if (sqlState === '42501')
    return new BulkheadError(
      'value_invalid',
      { ...detail, reason: 'the tenant role may not do this' },
      { cause },
    );
  // Class 22: a value that its type cannot hold. Class 23: not null and check. Class 42: the statement itself.
  if (/^(?:22|23|42|0A)/.test(sqlState))
    return new BulkheadError('value_invalid', { ...detail, reason: cause.message }, { cause });
  return isBulkheadError(cause) ? cause : new BulkheadError('internal', detail, { cause });
}
