import type { FunctionFact, SettingFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import type { Condition } from './condition.ts';

/** The context: the function or setting that says whose statement it is. */
export const contextConditions: readonly Condition[] = [
  {
    id: 'S08',
    title: 'The context function is stable, pinned and not the login’s',
    attacks: ['A14', 'A11'],
    check: (survey) => {
      const functions = contextFunctions(survey);
      return {
        // A context without a function of its own is looked at as an expression.
        looked: Math.max(1, functions.length),
        discoveries: [
          ...functions.flatMap((each) => weakFunction(survey, each)),
          ...unknownFunctions(survey, functions),
        ],
      };
    },
  },
  {
    id: 'S18',
    title: 'No role or database sets the context, or who it runs as, by default',
    attacks: ['A27'],
    check: (survey) => ({
      looked: survey.facts.settings.length + survey.facts.contextSettings.length,
      discoveries: [...defaults(survey), ...presets(survey)],
    }),
  },
];

/** The functions the context expression calls, with every overload. */
export function contextFunctions({ facts, context }: Survey): FunctionFact[] {
  const names = new Set(context.functions);
  return facts.functions.filter(({ schema, name }) => names.has(`${schema}.${name}`) || names.has(name));
}

function mayCreate({ facts, options }: Survey): boolean {
  return (
    options.walls.kind === 'canonical' ||
    facts.schemas.some(({ creatable }) => creatable) ||
    facts.databaseGrants.some(({ privilege }) => privilege !== 'CONNECT')
  );
}

function unknownFunctions({ context }: Survey, found: readonly FunctionFact[]): Discovery[] {
  const ambiguous = context.functions
    .map((name) => ({ name, schemas: new Set(found.filter((f) => f.name === name).map((f) => f.schema)) }))
    .filter(({ schemas }) => schemas.size > 1)
    .map(({ name, schemas }): Discovery => ({
      aspect: 'ambiguous',
      object: name,
      reason: `the context calls it without a schema, and it is in ${[...schemas].join(', ')}`,
      mend: '-- name the schema in the context',
      severity: 'error',
    }));
  const unknown = context.functions
    .filter((name) => name.includes('.') && !found.some((each) => `${each.schema}.${each.name}` === name))
    .map((name): Discovery => ({
      aspect: 'unknown',
      object: name,
      reason: 'the context calls it, but there is no such function',
      mend: '-- create it, or name another context',
      severity: 'error',
    }));
  return [...ambiguous, ...unknown];
}

function weakFunction(survey: Survey, each: FunctionFact): Discovery[] {
  const found: Discovery[] = [];
  const add = (
    aspect: string,
    reason: string,
    mend: string,
    severity: Discovery['severity'] = 'error',
  ): void => {
    found.push({ aspect, object: each.signature, reason, mend, severity });
  };
  const alter = `ALTER FUNCTION ${each.signature}`;
  if (each.volatility === 'i')
    add('immutable', 'it is IMMUTABLE: a cached plan keeps the tenant it was made for', `${alter} STABLE;`);
  if (each.volatility === 'v')
    add(
      'volatile',
      'it is VOLATILE: it runs for every row, and its value may change within a statement',
      `${alter} STABLE;`,
      survey.advisory,
    );
  if (survey.isOurs(each.owner))
    add(
      'owner',
      `it belongs to ${quoteName(each.ownerName)}, who can replace it`,
      `${alter} OWNER TO the_owner;`,
    );
  // Without rights of its own, and with nothing the login could put in the way, a path does no harm.
  if (!each.boundBody && each.searchPath === null && (each.definer || mayCreate(survey)))
    add(
      'search_path',
      'its search_path is not pinned: who calls it decides what its names mean',
      `${alter} SET search_path = pg_catalog, pg_temp;`,
      each.definer ? 'error' : survey.advisory,
    );
  if (each.leakproof) add('leakproof', 'it is LEAKPROOF without being so', `${alter} NOT LEAKPROOF;`);
  const { walls } = survey.options;
  if (
    walls.kind === 'canonical' &&
    (each.ownerPrivileged || each.ownerLogin || each.ownerName !== walls.owner)
  )
    add(
      'strong_owner',
      `it runs with the rights of ${quoteName(each.ownerName)}, not of ${quoteName(walls.owner)}, a weak role nobody logs in as`,
      `${alter} OWNER TO ${quoteName(walls.owner)};`,
    );
  return found;
}

/** Settings that, as a default, switch protection off or make a session somebody else. */
const dangerous: ReadonlyMap<string, 'off' | 'other'> = new Map([
  ['session_replication_role', 'off'],
  ['role', 'other'],
]);

function defaults({ facts, options, advisory }: Survey): Discovery[] {
  const context = new Set(facts.contextSettings.map(({ name }) => name));
  const where = (setting: SettingFact): string =>
    setting.role === ''
      ? `ALTER DATABASE ${quoteName(facts.server.database)}`
      : `ALTER ROLE ${quoteName(setting.role)}${setting.everyDatabase ? '' : ` IN DATABASE ${quoteName(facts.server.database)}`}`;
  return facts.settings
    .filter(({ name }) => context.has(name) || dangerous.has(name))
    .map((setting) => ({
      aspect: `default:${setting.name}`,
      object: setting.role === '' ? 'database' : `role ${setting.role}`,
      reason: context.has(setting.name)
        ? `${setting.name} has a default: sessions of ${options.role} that name no tenant act for one`
        : dangerous.get(setting.name) === 'other'
          ? `sessions of ${options.role} begin as another role`
          : `${setting.name} is set by default: keys and triggers may be off`,
      mend: `${where(setting)} RESET ${setting.name};`,
      severity: dangerous.get(setting.name) === 'other' ? advisory : 'error',
    }));
}

/** As from the server's configuration file. */
function presets({ facts }: Survey): Discovery[] {
  const known = new Set(facts.settings.map(({ name }) => name));
  return facts.contextSettings
    .filter(({ name, preset }) => preset && !known.has(name))
    .map(({ name }) => ({
      aspect: `preset:${name}`,
      object: `setting ${name}`,
      reason: 'it has a value in a session that has set nothing: statements that name no tenant act for one',
      mend: `ALTER SYSTEM RESET ${name};`,
      severity: 'error',
    }));
}
