/** Names that migrations may use, and how they are written into SQL. */

/** The column every tenant table has. */
export const tenantColumn = 'tenant_id';

/** Extensions are installed here, in every database; the search path of a container ends with it. */
export const extensionSchema = 'bulkhead_ext';

/**
 * A session that looked for the schema before another made it may go on believing that it is not there, through the lock
 * that both take: then it finds out by its name being taken.
 */
export const createExtensionSchema = `do $$ begin
  create schema if not exists ${extensionSchema};
exception when unique_violation or duplicate_schema then null; end $$`;

const SIMPLE = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** Names outside this are refused in migrations: they could hide in logs, in generated SQL and in each other. */
export function isSimpleName(name: string): boolean {
  return SIMPLE.test(name);
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteNames(names: readonly string[]): string {
  return names.map(quoteName).join(', ');
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * The search path that statements on a container run under.
 * @param schema the container's schema; only our own generator makes these names
 */
export function containerPath(schema: string): string {
  return `${quoteName(schema)}, ${extensionSchema}, pg_temp`;
}

const LONGEST = 63;

/**
 * The name PostgreSQL would have given an unnamed constraint, so that adding the tenant does not change
 * what a later `DROP CONSTRAINT` has to say. Same trimming as its makeObjectName().
 */
export function defaultConstraintName(table: string, columns: readonly string[], label: string): string {
  let head = table;
  let middle = columns.join('_');
  const room = LONGEST - label.length - 1 - (middle === '' ? 0 : 1);
  while (head.length + middle.length > room) {
    if (head.length > middle.length) head = head.slice(0, -1);
    else middle = middle.slice(0, -1);
  }
  return [head, middle, label].filter((part) => part !== '').join('_');
}
