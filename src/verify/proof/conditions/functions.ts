import type { FunctionFact, TriggerFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import { isAllowedExtension } from './surroundings.ts';
import type { Condition } from './condition.ts';

/** Code that runs with other rights than the login's, or sees rows before the wall does. */
export const functionConditions: readonly Condition[] = [
  {
    id: 'S11',
    title: 'SECURITY DEFINER functions are reviewed, unchanged and pinned',
    attacks: ['A10', 'A11'],
    check: (survey) => {
      const callable = survey.facts.functions.filter((each) => isCallableDefiner(survey, each));
      return {
        looked: callable.length,
        discoveries: [
          ...callable.flatMap((each) => unreviewed(survey, each)),
          ...callable.flatMap((each) => unpinned(survey, each)),
        ],
      };
    },
  },
  {
    id: 'S12',
    title: 'No trigger or rule writes with somebody else’s rights',
    attacks: ['A23'],
    check: (survey) => ({
      looked: survey.facts.triggerCount + survey.facts.rules.length,
      discoveries: [
        ...survey.facts.definerTriggers.flatMap((each) => foreignTrigger(survey, each)),
        ...rules(survey),
      ],
    }),
  },
  {
    id: 'S17',
    title: 'No function is LEAKPROOF and no equality is redefined outside pg_catalog',
    attacks: ['A18', 'A19', 'A24'],
    check: (survey) => {
      const leakproof = survey.facts.functions.filter(
        (each) => each.leakproof && !(each.extension !== null && isAllowedExtension(survey, each.extension)),
      );
      return {
        looked: survey.facts.functions.length + survey.facts.equalityOperators.length,
        discoveries: [...leakproof.map(leaky), ...operators(survey)],
      };
    },
  },
];

function isCallableDefiner(survey: Survey, each: FunctionFact): boolean {
  if (!each.definer || !each.executable) return false;
  if (each.extension !== null && isAllowedExtension(survey, each.extension)) return false;
  if (survey.options.walls.kind === 'canonical') return true;
  // Trigger functions cannot be called, and nothing can be called by name in a schema that may not be used.
  return !each.isTrigger && survey.facts.schemas.some(({ name, usable }) => usable && name === each.schema);
}

function unreviewed({ options }: Survey, each: FunctionFact): Discovery[] {
  const allowed = options.definers?.find(({ signature }) => signature === each.signature);
  if (allowed?.md5.includes(each.md5) === true) return [];
  return [
    {
      aspect: allowed === undefined ? 'unreviewed' : 'changed',
      object: each.signature,
      reason:
        allowed === undefined
          ? `it runs with the rights of ${quoteName(each.ownerName)}, and nobody has declared it as read`
          : 'its body is not the one that was read',
      mend: `REVOKE EXECUTE ON FUNCTION ${each.signature} FROM PUBLIC, ${quoteName(options.role)}; -- or read it and allow it with md5 ${each.md5}`,
      severity: 'error',
    },
  ];
}

/** A name without a schema is looked up in pg_temp first, unless the path says where pg_temp comes. */
function unpinned(survey: Survey, each: FunctionFact): Discovery[] {
  if (each.boundBody) return [];
  const path = (each.searchPath ?? '').split(',').map((part) => part.trim().replaceAll('"', ''));
  const creatable = new Set(survey.facts.schemas.filter((s) => s.creatable).map((s) => s.name));
  const problem =
    each.searchPath === null
      ? 'its search_path is not pinned'
      : path.some((schema) => creatable.has(schema))
        ? `its search_path holds ${path.filter((schema) => creatable.has(schema)).join(', ')}, where the login may create`
        : path.at(-1) === 'pg_temp' || !mayHaveTemporary(survey)
          ? undefined
          : 'its search_path does not end with pg_temp, so a temporary table can stand in for a real one';
  if (problem === undefined) return [];
  return [
    {
      aspect: 'search_path',
      object: each.signature,
      reason: `it runs with the rights of ${quoteName(each.ownerName)}, and ${problem}`,
      mend: `ALTER FUNCTION ${each.signature} SET search_path = pg_catalog, pg_temp; -- and qualify the names in its body`,
      severity: 'error',
    },
  ];
}

function mayHaveTemporary({ facts, options }: Survey): boolean {
  return (
    options.walls.kind === 'canonical' ||
    facts.databaseGrants.some(({ privilege }) => privilege === 'TEMPORARY')
  );
}

function foreignTrigger(survey: Survey, trigger: TriggerFact): Discovery[] {
  const table = survey.relation(trigger.relation);
  const body = survey.facts.functions.find(({ oid }) => oid === trigger.function);
  if (table === undefined || body === undefined || !survey.isReached(table)) return [];
  const allowed = survey.options.definers?.find(({ signature }) => signature === body.signature);
  if (allowed?.md5.includes(body.md5) === true && unpinned(survey, body).length === 0) return [];
  return [
    {
      aspect: `trigger:${trigger.name}`,
      object: survey.nameOf(table),
      reason: `trigger ${quoteName(trigger.name)} runs ${body.signature} with the rights of ${quoteName(body.ownerName)}: it can write where the wall does not stand`,
      mend: `ALTER FUNCTION ${body.signature} SECURITY INVOKER; -- or read it and allow it with md5 ${body.md5}`,
      severity: 'error',
    },
  ];
}

function rules(survey: Survey): Discovery[] {
  return survey.facts.rules.flatMap(({ relation, name }) => {
    const table = survey.relation(relation);
    if (table === undefined || !survey.isReached(table)) return [];
    return [
      {
        aspect: `rule:${name}`,
        object: survey.nameOf(table),
        reason: `rule ${quoteName(name)} rewrites statements, and what it adds runs with the rights of the table's owner`,
        mend: `DROP RULE ${quoteName(name)} ON ${survey.nameOf(table)};`,
        severity: 'error',
      } satisfies Discovery,
    ];
  });
}

function leaky(each: FunctionFact): Discovery {
  return {
    aspect: 'leakproof',
    object: each.signature,
    reason: 'it is LEAKPROOF: PostgreSQL may run it on rows of other tenants before the wall',
    mend: `ALTER FUNCTION ${each.signature} NOT LEAKPROOF;`,
    severity: 'error',
  };
}

function operators({ facts }: Survey): Discovery[] {
  return facts.equalityOperators.map(({ signature }) => ({
    aspect: 'equality',
    object: signature,
    reason:
      'it redefines equality of types that have one: a policy, a key or an index can mean it by mistake',
    mend: `DROP OPERATOR ${signature};`,
    severity: 'error',
  }));
}
