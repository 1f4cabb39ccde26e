-- The trigger of a move sets a setting of its transaction. On the embedded database nobody but the owner may call
-- set_config; the role that owns the trigger's function, which nobody can log in or be set to, may from now on.
do $$
begin
  if not has_function_privilege('{{wall_role}}'::regrole, 'pg_catalog.set_config(text,text,boolean)', 'execute') then
    grant execute on function pg_catalog.set_config(text, text, boolean) to {{wall_role}};
  end if;
end
$$;
