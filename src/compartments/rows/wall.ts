import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultGovernor } from '../../core/plan.ts';
import type { AdminDatabase, AdminTransaction } from '../../drivers/sql.ts';
import type { RoleNames } from './container.ts';
import { quote } from './filter.ts';

/** Quotes a literal of our own making for a utility statement, which takes no parameters. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export interface WallFile {
  readonly number: number;
  readonly name: string;
  readonly text: string;
}

export async function readWallFiles(folder: string): Promise<readonly WallFile[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).toSorted();
  return Promise.all(
    names.map(async (name) => ({
      number: Number(name.slice(0, 4)),
      name: name.slice(5, -4),
      text: await readFile(join(folder, name), 'utf8'),
    })),
  );
}

/** What no role that serves tenants may ever have, and the limits a login falls back to. */
const weak = 'nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit';

export function toRoleScript(role: string, options: { readonly scramVerifier?: string } = {}): string {
  const login =
    options.scramVerifier === undefined ? 'nologin' : `login password ${literal(options.scramVerifier)}`;
  const name = quote(role);
  return `
    do $$ begin
      create role ${name} ${weak} nologin;
    exception when duplicate_object or unique_violation then null; end $$;
    alter role ${name} ${weak} ${login};
    alter role ${name} set statement_timeout = ${literal(`${defaultGovernor.statementTimeoutMs}ms`)};
    alter role ${name} set lock_timeout = ${literal(`${defaultGovernor.lockTimeoutMs}ms`)};
    alter role ${name} set idle_in_transaction_session_timeout = ${literal(`${defaultGovernor.idleTimeoutMs}ms`)};`;
}

/** The group that may ask whose context it is, and nothing else. Members get that right without an entry each. */
export function groupRole(roles: RoleNames): string {
  return `${roles.app}_group`;
}

/**
 * Puts the wall into a container database: roles, function, tables. Idempotent; nodes that start together take turns.
 * The login of `roles.app` is made elsewhere, where its password is.
 */
export async function installWall(
  admin: AdminDatabase,
  input: { readonly roles: RoleNames; readonly files: readonly WallFile[] },
): Promise<void> {
  await admin.transaction(async (tx) => {
    // Roles belong to the whole server, so the lock's key is of the installation and not of the database.
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [input.roles.wall]);
    const applied = await readApplied(tx);
    const pending = input.files.filter(({ number }) => !applied.has(number));
    if (pending.length === 0) return;
    await tx.script(toGroupScript(input.roles));
    await tx.script(closedToPublic);
    for (const file of pending) await applyWallFile(tx, file, input.roles);
  });
}

function toGroupScript(roles: RoleNames): string {
  const nologin = (role: string): string => `
    do $$ begin
      create role ${quote(role)} ${weak} nologin;
    exception when duplicate_object or unique_violation then null; end $$;`;
  return [nologin(roles.wall), nologin(groupRole(roles))].join('\n');
}

/** What PUBLIC may do, every tenant may do. So a database of ours starts with nothing, and logins are let in one by one. */
const closedToPublic = `
  do $$ begin
    execute format('revoke all on database %I from public', current_database());
  end $$;
  revoke all on schema public from public;`;

async function readApplied(tx: AdminTransaction): Promise<ReadonlySet<number>> {
  const { rows: found } = await tx.query<{ installed: boolean }>(
    `select to_regclass('bulkhead_wall.migration') is not null as installed`,
  );
  if (found[0]?.installed !== true) return new Set();
  const { rows } = await tx.query<{ number: number }>(
    `select number from bulkhead_wall.migration where schema_name = 'bulkhead_wall'`,
  );
  return new Set(rows.map(({ number }) => number));
}

async function applyWallFile(tx: AdminTransaction, file: WallFile, roles: RoleNames): Promise<void> {
  const names: Readonly<Record<string, string>> = { wall_role: roles.wall, app_role: groupRole(roles) };
  await tx.script(
    file.text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => quote(names[name] ?? whole)),
  );
  await tx.query(
    `insert into bulkhead_wall.migration (schema_name, set_name, number, name, sha256) values ('bulkhead_wall', 'wall', $1, $2, $3)`,
    [file.number, file.name, createHash('sha256').update(file.text).digest('hex')],
  );
}
