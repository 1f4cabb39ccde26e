import type { Compartment } from '../../core/compartment.ts';
import type { Scope } from '../../core/scope.ts';
import type { PoolStats, Row } from '../../drivers/sql.ts';
import type { ContainerFamily } from './container.ts';

export type Scalar = string | number | bigint | boolean | Date | null;

/** Conditions on one column; several are AND-ed. `startsWith` is the only text search that keeps its index under the wall. */
export type Condition =
  | Scalar
  | {
      readonly eq?: Scalar;
      readonly ne?: Scalar;
      readonly lt?: Scalar;
      readonly lte?: Scalar;
      readonly gt?: Scalar;
      readonly gte?: Scalar;
      readonly in?: readonly Scalar[];
      readonly isNull?: boolean;
      readonly startsWith?: string;
    };

export type Filter = Readonly<Record<string, Condition>>;

export interface ListQuery {
  readonly where?: Filter;
  /** Default: by primary key. The primary key is always added last, so that the order is total. */
  readonly orderBy?: readonly { readonly column: string; readonly direction?: 'asc' | 'desc' }[];
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly after?: string;
  /** 0 to 100,000. For deep paging use `after`: its cost does not grow. */
  readonly offset?: number;
}

export interface Page<T> {
  readonly rows: readonly T[];
  /** Rows in this page. */
  readonly count: number;
  readonly nextCursor: string | undefined;
}

/** One table, seen through one tenant's scope. Foreign ids behave exactly as ids that never were. */
export interface Repository<T extends Row = Row> {
  /**
   * Names of the columns that this tenant's container has. While a migration goes through the fleet it is what tells a
   * tenant that has the new column from one that has it tomorrow.
   */
  readonly columns: ReadonlySet<string>;
  findById(id: string): Promise<T | undefined>;
  /** @throws value_invalid for unknown columns and operators */
  findAll(query?: ListQuery): Promise<Page<T>>;
  findOne(where: Filter): Promise<T | undefined>;
  /** @throws value_invalid where `tenant_id` is given and is another tenant's · conflict · reference_invalid */
  create(values: Readonly<Partial<T>>): Promise<T>;
  /** @returns undefined where the tenant has no such row */
  update(id: string, changes: Readonly<Partial<T>>): Promise<T | undefined>;
  /** @returns whether a row of this tenant was deleted */
  delete(id: string): Promise<boolean>;
  count(where?: Filter): Promise<number>;
}

/** What a scope can do with rows. Closing it is cheap; no connection is held between calls. */
export interface RowsHandle extends AsyncDisposable {
  /** Values are bound, never spliced. One statement; one round trip. */
  sql<R extends Row = Row>(
    strings: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Promise<readonly R[]>;
  table<T extends Row = Row>(name: string): Repository<T>;
  /** All or nothing; handles and repositories of the outer scope stay outside the transaction. */
  transaction<T>(body: (tx: RowsHandle) => Promise<T>): Promise<T>;
}

export interface RowsCompartment extends Compartment<RowsHandle> {
  readonly kind: ContainerFamily;
  /** The handle of the ambient scope. @throws scope_missing */
  current(): RowsHandle;
  /** Pools by server or database, for metrics and saturation alarms. */
  stats(): ReadonlyMap<string, PoolStats>;
  /** A new password for a database or dedicated tenant's login, while its traffic goes on. */
  rotateCredential(scope: Scope): Promise<void>;
}
