import type { RelationFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import type { Condition } from './condition.ts';

const writes: readonly string[] = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'];

/** Which tables there are, and whether row-level security is on for them. */
export const tableConditions: readonly Condition[] = [
  {
    id: 'S04',
    title:
      'Every table that can be reached has the tenant column or is declared global, and global ones are read only',
    attacks: ['A4', 'A13', 'A17', 'A23'],
    check: (survey) => {
      const reached = survey.facts.relations.filter(
        (relation) => isTable(relation) && survey.isReached(relation) && !survey.outside.includes(relation),
      );
      return {
        looked: reached.length,
        discoveries: [
          ...reached.flatMap((table) => undeclared(survey, table)),
          ...hiddenTables(survey, reached),
          ...survey.globalTables.flatMap((table) => writableGlobal(survey, table)),
          ...misnamedGlobals(survey),
          ...catalogueGrants(survey),
        ],
      };
    },
  },
  {
    id: 'S05',
    title: 'Row-level security is enabled and forced on every tenant table, partition and child',
    attacks: ['A2', 'A4', 'A12'],
    check: (survey) => ({
      looked: survey.tenantTables.length,
      discoveries: survey.tenantTables.flatMap((table) => unguarded(survey, table)),
    }),
  },
  {
    id: 'S07',
    title: 'The tenant column is NOT NULL and compares without surprises',
    attacks: ['A13', 'A25'],
    check: (survey) => ({
      looked: survey.tenantTables.length,
      discoveries: survey.tenantTables.flatMap((table) => looseColumn(survey, table)),
    }),
  },
];

function isTable({ kind }: RelationFact): boolean {
  return kind === 'r' || kind === 'p';
}

function undeclared(survey: Survey, table: RelationFact): Discovery[] {
  if (table.tenant !== undefined || survey.isGlobal(table)) return [];
  const name = survey.nameOf(table);
  return [
    {
      aspect: 'undeclared',
      object: name,
      reason: `it can be reached, has no column ${quoteName(survey.options.tenantColumn)} and is not declared global`,
      mend: `REVOKE ALL ON ${name} FROM ${grantees(survey, table)}; -- or add the tenant column and the wall, or declare it global`,
      severity: 'error',
    },
  ];
}

function hiddenTables(survey: Survey, reached: readonly RelationFact[]): Discovery[] {
  const hidden = new Set(survey.options.privateSchemas ?? []);
  return reached
    .filter(({ schema }) => hidden.has(schema))
    .map((table) => ({
      aspect: 'private_schema',
      object: survey.nameOf(table),
      reason: 'it is in a schema that the login must not touch',
      mend: `REVOKE ALL ON ${survey.nameOf(table)} FROM ${grantees(survey, table)};`,
      severity: 'error',
    }));
}

function writableGlobal(survey: Survey, table: RelationFact): Discovery[] {
  const name = survey.nameOf(table);
  const found = writes.filter((privilege) => survey.privileges(table).has(privilege));
  if (found.length === 0) return [];
  return [
    {
      aspect: 'global_writable',
      object: name,
      reason: `it is declared global, yet tenants may ${found.join(', ')}: what one writes all others read`,
      mend: `REVOKE ${found.join(', ')} ON ${name} FROM ${grantees(survey, table)};`,
      severity: 'error',
    },
  ];
}

/** A declaration that names nothing is a typing error, or the table was renamed and is undeclared now. */
function misnamedGlobals(survey: Survey): Discovery[] {
  if (survey.options.globalTables === undefined) return [];
  const known = new Set(survey.facts.relations.map(({ schema, name }) => `${schema}.${name}`));
  return survey.options.globalTables
    .filter((name) => !known.has(name.includes('.') ? name : `public.${name}`))
    .map((name) => ({
      aspect: 'global_unknown',
      object: name,
      reason: 'it is declared global, but there is no such table',
      mend: '-- correct or remove the declaration',
      severity: 'warning',
    }));
}

function catalogueGrants({ facts, roleName }: Survey): Discovery[] {
  return facts.catalogGrants.map(({ name, privilege, grantee }) => ({
    aspect: `catalogue_${privilege.toLowerCase()}`,
    object: `pg_catalog.${name}`,
    reason: `${roleName(grantee)} has ${privilege} on it; it holds data of every tenant, or secrets`,
    mend: `REVOKE ALL ON pg_catalog.${name} FROM ${roleName(grantee)};`,
    severity: 'error',
  }));
}

export function grantees(survey: Survey, relation: RelationFact): string {
  const all = [...survey.grants(relation), ...survey.columnGrants(relation)].map(({ grantee }) => grantee);
  return [...new Set(all)].map(survey.roleName).join(', ') || survey.roleName(relation.owner);
}

function unguarded(survey: Survey, table: RelationFact): Discovery[] {
  const name = survey.nameOf(table);
  if (!table.rls)
    return [
      {
        aspect: 'rls_off',
        object: name,
        reason: 'row-level security is not enabled: whoever has a grant sees every tenant',
        mend: `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`,
        severity: 'error',
      },
    ];
  if (table.forced) return [];
  return [
    {
      aspect: 'force_off',
      object: name,
      reason: 'row-level security is not forced: its policies do not apply to the owner of the table',
      mend: `ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;`,
      severity: survey.isOurs(table.owner) ? 'error' : survey.advisory,
    },
  ];
}

const comparable = new Set([
  'uuid',
  'bigint',
  'integer',
  'smallint',
  'text',
  'character varying',
  'numeric',
  'name',
]);

function looseColumn(survey: Survey, table: RelationFact): Discovery[] {
  const { tenant } = table;
  const type = survey.typeOf(table);
  if (tenant === undefined || type === undefined) return [];
  const name = survey.nameOf(table);
  const column = quoteName(survey.options.tenantColumn);
  const alter = `ALTER TABLE ${name} ALTER COLUMN ${column}`;
  const found: Discovery[] = [];
  if (!tenant.notNull)
    found.push({
      aspect: 'nullable',
      object: `${name}.${column}`,
      reason: 'it may be null: such rows belong to nobody, or to everybody',
      mend: `${alter} SET NOT NULL;`,
      severity: survey.advisory,
    });
  if (!tenant.deterministic)
    found.push({
      aspect: 'collation',
      object: `${name}.${column}`,
      reason: 'its collation takes different strings for equal, so two tenants can be one',
      mend: `${alter} TYPE ${type.name} COLLATE "C";`,
      severity: 'error',
    });
  const strict = survey.options.walls.kind === 'canonical';
  if (strict ? type.base !== 'uuid' : !comparable.has(type.base))
    found.push({
      aspect: 'type',
      object: `${name}.${column}`,
      reason: `its type is ${type.name}, ${strict ? 'not uuid' : 'which is no type for an id'}`,
      mend: `${alter} TYPE uuid USING ${column}::uuid;`,
      severity: survey.advisory,
    });
  return found;
}
