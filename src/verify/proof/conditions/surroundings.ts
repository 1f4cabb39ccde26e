import type { Discovery } from '../finding.ts';
import { knownExtensions } from '../options.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import type { Condition } from './condition.ts';

/** What the login may make or switch, and what was installed around the tables. */
export const surroundingConditions: readonly Condition[] = [
  {
    id: 'S14',
    title: 'The login can create nothing and use no untrusted language',
    attacks: ['A11', 'A17', 'A24', 'A39'],
    check: (survey) => ({
      looked: survey.facts.schemas.length + survey.facts.databaseGrants.length,
      discoveries: [...creatable(survey), ...databaseRights(survey), ...languages(survey)],
    }),
  },
  {
    id: 'S19',
    title: 'No server parameter was handed to the login',
    attacks: ['A37'],
    check: ({ facts, roleName }) => ({
      looked: facts.parameters.length,
      discoveries: facts.parameters.map(({ name, privilege, grantee }) => ({
        aspect: privilege.toLowerCase().replaceAll(' ', '_'),
        object: `parameter ${name}`,
        reason: `${roleName(grantee)} may ${privilege} it, which is for superusers${name === 'session_replication_role' ? '; with it foreign keys and triggers can be switched off' : ''}`,
        mend: `REVOKE ${privilege} ON PARAMETER ${name} FROM ${roleName(grantee)};`,
        severity: 'error',
      })),
    }),
  },
  {
    id: 'S20',
    title: 'Only known extensions are installed',
    attacks: ['A35'],
    check: (survey) => ({
      looked: survey.facts.extensions.length,
      discoveries: survey.facts.extensions
        .filter(({ name }) => !isAllowedExtension(survey, name) && name !== 'pg_stat_statements')
        .map(({ name }) => ({
          aspect: 'extension',
          object: `extension ${name}`,
          reason: 'it is not on the list of extensions that stay inside the database',
          mend: `DROP EXTENSION ${quoteName(name)}; -- or read what it grants to PUBLIC and allow it`,
          severity: 'error',
        })),
    }),
  },
  {
    id: 'S23',
    title: 'No default privilege hands out future objects',
    attacks: ['A36', 'A4'],
    check: (survey) => ({
      looked: survey.facts.defaultPrivileges.length,
      discoveries: futureGrants(survey),
    }),
  },
];

export function isAllowedExtension({ options }: Survey, name: string): boolean {
  return knownExtensions.includes(name) || options.extensions?.includes(name) === true;
}

function creatable({ facts, options }: Survey): Discovery[] {
  return facts.schemas
    .filter((schema) => schema.creatable)
    .map(({ name }) => ({
      aspect: 'create_in_schema',
      object: `schema ${name}`,
      reason: 'the login may create in it: functions, operators and tables that others take for theirs',
      mend: `REVOKE CREATE ON SCHEMA ${quoteName(name)} FROM PUBLIC, ${quoteName(options.role)};`,
      severity: 'error',
    }));
}

function databaseRights({ facts, advisory, roleName }: Survey): Discovery[] {
  const database = quoteName(facts.server.database);
  return facts.databaseGrants
    .filter(({ privilege }) => privilege !== 'CONNECT')
    .map(({ privilege, grantee }) => ({
      aspect: privilege === 'CREATE' ? 'create_in_database' : 'temporary',
      object: 'database',
      reason:
        privilege === 'CREATE'
          ? `${roleName(grantee)} may create schemas in it`
          : `${roleName(grantee)} may create temporary tables, which stand before all others in every search path`,
      mend: `REVOKE ${privilege} ON DATABASE ${database} FROM ${roleName(grantee)};`,
      severity: privilege === 'CREATE' ? 'error' : advisory,
    }));
}

function languages({ facts, options, isOurs }: Survey): Discovery[] {
  const usable = facts.languages.map(({ name }): Discovery => ({
    aspect: 'language',
    object: `language ${name}`,
    reason: 'it is untrusted: a function in it leaves the database',
    mend: `REVOKE USAGE ON LANGUAGE ${quoteName(name)} FROM PUBLIC, ${quoteName(options.role)};`,
    severity: 'error',
  }));
  const callable = facts.functions
    .filter((each) => !each.trustedLanguage && each.executable && !each.isTrigger && !isOurs(each.owner))
    .filter(
      ({ signature, md5 }) =>
        !options.definers?.some((a) => a.signature === signature && a.md5.includes(md5)),
    )
    .map((each): Discovery => ({
      aspect: 'untrusted_function',
      object: each.signature,
      reason: `it is written in ${each.language}, an untrusted language, and the login may call it`,
      mend: `REVOKE EXECUTE ON FUNCTION ${each.signature} FROM PUBLIC, ${quoteName(options.role)};`,
      severity: 'error',
    }));
  return [...usable, ...callable];
}

const kinds: Readonly<Record<string, string>> = {
  r: 'TABLES',
  S: 'SEQUENCES',
  f: 'FUNCTIONS',
  T: 'TYPES',
  n: 'SCHEMAS',
  L: 'LARGE OBJECTS',
};

function futureGrants({ facts, advisory, roleName }: Survey): Discovery[] {
  const groups = Map.groupBy(facts.defaultPrivileges, (each) =>
    JSON.stringify([each.owner, each.schema, each.kind, each.grantee]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    // USAGE on types is what PUBLIC has anyway.
    if (first === undefined || first.kind === 'T') return [];
    const what = kinds[first.kind] ?? 'TABLES';
    const rights = group.map(({ privilege }) => privilege).join(', ');
    const where = first.schema === '' ? '' : ` IN SCHEMA ${quoteName(first.schema)}`;
    const to = roleName(first.grantee);
    return [
      {
        aspect: `${what.toLowerCase()}:${first.owner}`,
        object: first.schema === '' ? 'database' : `schema ${first.schema}`,
        reason: `${to} gets ${rights} on ${what.toLowerCase()} that ${first.owner} will make, before they have a wall`,
        mend: `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteName(first.owner)}${where} REVOKE ALL ON ${what} FROM ${to};`,
        severity: advisory,
      },
    ];
  });
}
