-- The migrating role owns the database and, as its owner, schema public.

do $$
begin
    execute format('alter database %I owner to postgres', current_database());
    execute format('grant all on database %I to postgres', current_database());
    execute format('grant connect on database %I to authenticator', current_database());
end $$;

grant usage on schema public to anon, authenticated, service_role;
grant all on schema public to postgres;

do $$
begin
    if not exists (select from pg_publication where pubname = 'supabase_realtime') then
        -- deletions pass no policy: see live_setup --insert-only, which a project runs for itself
        create publication supabase_realtime with (publish = 'insert');
    end if;
end $$;
alter publication supabase_realtime owner to postgres;
