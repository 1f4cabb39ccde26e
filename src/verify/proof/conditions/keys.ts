import type { ForeignKeyFact, RelationFact, UniqueKeyFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import type { Condition } from './condition.ts';

/** Keys look at the rows of all tenants, whatever the wall says. */
export const keyConditions: readonly Condition[] = [
  {
    id: 'S15',
    title: 'Every unique key holds the tenant column',
    attacks: ['A20'],
    check: (survey) => ({
      looked: survey.facts.uniqueKeyCount,
      discoveries: survey.facts.tenantlessKeys.flatMap((key) => {
        const table = survey.relation(key.relation);
        return table !== undefined && isProven(survey, table) ? [askingKey(survey, table, key)] : [];
      }),
    }),
  },
  {
    id: 'S16',
    title: 'Every foreign key between tenant tables pairs their tenant columns',
    attacks: ['A21'],
    check: (survey) => ({
      looked: survey.facts.foreignKeyCount,
      discoveries: survey.facts.unpairedKeys.flatMap((key) => unpaired(survey, key)),
    }),
  },
];

function isProven(survey: Survey, table: RelationFact): boolean {
  return survey.tenantTables.includes(table);
}

function askingKey(survey: Survey, table: RelationFact, key: UniqueKeyFact): Discovery {
  const name = survey.nameOf(table);
  const tenant = quoteName(survey.options.tenantColumn);
  const columns = key.columns.map(quoteName).join(', ');
  const what = key.primary ? 'primary key' : key.constraint ? 'unique constraint' : 'unique index';
  const drop = key.constraint
    ? `ALTER TABLE ${name} DROP CONSTRAINT ${quoteName(key.name)}`
    : `DROP INDEX ${quoteName(table.schema)}.${quoteName(key.name)}`;
  const add = `${key.primary ? 'ADD PRIMARY KEY' : 'ADD UNIQUE'} (${[tenant, columns].filter((part) => part !== '').join(', ')})`;
  return {
    aspect: `key:${key.name}`,
    object: name,
    reason: `${what} ${quoteName(key.name)} (${columns}${key.expression ? ' and an expression' : ''}) spans tenants: a refused value tells that another tenant has it`,
    mend: key.constraint ? `${drop}, ${add};` : `${drop}; ALTER TABLE ${name} ${add};`,
    // A value that cannot be guessed cannot be asked for.
    severity: key.unguessable ? survey.advisory : 'error',
  };
}

function unpaired(survey: Survey, key: ForeignKeyFact): Discovery[] {
  const table = survey.relation(key.relation);
  const target = survey.relation(key.target);
  if (table === undefined || target === undefined || !isProven(survey, table)) return [];
  // Every tenant can read a global table, and a key of the tenant column alone can only name the own tenant.
  if (survey.isGlobal(target) || key.tenantOnly) return [];
  const toTenantTable = target.tenant !== undefined;
  const name = survey.nameOf(table);
  const tenant = quoteName(survey.options.tenantColumn);
  const list = (columns: readonly string[]): string => [tenant, ...columns.map(quoteName)].join(', ');
  return [
    {
      aspect: `foreign_key:${key.name}`,
      object: name,
      reason: toTenantTable
        ? `foreign key ${quoteName(key.name)} (${key.columns.join(', ')}) can point at a row of another tenant in ${survey.nameOf(target)}: keys are checked past the wall`
        : `foreign key ${quoteName(key.name)} (${key.columns.join(', ')}) tells which rows exist in ${survey.nameOf(target)}, which is not declared global`,
      mend: toTenantTable
        ? `ALTER TABLE ${name} DROP CONSTRAINT ${quoteName(key.name)}, ADD CONSTRAINT ${quoteName(key.name)} FOREIGN KEY (${list(key.columns)}) REFERENCES ${survey.nameOf(target)} (${list(key.targetColumns)});`
        : `ALTER TABLE ${name} DROP CONSTRAINT ${quoteName(key.name)}; -- or declare ${survey.nameOf(target)} global`,
      severity: 'error',
    },
  ];
}
