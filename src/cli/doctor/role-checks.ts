import type { Isolation } from '../../core/placement.ts';
import { expectThat, fail, ok, untested, type Check } from './check.ts';
import type { Seat, SeatRole } from './seat.ts';

export interface SeatOf {
  readonly isolation: Isolation;
  readonly seat: Seat;
  readonly dialect: 'postgres' | 'pglite';
  /** Every role of this installation is named after it. */
  readonly rolePrefix: string;
}

/** The roles that tenants' statements run as are weak: whatever they are made to say, they cannot step over the wall. */
export function checkRoles(of: SeatOf): readonly Check[] {
  return [checkPowers(of), checkMemberships(of), checkOwnership(of), checkReach(of)];
}

function powersOf(role: SeatRole): readonly string[] {
  return [
    role.superuser ? 'superuser' : '',
    role.bypassesRls ? 'bypassrls' : '',
    role.createsRoles ? 'createrole' : '',
    role.createsDatabases ? 'createdb' : '',
    role.replicates ? 'replication' : '',
  ].filter((power) => power !== '');
}

function checkPowers({ isolation, seat, dialect }: SeatOf): Check {
  const about = { area: 'roles', name: `role of ${isolation} tenants` } as const;
  // An embedded instance has one login, its superuser; its statements run as the weak role, which is what counts.
  const roles = dialect === 'pglite' ? [seat.acting] : [seat.login, seat.acting];
  const first = roles.find((role) => powersOf(role).length > 0);
  if (first === undefined) return ok(about, `${seat.acting.name}: no powers`);
  const powers = powersOf(first).join(', ');
  return fail(
    about,
    `${first.name} has ${powers}`,
    `alter role "${first.name}" nosuperuser nobypassrls nocreaterole nocreatedb noreplication`,
  );
}

/** Its own group, and the NOLOGIN roles of schemas, which it takes one at a time. None of them may have powers either. */
function checkMemberships({ isolation, seat, dialect, rolePrefix }: SeatOf): Check {
  const about = { area: 'roles', name: `memberships of ${isolation} tenants` } as const;
  if (dialect === 'pglite') return untested(about, 'the embedded database has one login, its owner');
  const foreign = seat.memberOf.filter(
    (role) => powersOf(role).length > 0 || !role.name.startsWith(`${rolePrefix}_`),
  );
  const names = foreign.map(({ name }) => name).join(', ');
  return expectThat(foreign.length === 0, {
    good: ok(about, `${seat.memberOf.length}, all of this installation and without powers`),
    bad: fail(about, names, `revoke ${names} from "${seat.login.name}"`),
  });
}

/** Owners step over row-level security that is not forced, and may take it down. */
function checkOwnership({ isolation, seat }: SeatOf): Check {
  const about = { area: 'roles', name: `ownership of ${isolation} tenants` } as const;
  return expectThat(seat.owned.length === 0, {
    good: ok(about, 'owns nothing'),
    bad: fail(
      about,
      seat.owned.slice(0, 5).join(', '),
      `give them to the owner of the database: alter … owner to …`,
    ),
  });
}

/** From where the attacker sits: what it can write must be behind the wall. Tables for all tenants it may only read. */
function checkReach({ isolation, seat }: SeatOf): Check {
  const about = { area: 'walls', name: `tables of ${isolation} tenants` } as const;
  if (seat.reachable === 0) return untested(about, 'it reaches no table at all');
  return expectThat(seat.unwalled.length === 0, {
    good: ok(about, `${seat.reachable} in reach, all behind the wall`),
    bad: fail(
      about,
      `${seat.unwalled.slice(0, 5).join(', ')}: no forced row-level security`,
      'make the table in a migration, which walls it, or revoke the rights on it',
    ),
  });
}
