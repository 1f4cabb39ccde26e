import type { Discovery } from '../finding.ts';
import type { RoleFact } from '../facts/facts.ts';
import { quoteName } from '../sql-names.ts';
import type { Survey } from '../survey.ts';
import type { Condition } from './condition.ts';

/** Who the login is and what it can become. */
export const roleConditions: readonly Condition[] = [
  {
    id: 'S01',
    title: 'The login is weak, and so is every role it can become',
    attacks: ['A1', 'A2', 'A3', 'A16'],
    check: (survey) => ({
      looked: survey.facts.roles.length,
      discoveries: survey.facts.roles.flatMap((role) => powersOf(role, survey)),
    }),
  },
  {
    id: 'S02',
    title: 'The login is in no role that PostgreSQL predefines',
    attacks: ['A3', 'A30', 'A34'],
    check: (survey) => ({
      looked: survey.facts.roles.length,
      discoveries: survey.facts.roles
        .filter((role) => role.predefined)
        .map((role) => ({
          aspect: 'predefined',
          object: quoteName(role.name),
          reason: `${pathTo(survey, role)} is a predefined role with rights over all databases`,
          mend: leave(survey, role),
          severity: 'error',
        })),
    }),
  },
  {
    id: 'S03',
    title: 'The login owns nothing',
    attacks: ['A2', 'A10'],
    check: ({ facts, roleName }) => ({
      looked: facts.roles.length,
      discoveries: facts.owned.map(({ owner, object }) => ({
        aspect: 'owned',
        object,
        reason: `it belongs to ${roleName(owner)}, and an owner can change or drop whatever protects it`,
        mend: `REASSIGN OWNED BY ${roleName(owner)} TO the_owner; -- a role nobody logs in as`,
        severity: 'error',
      })),
    }),
  },
];

const powers = [
  { has: 'superuser', word: 'SUPERUSER', why: 'policies do not apply to it' },
  { has: 'bypassRls', word: 'BYPASSRLS', why: 'policies do not apply to it' },
  { has: 'replication', word: 'REPLICATION', why: 'a replication stream holds the rows of every tenant' },
  { has: 'createRole', word: 'CREATEROLE', why: 'it can give itself membership in other roles' },
  { has: 'createDatabase', word: 'CREATEDB', why: 'it can make databases that nobody proves' },
] as const;

function powersOf(role: RoleFact, survey: Survey): Discovery[] {
  return powers
    .filter(({ has }) => role[has])
    .map(({ has, word, why }) => ({
      aspect: word.toLowerCase(),
      object: quoteName(role.name),
      reason: `${pathTo(survey, role)} has ${word}: ${why}`,
      mend: isLogin(survey, role) ? `ALTER ROLE ${quoteName(role.name)} NO${word};` : leave(survey, role),
      severity: has === 'createDatabase' ? survey.advisory : 'error',
    }));
}

function isLogin({ options }: Survey, role: RoleFact): boolean {
  return role.name === options.role;
}

/** How the login gets to a role, as in `app → reporting → admin`. */
function pathTo(survey: Survey, role: RoleFact): string {
  const [login] = survey.facts.roles;
  if (login === undefined || login.oid === role.oid) return quoteName(role.name);
  const cameFrom = new Map<number, number>();
  const seen = new Set([login.oid]);
  for (const oid of seen)
    for (const edge of survey.facts.memberships)
      if (edge.member === oid && !seen.has(edge.role)) {
        cameFrom.set(edge.role, oid);
        seen.add(edge.role);
      }
  const path = [role.oid];
  for (let at = cameFrom.get(role.oid); at !== undefined; at = cameFrom.get(at)) path.unshift(at);
  return path.map(survey.roleName).join(' → ');
}

/** Ends the membership that leads to a role. */
function leave(survey: Survey, role: RoleFact): string {
  const members = survey.facts.memberships.filter((edge) => edge.role === role.oid);
  return members
    .map(({ member }) => `REVOKE ${quoteName(role.name)} FROM ${survey.roleName(member)};`)
    .join(' ');
}
