import type { ContainerFact } from '../containers.ts';
import { toMend } from './mend.ts';
import type { Difference } from './report.ts';
import { toColumnText, type Sides } from './sides.ts';

/** @returns what is different, without what follows from it: a table that is missing is one difference */
export function compareFacts(
  expected: readonly ContainerFact[],
  actual: readonly ContainerFact[],
): readonly Difference[] {
  const [wanted, found] = [byKey(expected), byKey(actual)];
  const missing = expected.filter((fact) => !found.has(keyOf(fact)));
  const extra = actual.filter((fact) => !wanted.has(keyOf(fact)));
  const [gone, foreign] = [tablesOf(missing), tablesOf(extra)];
  return [
    ...missing
      .filter((fact) => isTable(fact) || !gone.has(fact.table))
      .map((fact) => toDifference({ expected: fact })),
    ...expected.flatMap((fact) => {
      const actually = found.get(keyOf(fact));
      return actually === undefined || actually.definition === fact.definition
        ? []
        : [toDifference({ expected: fact, actual: actually })];
    }),
    ...extra
      .filter((fact) => isTable(fact) || !foreign.has(fact.table))
      .map((fact) => toDifference({ actual: fact })),
  ];
}

const tableKinds = new Set(['table', 'view', 'materialized view', 'foreign table', 'sequence']);

function isTable({ kind }: ContainerFact): boolean {
  return tableKinds.has(kind);
}

function tablesOf(facts: readonly ContainerFact[]): ReadonlySet<string> {
  return new Set(facts.filter(isTable).map(({ name }) => name));
}

function byKey(facts: readonly ContainerFact[]): ReadonlyMap<string, ContainerFact> {
  return new Map(facts.map((fact) => [keyOf(fact), fact]));
}

function keyOf({ kind, table, name }: ContainerFact): string {
  return JSON.stringify([kind, table, name]);
}

function toDifference(sides: Sides): Difference {
  const fact = sides.expected ?? sides.actual;
  return { kind: fact.kind, object: toObject(fact), problem: toProblem(sides), mend: toMend(sides) };
}

function toObject({ kind, table, name }: ContainerFact): string {
  if (table === '' || table === name) return name;
  return kind === 'column' ? `${table}.${name}` : `${name} on ${table}`;
}

function toProblem({ expected, actual }: Sides): string {
  if (actual === undefined) return 'is missing';
  if (expected === undefined) return 'is in no migration';
  return `is ${toWords(actual)}; the migrations make it ${toWords(expected)}`;
}

const longest = 200;

function toWords(fact: ContainerFact): string {
  const text = fact.kind === 'column' ? toColumnText(fact) : fact.definition.replaceAll(/\s+/g, ' ');
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
