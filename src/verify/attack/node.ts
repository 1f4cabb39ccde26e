import type { Clock } from '../../core/clock.ts';
import type { Compartment } from '../../core/compartment.ts';
import type { RequestId, TenantId } from '../../core/ids.ts';
import type { Actor, Scope } from '../../core/scope.ts';
import type { Registry } from '../../registry/registry.ts';

type Row = Record<string, unknown>;

/** One table as attacks use it. */
export interface AttackedTable {
  findById(id: string): Promise<Row | undefined>;
  findAll(query?: { readonly limit?: number }): Promise<{ readonly rows: readonly Row[] }>;
  create(values: Row): Promise<Row>;
  update(id: string, changes: Row): Promise<Row | undefined>;
  delete(id: string): Promise<boolean>;
  count(): Promise<number>;
}

/** A handle on one tenant's rows, as the compartment gives it. */
export interface AttackedRows extends AsyncDisposable {
  sql(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<readonly Row[]>;
  table(name: string): AttackedTable;
  transaction<T>(body: (tx: AttackedRows) => Promise<T>): Promise<T>;
}

export interface ScopeOptions {
  readonly actor?: Actor;
  readonly requestId?: RequestId;
  readonly signal?: AbortSignal;
}

/** What is attacked: the parts of a node that tenants' work goes through. A `Bulkhead` has them all. */
export interface AttackedNode {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
  readonly rows: Compartment<AttackedRows> & {
    /** The handle of the ambient scope. @throws scope_missing */
    current(): AttackedRows;
  };
  scope(tenant: TenantId | string, options?: ScopeOptions): Promise<Scope>;
  run<Result>(
    tenant: TenantId | string,
    fn: (scope: Scope) => Promise<Result>,
    options?: ScopeOptions,
  ): Promise<Result>;
}

/** A server over the node, reached as anybody outside would reach it. */
export interface Front extends AsyncDisposable {
  readonly url: string;
  /** Everything it logged so far. */
  log(): string;
}

/** Who makes the attacks, in the audit trail. */
export const attackActor: Actor = { kind: 'operator', id: 'verify' };
