import type { RelationFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import type { Condition } from './condition.ts';

const unfiltered = [
  { privilege: 'TRUNCATE', why: 'empties the table for every tenant; policies do not apply' },
  { privilege: 'REFERENCES', why: 'lets a foreign key ask which rows other tenants have' },
  { privilege: 'TRIGGER', why: 'lets a trigger see the rows of every tenant' },
  { privilege: 'MAINTAIN', why: 'lets it lock and rewrite the table of every tenant' },
] as const;

/** What was granted on tables. */
export const grantConditions: readonly Condition[] = [
  {
    id: 'S13',
    title: 'Only SELECT, INSERT, UPDATE and DELETE are granted on tables',
    attacks: ['A22'],
    check: (survey) => {
      const reached = survey.facts.relations.filter(
        (relation) => relation.kind !== 'S' && survey.isReached(relation),
      );
      return {
        looked: reached.length,
        discoveries: [
          ...reached.flatMap((relation) => beyondRows(survey, relation)),
          ...reached.flatMap((relation) => handedOn(survey, relation)),
        ],
      };
    },
  },
  {
    id: 'S27',
    title: 'The tenant column cannot be updated',
    attacks: ['A7'],
    check: (survey) => ({
      looked: survey.tenantTables.length,
      discoveries: survey.tenantTables.flatMap((table) => movable(survey, table)),
    }),
  },
];

function beyondRows(survey: Survey, relation: RelationFact): Discovery[] {
  const held = survey.privileges(relation);
  return unfiltered.flatMap(({ privilege, why }) => {
    if (!held.has(privilege)) return [];
    const name = survey.nameOf(relation);
    const holders = [...survey.grants(relation), ...survey.columnGrants(relation)]
      .filter((grant) => grant.privilege === privilege)
      .map(({ grantee }) => survey.roleName(grantee));
    if (holders.length === 0) return [];
    const to = [...new Set(holders)].join(', ');
    return [
      {
        aspect: privilege.toLowerCase(),
        object: name,
        reason: `${to} has ${privilege} on it, which ${why}`,
        mend: `REVOKE ${privilege} ON ${name} FROM ${to};`,
        severity: 'error',
      },
    ];
  });
}

function handedOn(survey: Survey, relation: RelationFact): Discovery[] {
  if (!survey.grants(relation).some((grant) => grant.grantable)) return [];
  const holders = new Set(
    survey
      .grants(relation)
      .filter((grant) => grant.grantable)
      .map(({ grantee }) => survey.roleName(grantee)),
  );
  if (holders.size === 0) return [];
  const to = [...holders].join(', ');
  const name = survey.nameOf(relation);
  return [
    {
      aspect: 'grant_option',
      object: name,
      reason: `${to} may grant it to others`,
      mend: `REVOKE GRANT OPTION FOR ALL ON ${name} FROM ${to};`,
      severity: survey.advisory,
    },
  ];
}

const isUpdate = ({ privilege }: { readonly privilege: string }): boolean => privilege === 'UPDATE';

function movable(survey: Survey, table: RelationFact): Discovery[] {
  if (!survey.privileges(table).has('UPDATE')) return [];
  const holders = new Set(
    [
      ...survey.grants(table).filter(isUpdate),
      ...survey.columnGrants(table).filter((grant) => isUpdate(grant) && grant.onTenantColumn),
    ].map(({ grantee }) => survey.roleName(grantee)),
  );
  if (holders.size === 0) return [];
  const to = [...holders].join(', ');
  const name = survey.nameOf(table);
  return [
    {
      aspect: 'tenant_column_update',
      object: name,
      reason: `${to} may UPDATE ${quoteName(survey.options.tenantColumn)}: only WITH CHECK stops a row from changing its tenant`,
      mend: `REVOKE UPDATE ON ${name} FROM ${to}; GRANT UPDATE (every other column) ON ${name} TO ${to};`,
      severity: survey.advisory,
    },
  ];
}
