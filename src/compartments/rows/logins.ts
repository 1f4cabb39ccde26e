import { setTimeout } from 'node:timers/promises';
import { BulkheadError } from '../../core/errors.ts';
import type { Login } from '../../drivers/server.ts';
import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import type { CredentialStore } from './deps.ts';
import { newPassword, toScramVerifier } from './scram.ts';
import { toRoleScript } from './wall.ts';

const current = 'rows-login';
const next = 'rows-login-next';

/** Whose login it is: the vault's owner name, and the role it logs in as. */
export interface LoginOwner {
  readonly owner: string;
  readonly role: string;
}

/** Passwords to try, newest known first; asked at every new connection, so that nodes follow a rotation by themselves. */
export async function readLogins(credentials: CredentialStore, login: LoginOwner): Promise<readonly Login[]> {
  const passwords = [await credentials.get(login.owner, current), await credentials.get(login.owner, next)];
  const logins = passwords
    .filter((password) => password !== undefined && password !== '')
    .map((password) => ({ user: login.role, password: password ?? '' }));
  if (logins.length === 0)
    throw new BulkheadError('compartment_unreachable', {
      owner: login.owner,
      reason: 'no credential is stored',
    });
  return logins;
}

/** Makes the role able to log in. Nodes that start together agree on one password: the vault keeps the first. */
export async function ensureLogin(
  admin: AdminDatabase,
  credentials: CredentialStore,
  login: LoginOwner,
): Promise<void> {
  const stored = await credentials.get(login.owner, current);
  const { rows } = await admin.query(`select from pg_roles where rolname = $1 and rolcanlogin`, [login.role]);
  if (stored !== undefined && rows.length > 0) return;
  // Stored before it is set: a crash in between leaves a password nobody uses, never a login nobody knows.
  const password = await credentials.putOnce(login.owner, current, stored ?? newPassword());
  await setPassword(admin, login.role, password);
}

// Two nodes altering one role at once: the server refuses the slower one. Ends when Postgres serialises ALTER ROLE.
const concurrentlyUpdated = 'XX000';

async function setPassword(admin: AdminDatabase, role: string, password: string): Promise<void> {
  const script = toRoleScript(role, { scramVerifier: toScramVerifier(password) });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await admin.script(script);
    } catch (cause) {
      if (!(cause instanceof SqlError) || cause.sqlState !== concurrentlyUpdated || attempt === 5)
        throw cause;
      await setTimeout(20 * attempt);
    }
  }
}

/**
 * A new password while traffic goes on: open connections live on, new ones find the password under `next` until it has
 * become `current`. A crash at any point leaves a stored password that works.
 */
export async function rotateLogin(
  admin: AdminDatabase,
  credentials: CredentialStore,
  login: LoginOwner,
): Promise<void> {
  const password = newPassword();
  await credentials.put(login.owner, next, password);
  await setPassword(admin, login.role, password);
  await credentials.put(login.owner, current, password);
}
