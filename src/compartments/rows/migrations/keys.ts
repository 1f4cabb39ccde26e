/** Primary, unique and foreign keys as a user wrote them, turned into keys that carry the tenant. */
import { namesOf, type NodeOf } from './ast.ts';
import { defaultConstraintName, quoteName, quoteNames, tenantColumn } from './names.ts';
import { refuse } from './refusal.ts';

export type ConstraintNode = NodeOf<'Constraint'>;

/** What a key needs to know of the table it is on, or refers to. `shared`: no tenant column, the same rows for all. */
export interface Relation {
  readonly name: string;
  readonly kind: 'tenant' | 'shared';
  /** With the tenant, in the order of the key. */
  readonly primaryKey: readonly string[];
}

export interface Relations {
  /** undefined = there is no such table in the container. */
  find(name: string): Promise<Relation | undefined>;
}

export function isKey(constraint: ConstraintNode): boolean {
  return (
    constraint.contype === 'CONSTR_PRIMARY' ||
    constraint.contype === 'CONSTR_UNIQUE' ||
    constraint.contype === 'CONSTR_FOREIGN'
  );
}

/** The columns of a key with the tenant first; one that names the tenant already stays as it is. */
export function withTenant(columns: readonly string[]): readonly string[] {
  return columns.includes(tenantColumn) ? columns : [tenantColumn, ...columns];
}

/**
 * The table constraints that stand for one key.
 * @param column the column it was written behind, where it was not a table constraint
 * @throws StatementRefused
 */
export async function toKeySql(
  table: Relation,
  constraint: ConstraintNode,
  context: { readonly column?: string | undefined; readonly relations: Relations },
): Promise<readonly string[]> {
  return constraint.contype === 'CONSTR_FOREIGN'
    ? toForeignKeySql(table, constraint, context)
    : [toUniqueSql(table, constraint, context.column)];
}

function toUniqueSql(table: Relation, constraint: ConstraintNode, column: string | undefined): string {
  const written = column === undefined ? namesOf(constraint.keys) : [column];
  const primary = constraint.contype === 'CONSTR_PRIMARY';
  if (constraint.without_overlaps === true)
    refuse('WITHOUT OVERLAPS keys are not supported', 'use a unique key on the start of the period');
  if (constraint.indexspace !== undefined) refuse('an index must not be in a tablespace of its own');
  if ((constraint.options ?? []).length > 0)
    refuse('storage options on a key are not supported', 'use ALTER INDEX … SET');
  const label = primary ? 'pkey' : 'key';
  const name = constraint.conname ?? defaultConstraintName(table.name, primary ? [] : written, label);
  const included = namesOf(constraint.including);
  return [
    `constraint ${quoteName(name)}`,
    primary ? 'primary key' : 'unique',
    constraint.nulls_not_distinct === true ? 'nulls not distinct' : '',
    `(${quoteNames(table.kind === 'tenant' ? withTenant(written) : written)})`,
    included.length > 0 ? `include (${quoteNames(included)})` : '',
    deferral(constraint),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

const actions: Readonly<Record<string, string>> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
};

async function toForeignKeySql(
  table: Relation,
  constraint: ConstraintNode,
  context: { readonly column?: string | undefined; readonly relations: Relations },
): Promise<readonly string[]> {
  const columns = context.column === undefined ? namesOf(constraint.fk_attrs) : [context.column];
  const target = await findTarget(table, constraint, context.relations);
  const name = constraint.conname ?? defaultConstraintName(table.name, columns, 'fkey');
  const pairs = pairColumns(table, target, { columns, referenced: namesOf(constraint.pk_attrs) });
  const full = constraint.fk_matchtype === 'f' && pairs.carriesTenant;
  const key = [
    `constraint ${quoteName(name)} foreign key (${quoteNames(pairs.columns)})`,
    `references ${quoteName(target.name)} (${quoteNames(pairs.referenced)})`,
    constraint.fk_matchtype === 'f' && !full ? 'match full' : '',
    onDelete(constraint, pairs),
    onUpdate(constraint, pairs),
    deferral(constraint),
    constraint.skip_validation === true ? 'not valid' : '',
  ];
  const text = key.filter((part) => part !== '').join(' ');
  return full && columns.length > 1 ? [text, toMatchFullSql(name, columns)] : [text];
}

async function findTarget(
  table: Relation,
  constraint: ConstraintNode,
  relations: Relations,
): Promise<Relation> {
  if (constraint.fk_with_period === true || constraint.pk_with_period === true)
    refuse('PERIOD foreign keys are not supported');
  if (constraint.is_enforced !== true) refuse('a foreign key must be enforced', 'leave out NOT ENFORCED');
  const name = constraint.pktable?.relname ?? '';
  const target = name === table.name ? table : await relations.find(name);
  if (target === undefined)
    return refuse(
      `the foreign key refers to ${name}, which is not a table of this folder`,
      name.startsWith('tenant')
        ? 'tenants live in the registry: the wall itself ties each row to its tenant, no key is needed'
        : 'create the table it refers to first',
    );
  if (table.kind === 'shared' && target.kind === 'tenant')
    refuse(`the shared table ${table.name} must not refer to ${name}, whose rows belong to tenants`);
  return target;
}

interface Pairs {
  readonly columns: readonly string[];
  readonly referenced: readonly string[];
  readonly carriesTenant: boolean;
}

function pairColumns(
  table: Relation,
  target: Relation,
  written: { readonly columns: readonly string[]; readonly referenced: readonly string[] },
): Pairs {
  const { columns } = written;
  const key = columns.includes(tenantColumn) ? target.primaryKey : withoutTenant(target.primaryKey);
  const referenced = written.referenced.length > 0 ? written.referenced : key;
  if (referenced.length !== columns.length)
    refuse(`the foreign key has ${columns.length} columns, what it refers to has ${referenced.length}`);
  if (target.kind === 'shared') {
    if (columns.includes(tenantColumn))
      refuse(`a foreign key to the shared table ${target.name} must not name ${tenantColumn}`);
    return { columns, referenced, carriesTenant: false };
  }
  const at = columns.indexOf(tenantColumn);
  if (at !== referenced.indexOf(tenantColumn))
    refuse(`${tenantColumn} must refer to ${tenantColumn} of ${target.name}, not to another column`);
  return at >= 0
    ? { columns, referenced, carriesTenant: true }
    : {
        columns: withTenant(columns),
        referenced: withTenant(referenced),
        carriesTenant: table.kind === 'tenant',
      };
}

export function withoutTenant(columns: readonly string[]): readonly string[] {
  return columns.filter((column) => column !== tenantColumn);
}

/** Only the user's own columns are emptied: a bare SET NULL would empty the tenant too, and fail. */
function onDelete(constraint: ConstraintNode, pairs: Pairs): string {
  const action = constraint.fk_del_action ?? 'a';
  if (action === 'a') return '';
  const named = namesOf(constraint.fk_del_set_cols);
  if (named.includes(tenantColumn)) refuse(`ON DELETE must not change ${tenantColumn}`);
  const sets = (action === 'n' || action === 'd') && pairs.carriesTenant;
  const columns = named.length > 0 ? named : withoutTenant(pairs.columns);
  if (sets && columns.length === 0) refuse(`ON DELETE must not change ${tenantColumn}`);
  const list = sets || named.length > 0 ? ` (${quoteNames(columns)})` : '';
  return `on delete ${actions[action] ?? ''}${list}`;
}

function onUpdate(constraint: ConstraintNode, pairs: Pairs): string {
  const action = constraint.fk_upd_action ?? 'a';
  if (action === 'a') return '';
  if ((action === 'n' || action === 'd') && pairs.carriesTenant)
    refuse(
      `ON UPDATE ${(actions[action] ?? '').toUpperCase()} would change ${tenantColumn} too`,
      'PostgreSQL has no column list for ON UPDATE; use CASCADE, RESTRICT or a trigger',
    );
  return `on update ${actions[action] ?? ''}`;
}

/**
 * MATCH FULL over the tenant would refuse every empty reference, because the tenant is never null.
 * MATCH SIMPLE and this check say what the user meant.
 */
function toMatchFullSql(name: string, columns: readonly string[]): string {
  const check = defaultConstraintName(name, [], 'full');
  const own = withoutTenant(columns);
  return `constraint ${quoteName(check)} check (num_nulls(${quoteNames(own)}) in (0, ${own.length}))`;
}

function deferral(constraint: ConstraintNode): string {
  if (constraint.initdeferred === true) return 'deferrable initially deferred';
  return constraint.deferrable === true ? 'deferrable' : '';
}
