import type { Oid, RelationFact, ViewOwnerFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import type { Survey } from '../survey.ts';
import { createWallJudge, type Actor, type WallJudge } from '../walls/openings.ts';
import type { Condition } from './condition.ts';
import { grantees } from './tables.ts';

/** Relations that show rows of others. */
export const viewConditions: readonly Condition[] = [
  {
    id: 'S09',
    title: 'Views read with the rights of who asks',
    attacks: ['A8'],
    check: (survey) => {
      const views = reached(survey, 'v').filter(({ ofExtension }) => !ofExtension);
      return { looked: views.length, discoveries: judgeViews(survey, views) };
    },
  },
  {
    id: 'S10',
    title: 'No materialized view, foreign table or foreign server can be reached',
    attacks: ['A9', 'A35'],
    check: (survey) => {
      const copies = [...reached(survey, 'm'), ...reached(survey, 'f')].filter(
        (copy) => !survey.isGlobal(copy),
      );
      return {
        looked: survey.facts.relations.filter(({ kind }) => kind === 'm' || kind === 'f').length,
        discoveries: [...copies.map((copy) => unwalledCopy(survey, copy)), ...foreignServers(survey)],
      };
    },
  },
];

function reached(survey: Survey, kind: RelationFact['kind']): RelationFact[] {
  return survey.facts.relations.filter((relation) => relation.kind === kind && survey.isReached(relation));
}

function judgeViews(survey: Survey, views: readonly RelationFact[]): Discovery[] {
  const trace = createTrace(survey);
  return views
    .filter(({ invoker }) => !invoker)
    .flatMap((view) => {
      const shown = survey.options.walls.kind === 'canonical' ? 'everything its owner may read' : trace(view);
      if (shown === undefined) return [];
      return [
        {
          aspect: 'owner_rights',
          object: survey.nameOf(view),
          reason: `it reads with the rights of its owner and so shows ${shown}`,
          mend: `ALTER VIEW ${survey.nameOf(view)} SET (security_invoker = true);`,
          severity: 'error',
        } satisfies Discovery,
      ];
    });
}

/**
 * What an owner-rights view shows past the tenant, or undefined. Such a view is safe when its owner is itself held by
 * the walls of everything below it, which is how it was done before PostgreSQL 15.
 */
function createTrace(survey: Survey): (view: RelationFact) => string | undefined {
  const judge = createWallJudge(survey);
  const owners = new Map(survey.facts.viewOwners.map((owner) => [owner.oid, owner]));
  const sources = Map.groupBy(survey.facts.viewSources, ({ view }) => view);

  const visit = (view: RelationFact, owner: ViewOwnerFact, seen: Set<Oid>): string | undefined => {
    for (const { source } of sources.get(view.oid) ?? []) {
      const relation = survey.relation(source);
      if (relation === undefined || seen.has(source) || survey.isGlobal(relation)) continue;
      seen.add(source);
      // A view below reads as its own owner, or as whoever reads it: this one's owner.
      const next = relation.invoker ? owner : (owners.get(relation.owner) ?? owner);
      const shown =
        relation.kind === 'v' ? visit(relation, next, seen) : past(survey, relation, { owner, judge });
      if (shown !== undefined) return shown;
    }
    return undefined;
  };

  return (view) => {
    const owner = owners.get(view.owner);
    return owner === undefined ? 'what nobody can tell' : visit(view, owner, new Set());
  };
}

function past(
  survey: Survey,
  relation: RelationFact,
  { owner, judge }: { readonly owner: ViewOwnerFact; readonly judge: WallJudge },
): string | undefined {
  const name = survey.nameOf(relation);
  if (relation.kind === 'S') return undefined;
  if (relation.kind === 'm' || relation.kind === 'f') return `${name}, which has no row-level security`;
  if (relation.tenant === undefined) return `${name}, which is neither a tenant table nor declared global`;
  if (owner.privileged) return `all of ${name}: policies do not apply to ${owner.name}`;
  if (!relation.rls) return `all of ${name}: its row-level security is off`;
  const inherits = new Set(owner.inherits);
  if (inherits.has(relation.owner) && !relation.forced)
    return `all of ${name}: its owner is not bound by policies`;
  const actor: Actor = { oid: owner.oid, name: owner.name, inherits };
  const commands = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE']);
  return judge.openings(relation, actor, commands).length === 0
    ? undefined
    : `${name} past the tenant, as ${owner.name}`;
}

function unwalledCopy(survey: Survey, copy: RelationFact): Discovery {
  const what = copy.kind === 'm' ? 'a materialized view' : 'a foreign table';
  const name = survey.nameOf(copy);
  return {
    aspect: copy.kind === 'm' ? 'materialized_view' : 'foreign_table',
    object: name,
    reason: `it is ${what}: there is no row-level security on it`,
    mend: `REVOKE ALL ON ${name} FROM ${grantees(survey, copy)};`,
    severity: 'error',
  };
}

function foreignServers({ facts, options }: Survey): Discovery[] {
  const phrases = {
    wrapper: { what: 'FOREIGN DATA WRAPPER', why: 'the login may use it to make servers' },
    server: { what: 'FOREIGN SERVER', why: 'the login may read through it, as somebody else' },
    mapping: { what: 'USER MAPPING', why: 'it lets the login act as somebody else elsewhere' },
  };
  return facts.foreignServers.map(({ name, kind }) => ({
    aspect: kind,
    object: `${phrases[kind].what.toLowerCase()} ${name}`,
    reason: phrases[kind].why,
    mend:
      kind === 'mapping'
        ? `DROP USER MAPPING FOR ${options.role} SERVER ${name};`
        : `REVOKE USAGE ON ${phrases[kind].what} ${name} FROM ${options.role}, PUBLIC;`,
    severity: 'error',
  }));
}
