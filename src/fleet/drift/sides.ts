import type { ContainerFact } from '../containers.ts';

/** One side, or both where they differ. */
export type Sides =
  | { readonly expected: ContainerFact; readonly actual?: ContainerFact }
  | { readonly expected?: undefined; readonly actual: ContainerFact };

interface ColumnDefinition {
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly generated: string;
  readonly identity: string;
}

export function toColumn({ definition }: ContainerFact): ColumnDefinition {
  return JSON.parse(definition) as ColumnDefinition;
}

/** As in CREATE TABLE. */
export function toColumnText(fact: ContainerFact): string {
  const { type, notNull, default: value, generated } = toColumn(fact);
  const computed = generated === '' ? ` default ${value}` : ` generated always as (${value}) stored`;
  return `${type}${notNull ? ' not null' : ''}${value === null ? '' : computed}`;
}
