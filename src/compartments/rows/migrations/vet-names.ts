/** Rules that hold for every name in every statement, wherever it stands. */
import type { SqlNode } from '../../../drivers/sql-parser.ts';
import { as, namesOf, walk } from './ast.ts';
import { isSimpleName } from './names.ts';
import { refuse } from './refusal.ts';

/**
 * Names stay inside the container: no other schema, no system table, no function that leaves the statement.
 * @throws StatementRefused
 */
export function vetNames(node: SqlNode): void {
  walk(node, (inner) => {
    const relation = as(inner, 'RangeVar');
    if (relation !== undefined) vetRelation(relation.relname, relation.schemaname ?? relation.catalogname);
    const call = as(inner, 'FuncCall');
    if (call !== undefined) vetFunction(namesOf(call.funcname));
    const type = as(inner, 'TypeName');
    if (type !== undefined) vetQualified('type', namesOf(type.names));
    const operator = as(inner, 'A_Expr');
    if (operator !== undefined) vetQualified('operator', namesOf(operator.name));
    const collation = as(inner, 'CollateClause');
    if (collation !== undefined) vetQualified('collation', namesOf(collation.collname));
  });
}

function vetRelation(name: string | undefined, schema: string | undefined): void {
  if (schema !== undefined)
    refuse(
      `${schema}.${name ?? ''} names a schema; the same file goes to the schema of every container`,
      'write the name alone',
    );
  if (name !== undefined) vetOwnName(name);
}

/** @throws StatementRefused for a name of the system or one that needs care to read */
export function vetOwnName(name: string): void {
  if (/^pg_/i.test(name) || name.startsWith('bulkhead_'))
    refuse(`${name} belongs to the system: names beginning with pg_ or bulkhead_ are not for migrations`);
  if (!isSimpleName(name))
    refuse(
      `${JSON.stringify(name)} is not a simple name`,
      'letters, digits and underscores, not beginning with a digit',
    );
}

/** What the wall compares must be what PostgreSQL compares: only its own schema may be named. */
function vetQualified(what: string, names: readonly string[]): void {
  const [schema] = names;
  if (names.length > 1 && schema !== 'pg_catalog')
    refuse(`the ${what} ${names.join('.')} names a schema`, 'write the name alone');
}

/** Functions that reach settings, sessions, files, other databases, or run text as SQL. */
const forbiddenFunctions =
  /^(?:set_config|nextval|setval|currval|lastval|dblink.*|lo_.*|pg_read.*|pg_ls.*|pg_write.*|pg_file.*|pg_stat.*|pg_terminate_backend|pg_cancel_backend|pg_notify|pg_sleep.*|pg_reload_conf|pg_logical.*|pg_replication.*|pg_create.*|pg_drop.*|pg_advisory.*|pg_try_advisory.*|query_to_xml.*|table_to_xml.*|schema_to_xml.*|database_to_xml.*|cursor_to_xml.*|ts_stat|row_security_active|pg_execute_server_program|pg_get_.*|txid_.*|pg_current_.*|pg_export_snapshot)$/;

function vetFunction(names: readonly string[]): void {
  const path = names.join('.');
  if (path === 'bulkhead_wall.current_tenant_id') return;
  const name = names.at(-1) ?? '';
  if (names.length > 1 && names[0] !== 'pg_catalog')
    refuse(
      `${path} names a schema`,
      names[0] === 'bulkhead_wall' ? 'the wall is put up by Bulkhead' : 'write the name alone',
    );
  if (isForbiddenFunction(name))
    refuse(`${name}() reaches outside of the container, or is not the same in all`);
}

export function isForbiddenFunction(name: string): boolean {
  return forbiddenFunctions.test(name.toLowerCase());
}
