-- Supabase's roles, with the attributes they have on the hosted service. Runs as the superuser.

do $$
declare
    role_name name;
begin
    foreach role_name in array array[
        'anon', 'authenticated', 'service_role', 'authenticator', 'postgres', 'supabase_realtime_admin'
    ]::name[] loop
        if to_regrole(quote_ident(role_name)) is null then
            execute format('create role %I', role_name);
        end if;
    end loop;
end $$;

alter role anon nologin noinherit;
alter role authenticated nologin noinherit;
alter role service_role nologin noinherit bypassrls;
alter role supabase_realtime_admin nologin noinherit;

-- what the API logs in as: no right of its own but to become one of the three
alter role authenticator login noinherit;
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
grant anon, authenticated, service_role to authenticator;

-- what migrates: no superuser
alter role postgres nosuperuser login inherit createrole createdb replication bypassrls;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- the hosted service lets postgres write policies on realtime.messages through an extension;
-- here the same right comes from membership in the role that owns the table
grant supabase_realtime_admin to postgres;
