import { invalid } from './values.ts';
import type { MetadataFilter } from './vectors.ts';

const maxConditions = 16;
const maxListed = 200;

/** Gathers values of a statement; `bind` says how one is written there. */
export class Values {
  readonly values: unknown[];
  constructor(first: readonly unknown[]) {
    this.values = [...first];
  }
  bind(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/**
 * Conditions on `p.metadata` as SQL; names and values are bound. The empty filter is the empty text.
 * @throws value_invalid for an unknown operator, so that a misspelt one never widens a search
 */
export function toFilterSql(filter: MetadataFilter | undefined, values: Values): string {
  const entries = Object.entries(filter ?? {});
  if (entries.length > maxConditions) throw invalid('filter', `more than ${maxConditions} conditions`);
  return entries.map(([name, condition]) => ` and ${toCondition(name, condition, values)}`).join('');
}

function toCondition(name: string, condition: MetadataFilter[string], values: Values): string {
  const field = `filter.${name.slice(0, 60)}`;
  if (name.length < 1 || name.length > 200 || name.includes('\u0000'))
    throw invalid('filter', 'a name has 1 to 200 characters');
  if (condition === null || typeof condition !== 'object') return equal(name, condition, { values, field });
  const parts = Object.entries(condition).flatMap(([operator, operand]) =>
    operand === undefined ? [] : [toOperation({ name, operator, operand }, { values, field })],
  );
  if (parts.length === 0) throw invalid(field, 'says nothing; use a value, or in, gt, gte, lt, lte, exists');
  return parts.join(' and ');
}

interface Context {
  readonly values: Values;
  readonly field: string;
}

function toOperation(
  { name, operator, operand }: { name: string; operator: string; operand: unknown },
  { values, field }: Context,
): string {
  switch (operator) {
    case 'in': {
      if (!Array.isArray(operand) || operand.length === 0 || operand.length > maxListed)
        throw invalid(field, `in takes a list of 1 to ${maxListed} values`);
      const any = operand.map((each: unknown) => equal(name, each, { values, field }));
      return `(${any.join(' or ')})`;
    }
    case 'gt':
      return compare(name, { sign: '>', operand }, { values, field });
    case 'gte':
      return compare(name, { sign: '>=', operand }, { values, field });
    case 'lt':
      return compare(name, { sign: '<', operand }, { values, field });
    case 'lte':
      return compare(name, { sign: '<=', operand }, { values, field });
    case 'exists':
      if (typeof operand !== 'boolean') throw invalid(field, 'exists takes true or false');
      return `${operand ? '' : 'not '}p.metadata ? ${values.bind(name)}`;
    default:
      throw invalid(
        field,
        `there is no operator ${operator.slice(0, 20)}; use in, gt, gte, lt, lte or exists`,
      );
  }
}

function equal(name: string, value: unknown, { values, field }: Context): string {
  const isScalar =
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value));
  if (!isScalar) throw invalid(field, 'a value is a string, a finite number, a boolean or null');
  return `p.metadata @> ${values.bind(JSON.stringify({ [name]: value }))}::jsonb`;
}

function compare(
  name: string,
  { sign, operand }: { sign: string; operand: unknown },
  { values, field }: Context,
): string {
  if (typeof operand !== 'number' || !Number.isFinite(operand))
    throw invalid(field, 'is compared with a finite number');
  const at = values.bind(name);
  // A value of another type is no number: it does not compare, rather than fail the search of all others.
  return `(case when jsonb_typeof(p.metadata -> ${at}) = 'number' then (p.metadata ->> ${at})::numeric ${sign} ${values.bind(operand)}::numeric else false end)`;
}
