-- As mutations.sql, where content lives in the Supabase database.

--- name: anon may read Django's users
--- caught: RLS-E01
grant select on public.auth_user to anon;

--- name: tokens may read single columns of Django's sessions
--- caught: RLS-E01
grant select (session_data) on public.django_session to authenticated;

--- name: anon may touch a table of Django that Row Level Security closes
--- caught: RLS-E03
alter table public.auth_user enable row level security;
grant select on public.auth_user to anon;

--- name: a view shows Django's users
--- caught: RLS-E04
create view public.people as select username, password from public.auth_user;
grant select on public.people to anon;

--- name: a function hands out Django's users
--- caught: RLS-E05
create function public.people() returns bigint
language sql stable security definer as $$ select count(*) from public.auth_user $$;

--- name: API keys can be read
--- caught: RLS-G01
grant select on public.site_api_keys to authenticated;

--- name: the outbox can be written
--- caught: RLS-G01
grant insert on public.live_updates_outbox to authenticated;

--- name: the publication holds Django's users
--- caught: RLS-U03
alter publication supabase_realtime add table public.auth_user;

--- name: new tables are open
--- caught: RLS-E07
alter default privileges for role postgres in schema public grant select on tables to anon;

--- name: a sequence of the outbox can be set back
--- caught: RLS-G05
do $$ begin
  execute format('grant update on sequence %s to anon', pg_get_serial_sequence('public.live_updates_outbox', 'id'));
end $$;

--- name: a sequence of the outbox starts over
--- caught: RLS-C07
do $$ begin
  execute format('alter sequence %s maxvalue 1000000 cycle',
                 pg_get_serial_sequence('public.live_updates_outbox', 'id'));
end $$;

--- name: the outbox has no sequence any more
--- caught: RLS-C01 RLS-C07
alter table public.live_updates_outbox alter column id drop identity;
