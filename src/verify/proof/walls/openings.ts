import { SqlSyntaxError } from '../../../drivers/sql-parser.ts';
import type { PolicyFact, RelationFact, Oid } from '../facts/facts.ts';
import type { Survey } from '../survey.ts';
import { isWall, type WallTerms } from './is-wall.ts';

/** A command that reaches past the tenant: which one, as whom, and which policy lets it. */
export interface Opening {
  readonly command: string;
  readonly role: string;
  readonly side: 'rows it reads' | 'rows it writes';
  readonly policy: PolicyFact;
  readonly expression: string;
}

/** Somebody who acts on tables: a role with those whose rights it has. */
export interface Actor {
  readonly oid: Oid;
  readonly name: string;
  readonly inherits: ReadonlySet<Oid>;
}

/** The login and every role it may SET ROLE to. */
export function actorsOf(survey: Survey): readonly Actor[] {
  const { roles, memberships } = survey.facts;
  const [login] = roles;
  if (login === undefined) return [];
  const edges = Map.groupBy(memberships, ({ member }) => member);
  const follow = (from: Oid, by: 'inherits' | 'settable'): Set<Oid> => {
    const found = new Set([from]);
    // Sets iterate over what is added meanwhile.
    for (const oid of found) for (const edge of edges.get(oid) ?? []) if (edge[by]) found.add(edge.role);
    return found;
  };
  const settable = follow(login.oid, 'settable');
  return roles
    .filter(({ oid }) => settable.has(oid))
    .map(({ oid, name }) => ({ oid, name, inherits: follow(oid, 'inherits') }));
}

const sides = [
  { command: 'SELECT', letter: 'r', side: 'rows it reads' },
  { command: 'INSERT', letter: 'a', side: 'rows it writes' },
  { command: 'UPDATE', letter: 'w', side: 'rows it reads' },
  { command: 'UPDATE', letter: 'w', side: 'rows it writes' },
  { command: 'DELETE', letter: 'd', side: 'rows it reads' },
] as const;

/** Tells whether policies keep an actor inside its tenant. Remembers expressions, of which schemas have few. */
export interface WallJudge {
  openings(table: RelationFact, actor: Actor, commands: ReadonlySet<string>): readonly Opening[];
  isWalled(expression: string, table: RelationFact): boolean;
}

export function createWallJudge(survey: Survey): WallJudge {
  const known = new Map<string, boolean>();

  const isWalled = (expression: string, table: RelationFact): boolean => {
    // Without a context there is nothing to compare with; the condition says so itself.
    if (survey.context.normalForm === '') return true;
    const terms: WallTerms = {
      tenantColumn: survey.options.tenantColumn,
      context: survey.context.normalForm,
      notNull: table.tenant?.notNull === true,
    };
    const key = `${String(terms.notNull)} ${expression}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const walled = isUnderstoodWall(survey, expression, terms);
    known.set(key, walled);
    return walled;
  };

  const openings: WallJudge['openings'] = (table, actor, commands) => {
    const applying = survey
      .policies(table)
      .filter(({ roles }) => roles.some((role) => role === 0 || actor.inherits.has(role)));
    return sides
      .filter(({ command }) => commands.has(command))
      .flatMap(({ command, letter, side }) => {
        const relevant = applying
          .filter((policy) => policy.command === '*' || policy.command === letter)
          .flatMap((policy) => {
            const expression = side === 'rows it reads' ? policy.using : (policy.check ?? policy.using);
            // PostgreSQL leaves out a policy without an expression for this side.
            return expression === null ? [] : [{ policy, expression, walled: isWalled(expression, table) }];
          });
        // Restrictive policies are AND-ed: one wall is enough. Permissive ones are OR-ed: each must be a wall.
        if (relevant.some(({ policy, walled }) => !policy.permissive && walled)) return [];
        return relevant
          .filter(({ policy, walled }) => policy.permissive && !walled)
          .map(({ policy, expression }) => ({ command, role: actor.name, side, policy, expression }));
      });
  };

  return { openings, isWalled };
}

function isUnderstoodWall(survey: Survey, expression: string, terms: WallTerms): boolean {
  try {
    return isWall(survey.parser.parseExpression(expression), terms);
  } catch (cause) {
    // The server is newer than the parser. What is not understood is no wall.
    if (cause instanceof SqlSyntaxError) return false;
    throw cause;
  }
}
