import type { ContainerFact } from '../containers.ts';
import { toColumn, toColumnText, type Sides } from './sides.ts';

/**
 * SQL that makes a container what its migrations make. Nothing that loses rows is written out as a statement: that stays
 * a comment, for somebody to look first.
 */
export function toMend(sides: Sides): string {
  const { kind } = sides.expected ?? sides.actual;
  return (mends[kind] ?? restore)(sides);
}

type Mend = (sides: Sides) => string;

const restore: Mend = ({ expected, actual }) =>
  expected === undefined
    ? `-- look what is in it, then: drop ${actual.kind} ${quote(actual.name)};`
    : `-- the migrations make it; restore the container from a backup, or make it again by hand: ${expected.kind} ${expected.name}`;

/** Dropped and made again, as a whole. */
function remade(make: (fact: ContainerFact) => string, drop: (fact: ContainerFact) => string): Mend {
  return ({ expected, actual }) =>
    [
      ...(actual === undefined ? [] : [drop(actual)]),
      ...(expected === undefined ? [] : [make(expected)]),
    ].join('\n');
}

const mendColumn: Mend = ({ expected, actual }) => {
  if (expected === undefined)
    return `-- look what is in it, then: alter table ${quote(actual.table)} drop column ${quote(actual.name)};`;
  const table = `alter table ${quote(expected.table)}`;
  if (actual === undefined) return `${table} add column ${quote(expected.name)} ${toColumnText(expected)};`;
  const [wanted, found] = [toColumn(expected), toColumn(actual)];
  const column = `${table} alter column ${quote(expected.name)}`;
  return [
    ...(wanted.type === found.type ? [] : [`${column} type ${wanted.type};`]),
    ...(wanted.default === found.default
      ? []
      : [wanted.default === null ? `${column} drop default;` : `${column} set default ${wanted.default};`]),
    ...(wanted.notNull === found.notNull ? [] : [`${column} ${wanted.notNull ? 'set' : 'drop'} not null;`]),
  ].join('\n');
};

const mendRowSecurity: Mend = ({ expected, actual }) => {
  const { table, definition } = expected ?? actual;
  return definition === 'enabled, forced'
    ? `alter table ${quote(table)} enable row level security, force row level security;`
    : `alter table ${quote(table)} disable row level security, no force row level security;`;
};

/** `{{role}}`, or `{{role}} on column`. */
function toRights({ table, name, definition }: ContainerFact): { rights: string; role: string } {
  const [role = name, column] = name.split(' on ');
  const rights = column === undefined ? definition : `${definition} (${quote(column)})`;
  return { rights: `${rights} on ${quote(table)}`, role };
}

const mends: Readonly<Record<string, Mend>> = {
  column: mendColumn,
  'row security': mendRowSecurity,
  owner: ({ expected }) =>
    expected === undefined ? '' : `alter table ${quote(expected.table)} owner to ${expected.definition};`,
  constraint: remade(
    ({ table, name, definition }) =>
      `alter table ${quote(table)} add constraint ${quote(name)} ${definition};`,
    ({ table, name }) => `alter table ${quote(table)} drop constraint ${quote(name)};`,
  ),
  index: remade(
    ({ definition }) => `${definition};`,
    ({ name }) => `drop index ${quote(name)};`,
  ),
  policy: remade(
    ({ table, name, definition }) => `create policy ${quote(name)} on ${quote(table)} ${definition};`,
    ({ table, name }) => `drop policy ${quote(name)} on ${quote(table)};`,
  ),
  right: remade(
    (fact) => `grant ${toRights(fact).rights} to ${toRights(fact).role};`,
    (fact) => `revoke ${toRights(fact).rights} from ${toRights(fact).role};`,
  ),
  trigger: remade(
    ({ definition }) => `${definition};`,
    ({ table, name }) => `drop trigger ${quote(name)} on ${quote(table)};`,
  ),
  rule: remade(
    ({ definition }) => `${definition};`,
    ({ table, name }) => `drop rule ${quote(name)} on ${quote(table)};`,
  ),
  function: remade(
    ({ definition }) => `${definition};`,
    ({ name }) => `drop function ${name};`,
  ),
};

function quote(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
