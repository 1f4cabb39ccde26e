import { contextFunctions } from './conditions/context.ts';
import { knownExtensions } from './options.ts';
import { serverFloors } from './floors.ts';
import type { Survey } from './survey.ts';

/** The sentence that a held proof stands for. */
export function toClaim({ options, facts, context, outside }: Survey): string {
  const where =
    options.schemas === undefined || outside.length === 0
      ? ''
      : ` of the schemas ${options.schemas.join(', ')}`;
  const injected =
    options.walls.kind === 'canonical'
      ? ' This holds for any SQL text that runs as this login, injected text too.'
      : '';
  return (
    `For login role ${options.role} on database ${facts.server.database}: every row of a tenant table${where} that it can read ` +
    `or write through any relation has ${options.tenantColumn} = ${context.text}.${injected}`
  );
}

/** What the claim takes for granted, for exactly this database. */
export function toAssumptions(survey: Survey): string[] {
  const { options, facts } = survey;
  const floors = serverFloors.map(({ name }) => name).join(', ');
  const reviewed = (options.definers ?? []).map(({ signature }) => signature);
  const globals = survey.globalTables.map(({ schema, name }) => `${schema}.${name}`);
  const extensions = facts.extensions
    .map(({ name }) => name)
    .filter((name) => knownExtensions.includes(name) || options.extensions?.includes(name) === true);
  return [
    `PostgreSQL ${facts.server.version} does what its manual says; the flaws known when the list of floors was reviewed are mended in ${floors}.`,
    'Superusers, owners of the tables and roles with BYPASSRLS are honest: they are not under proof.',
    'The catalogue stays as it was read: a migration or a grant calls for a new proof.',
    ...(reviewed.length === 0 ? [] : [`Read by somebody, and unchanged since: ${reviewed.join(', ')}.`]),
    ...(globals.length === 0
      ? []
      : [`Declared global, so without rows of any tenant: ${globals.join(', ')}.`]),
    ...(extensions.length === 0 ? [] : [`These extensions do what they say: ${extensions.join(', ')}.`]),
    ...trustInContext(survey),
    `Values travel as bind parameters: ${options.role} can read the text of statements that its own sessions are running in pg_stat_activity.`,
  ];
}

function trustInContext(survey: Survey): string[] {
  if (survey.options.walls.kind === 'canonical') return ['A capability is known only to whom it was given.'];
  const settings = survey.facts.contextSettings.map(({ name }) => name);
  const functions = contextFunctions(survey).map(({ signature }) => signature);
  const read = functions.length === 0 ? [] : [`${functions.join(', ')} returns the tenant of the caller.`];
  return settings.length === 0
    ? read
    : [
        ...read,
        `Only the application sets ${settings.join(', ')}: whoever can run SQL of his own as ${survey.options.role} can set it too, and is any tenant he likes.`,
      ];
}

/** What the proof does not look at. */
export function toNotCovered({ outside, nameOf, options }: Survey): string[] {
  const first = outside.slice(0, 5).map(nameOf).join(', ');
  return [
    ...(outside.length === 0
      ? []
      : [
          `${outside.length} tables that ${options.role} reaches outside the schemas asked for (${first}${outside.length > 5 ? ', …' : ''})`,
        ]),
    'time, error messages and query plans as hints at rows of others',
    'LISTEN/NOTIFY and advisory locks, which are one name space for a whole database',
    'names in the catalogue: schemas, tables and roles of others can be listed',
    'statements and sessions left open on a pooled connection',
    'replicas, backups, warehouses and other databases of the same server',
  ];
}
