-- What lies beside the tables and has no tenant: advisory locks are seen by everybody and outlive a statement on its
-- pooled connection, large objects are outside every policy, notifications reach every listener. PUBLIC may use them in
-- a fresh database; only a superuser can take that away. Where the owner is none, the verifier says what is left open.
do $$
declare
  found record;
begin
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    return;
  end if;
  for found in
    select p.oid::regprocedure as signature
      from pg_catalog.pg_proc p
      where p.pronamespace = 'pg_catalog'::regnamespace
        and p.proname ~ '^(pg_(try_)?advisory_.*|lo_.*|be_lo_.*|loread|lowrite|pg_notify|pg_export_snapshot|pg_logical_emit_message)$'
  loop
    execute format('revoke execute on routine %s from public', found.signature);
    -- An owner that is no superuser installs and migrates with advisory locks.
    execute format('grant execute on routine %s to pg_database_owner', found.signature);
  end loop;
end
$$;
