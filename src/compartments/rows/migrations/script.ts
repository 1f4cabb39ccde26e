/** Compiled migrations, as the SQL that one container is sent. */
import type { CompiledMigration } from './compile.ts';
import { containerPath, quoteName, quoteText } from './names.ts';
import { rolePlaceholder } from './wall.ts';

export interface Container {
  /** Exists already. Only our own generator makes these names. */
  readonly schema: string;
  /** The role that tenants of this container work as. It exists and may use the schema. */
  readonly role: string;
  /** How long it may stand in the queue for a lock; default half a second. */
  readonly lockTimeoutMs?: number;
}

/** How long a migration may stand in the queue for a lock, and so hold up everybody behind it. */
const defaultLockTimeoutMs = 500;

/**
 * Everything a container is missing, as one script: one round trip, one implicit transaction.
 * Exported for provisioning, which may put it behind the statements that make the schema.
 */
export function toScript(container: Container, pending: readonly CompiledMigration[]): string {
  return [
    ...toPreamble(container.schema, container.lockTimeoutMs),
    ...pending.map((migration) => toRecordSql(container.schema, migration)),
    ...pending.flatMap((migration) => toStatements(container, migration).map(({ sql }) => sql)),
  ].join(';\n');
}

export function toPreamble(schema: string, lockTimeoutMs: number = defaultLockTimeoutMs): readonly string[] {
  return [
    `set local lock_timeout = ${lockTimeoutMs}`,
    `set local search_path to ${containerPath(schema)}`,
    `select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(${quoteText(`bulkhead.migrate.${schema}`)}, 0))`,
  ];
}

/** Rights come last within their migration: the next one may rename what they name. */
export function toStatements(
  container: Container,
  migration: CompiledMigration,
): readonly { readonly sql: string; readonly line: number | undefined }[] {
  const role = quoteName(container.role);
  const grants = migration.grants.map((grant) => ({
    // A function, because a text would have its `$` read as a pattern.
    sql: grant.replace(rolePlaceholder, () => role),
    line: undefined,
  }));
  return [...migration.statements, ...grants];
}

function toRecordSql(schema: string, migration: CompiledMigration): string {
  const values = [schema, migration.set, migration.number, migration.name, migration.sha256];
  const list = values.map((value) => (typeof value === 'number' ? String(value) : quoteText(value)));
  return `insert into bulkhead_wall.migration (schema_name, set_name, number, name, sha256) values (${list.join(', ')})`;
}
