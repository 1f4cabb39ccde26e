/** Something that runs scripts as the superuser. */
export interface ScriptRunner {
  script(text: string): Promise<void>;
}

/**
 * Functions that PUBLIC may call in a fresh Postgres and a tenant's statement must not on an embedded one, where it
 * runs inside a superuser's session and shares its only connection with everybody.
 */
const forbidden: readonly string[] = [
  // Change settings of the session, the role among them.
  'set_config',
  // Run text as a statement.
  'cursor_to_xml%',
  'database_to_xml%',
  'query_to_xml%',
  'schema_to_xml%',
  'table_to_xml%',
  'ts_rewrite',
  'ts_stat',
  // Hold up or end the only connection, or outlive the transaction on it.
  'pg_advisory%',
  'pg_cancel_backend',
  'pg_sleep%',
  'pg_terminate_backend',
  'pg_try_advisory%',
  // Are seen by everybody.
  'pg_listening_channels',
  'pg_logical_emit_message',
  'pg_notify',
  'pg_export_snapshot',
  'pg_stat_get_activity',
  // Large objects have no tenant.
  'be_lo_%',
  'lo_%',
  'loread',
  'lowrite',
];

/** `ts_rewrite(tsquery, tsquery, tsquery)` is pure; only the form that takes a statement is taken away. */
const spared = `p.oid <> 'pg_catalog.ts_rewrite(tsquery,tsquery,tsquery)'::regprocedure`;

const script = `
do $$
declare
  found record;
begin
  for found in
    select p.oid::regprocedure as signature
      from pg_catalog.pg_proc p
      where p.pronamespace = 'pg_catalog'::regnamespace and ${spared}
        and p.proname like any (array[${forbidden.map((name) => `'${name.replaceAll('_', '\\_')}'`).join(', ')}])
  loop
    execute format('revoke execute on routine %s from public', found.signature);
  end loop;
  for found in select datname from pg_catalog.pg_database where datallowconn loop
    execute format('revoke temporary, create on database %I from public', found.datname);
  end loop;
end
$$;
revoke all on language plpgsql from public;
revoke all on language sql from public;
revoke all on table pg_catalog.pg_settings from public;
grant select on table pg_catalog.pg_settings to public;
revoke all on table pg_catalog.pg_largeobject_metadata, pg_catalog.pg_prepared_statements, pg_catalog.pg_cursors from public;
revoke create on schema public from public;
`;

/** Rights on a database itself, which it does not take over from its template. */
export function toDatabaseRights(database: string): string {
  return `revoke temporary, create on database ${database} from public`;
}

/**
 * Takes from PUBLIC what would let a tenant's statement out of its role on an embedded database. Idempotent.
 * New instances have it from their template; it is for databases that were made otherwise.
 */
export function hardenEmbedded(admin: ScriptRunner): Promise<void> {
  return admin.script(script);
}
