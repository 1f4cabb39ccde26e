import type { Discovery } from '../finding.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import type { Condition } from './condition.ts';

/** What lies beside the tables, where policies do not reach. */
export const sideChannelConditions: readonly Condition[] = [
  {
    id: 'S21',
    title: 'No large object can be reached',
    attacks: ['A30'],
    check: ({ facts, options }) => ({
      looked: facts.largeObjects.count ?? 0,
      untested:
        facts.largeObjects.count === null ? 'large objects may not be listed by this login' : undefined,
      discoveries: [
        ...facts.largeObjects.reached.map((oid) => ({
          aspect: 'large_object',
          object: `large object ${oid}`,
          reason: 'the login reads or owns it, and policies do not apply to large objects',
          mend: `REVOKE ALL ON LARGE OBJECT ${oid} FROM PUBLIC, ${quoteName(options.role)}; -- keep the bytes in a walled table`,
          severity: 'error' as const,
        })),
        ...(facts.server.lobsUnchecked
          ? [
              {
                aspect: 'unchecked',
                object: 'parameter lo_compat_privileges',
                reason: 'it is on: everybody reads every large object',
                mend: 'ALTER SYSTEM SET lo_compat_privileges = off;',
                severity: 'error' as const,
              },
            ]
          : []),
      ],
    }),
  },
  {
    id: 'S22',
    title: 'No sequence is shared by tenants',
    attacks: ['A33'],
    check: (survey) => ({
      looked: survey.facts.relations.filter(({ kind }) => kind === 'S').length,
      discoveries: [...reachedSequences(survey), ...countingColumns(survey)],
    }),
  },
  {
    id: 'S24',
    title: 'No publication sends tenant rows unfiltered',
    attacks: ['A31', 'A84'],
    check: (survey) => ({ looked: survey.facts.publications.length, discoveries: publications(survey) }),
  },
  {
    id: 'S28',
    title: 'Statements of other tenants are not on show',
    attacks: ['A34'],
    check: (survey) => ({ looked: 1 + survey.facts.extensions.length, discoveries: telemetry(survey) }),
  },
];

function reachedSequences(survey: Survey): Discovery[] {
  return survey.facts.relations
    .filter((relation) => relation.kind === 'S' && survey.isReached(relation) && !survey.isGlobal(relation))
    .map((sequence) => {
      const name = survey.nameOf(sequence);
      const settable = survey.privileges(sequence).has('UPDATE');
      return {
        aspect: 'sequence',
        object: name,
        reason: settable
          ? 'a tenant may set it back, so that inserts of all others fail'
          : 'tenants draw from it together: its numbers tell how much the others do',
        mend: `REVOKE ALL ON SEQUENCE ${name} FROM PUBLIC, ${quoteName(survey.options.role)}; -- use uuids`,
        severity: settable ? 'error' : survey.advisory,
      };
    });
}

function countingColumns(survey: Survey): Discovery[] {
  return survey.facts.ownedSequences.flatMap(({ table, column }) => {
    const relation = survey.tenantTables.find(({ oid }) => oid === table);
    if (relation === undefined) return [];
    return [
      {
        aspect: `column:${column}`,
        object: `${survey.nameOf(relation)}.${quoteName(column)}`,
        reason: 'it is numbered across tenants: its gaps tell how much the others write',
        mend: `ALTER TABLE ${survey.nameOf(relation)} ALTER COLUMN ${quoteName(column)} DROP IDENTITY IF EXISTS; -- or DROP DEFAULT; use uuids`,
        severity: survey.advisory,
      },
    ];
  });
}

function publications(survey: Survey): Discovery[] {
  const allowed = new Set(survey.options.publications ?? []);
  const proven = new Set(survey.tenantTables.map(({ oid }) => oid));
  return survey.facts.publications
    .filter(({ name }) => !allowed.has(name))
    .flatMap(({ name, allTables, relations, filtered }) => {
      const withFilter = new Set(filtered);
      const open = relations.filter((oid) => proven.has(oid) && !withFilter.has(oid));
      if (!allTables && open.length === 0) return [];
      return [
        {
          aspect: 'publication',
          object: `publication ${name}`,
          reason: `it sends the rows of every tenant (${allTables ? 'all tables' : `${open.length} tenant tables without a row filter`}) to whoever subscribes`,
          mend: `DROP PUBLICATION ${quoteName(name)}; -- or give each table WHERE (${quoteName(survey.options.tenantColumn)} = …), or allow it by name`,
          severity: survey.advisory,
        },
      ];
    });
}

const statistics = new Set(['pg_monitor', 'pg_read_all_stats', 'pg_stat_scan_tables']);

function telemetry(survey: Survey): Discovery[] {
  const viewers = survey.facts.roles
    .filter(({ name, predefined }) => predefined && statistics.has(name))
    .map(({ name }): Discovery => ({
      aspect: 'monitor',
      object: name,
      reason: 'through it the login reads the statements of every session',
      mend: `REVOKE ${name} FROM ${quoteName(survey.options.role)};`,
      severity: 'error',
    }));
  const views = survey.facts.relations
    .filter(({ name, ofExtension }) => ofExtension && name.startsWith('pg_stat_statements'))
    .filter((view) => survey.isReached(view))
    .map((view): Discovery => ({
      aspect: 'pg_stat_statements',
      object: survey.nameOf(view),
      reason: 'the login reads what statements all its sessions ran, those of other tenants too',
      mend: `REVOKE ALL ON ${survey.nameOf(view)} FROM PUBLIC, ${quoteName(survey.options.role)};`,
      severity: survey.advisory,
    }));
  return [...viewers, ...views];
}
