import type { ForeignKeyFact, KeyFact, TableFact } from './facts.ts';
import type { AdoptStep } from './plan.ts';
import { columnList, interimName, quote } from './sql-text.ts';

interface Reference {
  readonly from: string;
  readonly key: ForeignKeyFact;
}

/**
 * The tenant in every key. Indexes are built beside the traffic; then, in one short transaction for each table, its keys
 * and the foreign keys that point at them change places; then the foreign keys are validated beside the traffic.
 */
export function toKeySteps(
  schema: string,
  owned: readonly TableFact[],
  shared: ReadonlySet<string>,
): readonly AdoptStep[] {
  const references = owned.flatMap((table) =>
    table.foreignKeys.filter(({ table: to }) => !shared.has(to)).map((key) => ({ from: table.name, key })),
  );
  const order = referringFirst(owned);
  const byOrder = (a: Reference, b: Reference): number => order.indexOf(a.from) - order.indexOf(b.from);
  return [
    ...owned.flatMap((table) => toIndexSteps(schema, table)),
    ...owned.map((table) =>
      toSwapStep(schema, table, references.filter(({ key }) => key.table === table.name).toSorted(byOrder)),
    ),
    ...owned.flatMap((table) => toUniqueIndexSteps(schema, table)),
    ...references.map(({ from, key }) => toValidateStep(schema, from, key)),
  ];
}

/**
 * Tables before those they refer to: the order in which a writer locks them, so that a swap and a writer never wait for
 * each other.
 */
function referringFirst(owned: readonly TableFact[]): readonly string[] {
  const byName = new Map(owned.map((table) => [table.name, table]));
  const order: string[] = [];
  const visited = new Set<string>();
  const visit = (table: TableFact): void => {
    if (visited.has(table.name)) return;
    visited.add(table.name);
    for (const { table: to } of table.foreignKeys) {
      const referred = byName.get(to);
      if (referred !== undefined) visit(referred);
    }
    order.push(table.name);
  };
  for (const table of owned) visit(table);
  return order.toReversed();
}

function toIndexSteps(schema: string, { name: table, keys, uniqueIndexes }: TableFact): AdoptStep[] {
  const target = `${quote(schema)}.${quote(table)}`;
  const step = (index: string, sql: string): AdoptStep => ({
    kind: 'index',
    phase: 'keys',
    name: `index ${index}`,
    index: `${quote(schema)}.${quote(index)}`,
    sql,
    undo: [`drop index if exists ${quote(schema)}.${quote(index)}`],
  });
  const ofKeys = keys.map(({ name, columns }) => {
    const index = interimName(name);
    return step(
      index,
      `create unique index concurrently ${quote(index)} on ${target} (tenant_id, ${columnList(columns)})`,
    );
  });
  const ofIndexes = uniqueIndexes.map(({ name, definition }) => {
    const index = interimName(name);
    return step(index, withTenant(definition, index));
  });
  if (keys.length > 0) return [...ofKeys, ...ofIndexes];
  const index = interimName(`${table}_tenant_id`);
  return [step(index, `create index concurrently ${quote(index)} on ${target} (tenant_id)`), ...ofIndexes];
}

/** The tenant goes first; everything else of an index, its expressions and its condition too, stays as it was. */
function withTenant(definition: string, index: string): string {
  return definition
    .replace(
      /^CREATE UNIQUE INDEX (?:"(?:[^"]|"")*"|\S+) ON/,
      () => `create unique index concurrently ${quote(index)} on`,
    )
    .replace(/ USING btree \(/, ' using btree (tenant_id, ');
}

function toSwapStep(schema: string, table: TableFact, references: readonly Reference[]): AdoptStep {
  const in_ = (name: string): string => `${quote(schema)}.${quote(name)}`;
  const dropReferences = references.map(
    ({ from, key }) => `alter table ${in_(from)} drop constraint if exists ${quote(key.name)}`,
  );
  const target = in_(table.name);
  const locked = [...new Set([...references.map(({ from }) => from), table.name])].map(in_).join(', ');
  const lock = `lock table ${locked} in access exclusive mode`;
  const keyWord = ({ kind }: KeyFact): string => (kind === 'primary' ? 'primary key' : 'unique');
  const dropKeys = table.keys.map(({ name }) => `alter table ${target} drop constraint ${quote(name)}`);
  return {
    kind: 'transaction',
    phase: 'keys',
    name: `keys ${table.name}`,
    sql: [
      lock,
      ...dropReferences,
      ...dropKeys,
      ...table.keys.map(
        (key) =>
          `alter table ${target} add constraint ${quote(key.name)} ${keyWord(key)} using index ${quote(interimName(key.name))}${key.suffix}`,
      ),
      ...references.map(
        ({ from, key }) =>
          `alter table ${in_(from)} add constraint ${quote(key.name)} ${toComposite(key, in_(key.table))} not valid`,
      ),
    ],
    undo: [
      lock,
      ...dropReferences,
      ...dropKeys,
      ...table.keys.map(
        ({ name, definition }) => `alter table ${target} add constraint ${quote(name)} ${definition}`,
      ),
      ...references.map(
        ({ from, key }) => `alter table ${in_(from)} add constraint ${quote(key.name)} ${key.definition}`,
      ),
    ],
  };
}

const actions = { a: '', r: ' restrict', c: ' cascade', n: ' set null', d: ' set default' } as const;

function toComposite(key: ForeignKeyFact, target: string): string {
  const { columns, referenced, onDelete, onUpdate, suffix } = key;
  // The tenant stays when the reference goes.
  const kept = onDelete === 'n' ? ` (${columnList(columns)})` : '';
  return [
    `foreign key (tenant_id, ${columnList(columns)}) references ${target} (tenant_id, ${columnList(referenced)})`,
    onUpdate === 'a' ? '' : ` on update${actions[onUpdate]}`,
    onDelete === 'a' ? '' : ` on delete${actions[onDelete]}${kept}`,
    suffix,
  ].join('');
}

/** Unique indexes that are no constraints: the new one takes the name of the old. */
function toUniqueIndexSteps(schema: string, { uniqueIndexes }: TableFact): AdoptStep[] {
  return uniqueIndexes.map(({ name, definition }) => ({
    kind: 'transaction',
    phase: 'keys',
    name: `rename ${name}`,
    sql: [
      `drop index ${quote(schema)}.${quote(name)}`,
      `alter index ${quote(schema)}.${quote(interimName(name))} rename to ${quote(name)}`,
    ],
    undo: [`drop index ${quote(schema)}.${quote(name)}`, definition],
  }));
}

function toValidateStep(schema: string, from: string, key: ForeignKeyFact): AdoptStep {
  return {
    kind: 'transaction',
    phase: 'keys',
    name: `validate ${from}.${key.name}`,
    sql: [`alter table ${quote(schema)}.${quote(from)} validate constraint ${quote(key.name)}`],
    undo: [],
  };
}
