import type { PolicyFact, RelationFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import type { WallShape } from '../options.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import { actorsOf, createWallJudge, type Actor, type Opening, type WallJudge } from '../walls/openings.ts';
import type { Condition } from './condition.ts';

/** The wall itself. */
export const policyConditions: readonly Condition[] = [
  {
    id: 'S06',
    title: 'Every tenant table has the wall, for every command and every role',
    attacks: ['A5', 'A6', 'A7', 'A12', 'A24'],
    check: (survey) => {
      const { walls } = survey.options;
      return {
        looked: survey.tenantTables.length,
        discoveries:
          walls.kind === 'canonical'
            ? survey.tenantTables.flatMap((table) => notCanonical(survey, table, walls))
            : openTables(survey),
        untested:
          walls.kind === 'handwritten' && survey.context.normalForm === ''
            ? 'the context is not known'
            : undefined,
      };
    },
  },
  {
    id: 'S25',
    title: 'Policies ask no table that tenants can write',
    attacks: ['A26'],
    check: (survey) => ({
      looked: survey.facts.policies.length,
      discoveries: askingPolicies(survey),
    }),
  },
];

type Canonical = Extract<WallShape, { kind: 'canonical' }>;

function notCanonical(survey: Survey, table: RelationFact, { expression }: Canonical): Discovery[] {
  const policies = survey.policies(table);
  // Restrictive policies are AND-ed with everything else: this one alone makes all others harmless.
  if (policies.some((policy) => missing(policy, expression).length === 0)) return [];
  const name = survey.nameOf(table);
  const nearest =
    policies.find((policy) => policy.name === 'bulkhead_wall') ?? policies.find((p) => !p.permissive);
  const reason =
    nearest === undefined
      ? 'it has no restrictive policy'
      : `${quoteName(nearest.name)} is not the wall: ${missing(nearest, expression).join(', ')}`;
  return [
    { aspect: 'wall', object: name, reason, mend: rebuild(name, nearest, expression), severity: 'error' },
  ];
}

/** What sets a policy apart from the canonical wall. */
function missing(policy: PolicyFact, expression: string): string[] {
  return [
    ...(policy.permissive ? ['it is permissive'] : []),
    ...(policy.command === '*' ? [] : ['it is not FOR ALL']),
    ...(policy.roles.includes(0) ? [] : ['it is not TO PUBLIC']),
    ...(policy.using === expression ? [] : [`USING is ${shorten(policy.using)}`]),
    ...(policy.check === expression || policy.check === null
      ? []
      : [`WITH CHECK is ${shorten(policy.check)}`]),
  ];
}

function rebuild(table: string, broken: PolicyFact | undefined, expression: string): string {
  const drop = broken === undefined ? '' : `DROP POLICY ${quoteName(broken.name)} ON ${table}; `;
  return `${drop}CREATE POLICY bulkhead_wall ON ${table} AS RESTRICTIVE FOR ALL TO PUBLIC USING ${expression} WITH CHECK ${expression};`;
}

function shorten(text: string | null): string {
  if (text === null) return 'missing';
  return text.length <= 160 ? text : `${text.slice(0, 157)}…`;
}

function openTables(survey: Survey): Discovery[] {
  const judge = createWallJudge(survey);
  const actors = actorsOf(survey);
  return survey.tenantTables
    .filter(({ rls }) => rls)
    .flatMap((table) =>
      mergeByPolicy(openingsOf(survey, { table, actors, judge })).map((o) => toDiscovery(survey, table, o)),
    );
}

function openingsOf(
  survey: Survey,
  { table, actors, judge }: { table: RelationFact; actors: readonly Actor[]; judge: WallJudge },
): Opening[] {
  const grants = [...survey.grants(table), ...survey.columnGrants(table)];
  const all = survey.privileges(table);
  return actors.flatMap((actor) => {
    const owns = actor.inherits.has(table.owner);
    const commands = grants
      .filter(({ grantee }) => grantee === 0 || actor.inherits.has(grantee))
      .map(({ privilege }) => privilege);
    return judge.openings(table, actor, owns ? all : new Set(commands));
  });
}

interface MergedOpening extends Opening {
  readonly commands: readonly string[];
}

/** One finding per policy and side, however many commands and roles it opens. */
function mergeByPolicy(openings: readonly Opening[]): MergedOpening[] {
  const groups = Map.groupBy(openings, ({ policy, side }) => `${policy.name} ${side}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined
      ? []
      : [{ ...first, commands: [...new Set(group.map(({ command }) => command))] }];
  });
}

function toDiscovery(survey: Survey, table: RelationFact, opening: MergedOpening): Discovery {
  const name = survey.nameOf(table);
  const policy = quoteName(opening.policy.name);
  const column = quoteName(survey.options.tenantColumn);
  const clause = opening.side === 'rows it reads' ? 'USING' : 'WITH CHECK';
  return {
    aspect: `policy:${opening.policy.name}:${clause}`,
    object: name,
    reason: `policy ${policy} lets ${opening.commands.join(', ')} as ${opening.role} past the tenant (${opening.side}): ${shorten(opening.expression)}`,
    mend: `CREATE POLICY tenant_wall ON ${name} AS RESTRICTIVE FOR ALL TO PUBLIC USING (${column} = (SELECT ${survey.context.text})) WITH CHECK (${column} = (SELECT ${survey.context.text}));`,
    severity: 'error',
  };
}

function askingPolicies(survey: Survey): Discovery[] {
  const judge = createWallJudge(survey);
  const proven = new Map(survey.tenantTables.map((table) => [table.oid, table]));
  return survey.facts.policies
    .filter(({ reads }) => reads.length > 0)
    .flatMap((policy) =>
      policy.relations.flatMap((oid) => {
        const table = proven.get(oid);
        return table === undefined ? [] : asks(survey, { table, policy, judge });
      }),
    );
}

function asks(
  survey: Survey,
  { table, policy, judge }: { table: RelationFact; policy: PolicyFact; judge: WallJudge },
): Discovery[] {
  const strict = survey.options.walls.kind === 'canonical';
  const name = quoteName(policy.name);
  // A wall beside the question still holds; the question then only narrows.
  const walled = [policy.using, policy.check].every((text) => text === null || judge.isWalled(text, table));
  return policy.reads.flatMap((oid) => {
    const asked = survey.relation(oid);
    if (asked === undefined) return [];
    const writable = ['INSERT', 'UPDATE', 'DELETE'].some((right) => survey.privileges(asked).has(right));
    if (!strict && !writable) return [];
    return [
      {
        aspect: `asks:${policy.name}`,
        object: survey.nameOf(table),
        reason: `policy ${name} reads ${survey.nameOf(asked)}${writable ? ', which tenants can write, and may do so while it is read' : ''}`,
        mend: `-- let ${name} compare columns with ${survey.context.text} only`,
        severity: walled ? survey.advisory : 'error',
      } satisfies Discovery,
    ];
  });
}
