-- What projects have and may have: none of it is an error. "as" as in reach_mutations.sql.

--- name: own table with a policy for everybody
--- as: postgres
create table public.posts (id integer primary key, title text);
alter table public.posts enable row level security;
create policy read on public.posts for select to anon, authenticated using (true);
grant select on public.posts to anon, authenticated;

--- name: own table whose rows belong to users
--- as: postgres
create table public.todos (id integer primary key, owner uuid default auth.uid(), done boolean);
alter table public.todos enable row level security;
create policy own on public.todos for all to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
grant select, insert, update, delete on public.todos to authenticated;

--- name: own table with roles of its application
--- as: postgres
create table public.members (id integer, role text);
alter table public.members enable row level security;
create policy read on public.members for select to authenticated using (role <> 'hidden');
grant select, update on public.members to authenticated;
create function public.promote(member integer) returns void language sql as
  $$ update public.members set role = 'editor' where id = member $$;

--- name: own table with an upsert of a column role
--- as: postgres
create table public.members (id integer primary key, role text);
alter table public.members enable row level security;
create function public.keep(member integer) returns void language plpgsql as $$
begin
  insert into public.members values (member, 'x') on conflict (id) do update set role = 'editor';
end $$;

--- name: own partitioned table
--- as: postgres
create table public.events (at date not null) partition by range (at);
alter table public.events enable row level security;
create table public.events_2026 partition of public.events for values from ('2026-01-01') to ('2027-01-01');
alter table public.events_2026 enable row level security;
create policy read on public.events for select to authenticated using (true);
grant select on public.events to authenticated;

--- name: own table with a sequence, a check, a default and an index
--- as: postgres
create table public.orders (
  id bigint generated always as identity, total numeric check (total >= 0), at timestamptz default now());
create index on public.orders (lower(total::text));
alter table public.orders enable row level security;
grant insert on public.orders to anon;

--- name: own table with a trigger that keeps a time
--- as: postgres
create table public.posts (id integer, updated_at timestamptz);
alter table public.posts enable row level security;
create function public.touch() returns trigger language plpgsql as
  $$ begin new.updated_at := now(); return new; end $$;
create trigger touch before update on public.posts for each row execute function public.touch();
grant select, update on public.posts to authenticated;

--- name: own table with a history that a definer writes
--- as: postgres
create table public.posts (id integer, title text);
create table public.history (id integer, title text);
alter table public.posts enable row level security;
alter table public.history enable row level security;
revoke all on public.history from anon, authenticated;
create function public.remember() returns trigger language plpgsql security definer set search_path = '' as
  $$ begin insert into public.history values (old.id, old.title); return new; end $$;
create trigger remember before update on public.posts for each row execute function public.remember();
grant select, update on public.posts to authenticated;

--- name: own table with a rule
--- as: postgres
create table public.posts (id integer);
create table public.log (id integer);
alter table public.posts enable row level security;
alter table public.log enable row level security;
revoke all on public.log from anon, authenticated;
create rule log as on insert to public.posts do also insert into public.log values (new.id);
grant insert on public.posts to authenticated;

--- name: own tables with a foreign key that cascades
--- as: postgres
create table public.lists (id integer primary key);
create table public.entries (list integer references public.lists on delete cascade);
alter table public.lists enable row level security;
alter table public.entries enable row level security;
grant select, delete on public.lists to authenticated;

--- name: own view with its caller's rights
--- as: postgres
create table public.posts (id integer);
alter table public.posts enable row level security;
create view public.newest with (security_invoker = true) as select * from public.posts;
grant select on public.posts, public.newest to anon;

--- name: own view with its owner's rights, over own tables
--- as: postgres
create table public.posts (id integer, secret text);
alter table public.posts enable row level security;
revoke all on public.posts from anon, authenticated;
create view public.titles as select id from public.posts;
grant select on public.titles to anon;

--- name: own view with its caller's rights over the feed
--- as: postgres
create view public.my_updates with (security_invoker = true) as
  select id, slug from public.live_updates;
grant select on public.my_updates to authenticated;

--- name: own materialized view over own tables
--- as: postgres
create table public.posts (id integer);
alter table public.posts enable row level security;
create materialized view public.counted as select count(*) from public.posts;
grant select on public.counted to anon;

--- name: own view that nobody of the API may read
--- as: postgres
create view public.report as select site_id, count(*) from public.live_updates group by 1;
revoke all on public.report from anon, authenticated;

--- name: own view in a schema that is not exposed
--- as: postgres
create schema reports;
create view reports.report as select site_id, count(*) from public.live_updates group by 1;

--- name: function with its caller's rights
--- as: postgres
create function public.add(a integer, b integer) returns integer language sql immutable as 'select a + b';

--- name: function with its caller's rights over the feed
--- as: postgres
create function public.newest() returns setof public.live_updates language sql stable as
  'select * from public.live_updates order by seq desc limit 10';

--- name: function that speaks of execute in a comment
--- as: postgres
create function public.plain() returns integer language plpgsql as $$
begin
  -- execute this with care; set role is not for us
  /* execute query */
  return 1;
end $$;

--- name: function that speaks of execute in a text
--- as: postgres
create function public.explain() returns text language sql as
  $$ select 'execute it, or set role; see live_updates' $$;

--- name: function that runs a text of its own
--- as: postgres
create function public.tick() returns void language plpgsql as
  $$ begin execute 'select 1'; end $$;

--- name: function that runs a template with a quoted value
--- as: postgres
create table public.posts (id integer);
alter table public.posts enable row level security;
create function public.find(id integer) returns bigint language plpgsql as $$
declare n bigint;
begin execute format('select count(*) from public.posts p where p.id = %L', id) into n; return n; end $$;

--- name: function that puts a text together with quoting
--- as: postgres
create function public.find(slug text) returns bigint language plpgsql as $$
declare n bigint;
begin execute 'select count(*) from pg_class where relname = ' || quote_literal(slug) into n; return n; end $$;

--- name: function that sets its language and time zone
--- as: postgres
create function public.greet() returns text language plpgsql as $$
begin
  perform set_config('app.language', 'de', true);
  set local timezone to 'UTC';
  return current_setting('app.language', true);
end $$;

--- name: function with a search_path and a timeout
--- as: postgres
create function public.slow() returns integer language sql
  set search_path = public set statement_timeout = '5s' as 'select 1';

--- name: function kept as a tree
--- as: postgres
create function public.twice(a integer) returns integer language sql begin atomic select a * 2; end;

--- name: function that reads its claims
--- as: postgres
create function public.who() returns text language sql stable as
  $$ select current_setting('request.jwt.claims', true)::jsonb ->> 'sub' $$;

--- name: definer over own tables
--- as: postgres
create table public.counters (n integer);
alter table public.counters enable row level security;
revoke all on public.counters from anon, authenticated;
create function public.count_up() returns void language sql security definer set search_path = '' as
  'update public.counters set n = n + 1';

--- name: definer over the feed that only the service role may call
--- as: postgres
create function public.purge() returns void language sql security definer set search_path = '' as
  $$ delete from public.live_updates where inserted_at < now() - interval '1 day' $$;
revoke execute on function public.purge() from public, anon, authenticated;
grant execute on function public.purge() to service_role;

--- name: definer over the feed in a hidden schema, for cron
--- as: postgres
create schema jobs;
create function jobs.purge() returns void language sql security definer as
  $$ delete from public.live_updates where inserted_at < now() - interval '1 day' $$;

--- name: scheduled jobs: one that empties the feed, one that is off, one of another database
--- as: postgres
create schema cron;
create table cron.job (
  jobid bigint, schedule text, command text, nodename text, nodeport integer, database text,
  username text, active boolean, jobname text);
create table public.digest (slug text);
alter table public.digest enable row level security;
create policy digest on public.digest for select to anon using (true);
revoke all on public.digest from anon, authenticated;
grant select on public.digest to anon;
insert into cron.job values
  (1, '@hourly', 'delete from public.live_updates where inserted_at < now()', 'localhost', 5432,
   current_database(), 'postgres', true, 'purge'),
  (2, '@hourly', 'insert into public.digest select slug from public.live_updates', 'localhost', 5432,
   current_database(), 'postgres', false, 'off'),
  (3, '@hourly', 'insert into public.digest select slug from public.live_updates', 'localhost', 5432,
   'elsewhere', 'postgres', true, 'elsewhere');

--- name: policy with a definer of its own
--- as: postgres
create schema private;
grant usage on schema private to authenticated;
create table private.teams (member uuid, team integer);
create function private.my_teams() returns setof integer language sql stable security definer set search_path = ''
  as 'select team from private.teams where member = (select auth.uid())';
create table public.boards (team integer);
alter table public.boards enable row level security;
create policy team on public.boards for select to authenticated using (team in (select private.my_teams()));
grant select on public.boards to authenticated;

--- name: procedure
--- as: postgres
create procedure public.nothing() language plpgsql as $$ begin null; end $$;

--- name: aggregate
--- as: postgres
create aggregate public.product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1');

--- name: operator
--- as: postgres
create function public.near(integer, integer) returns boolean language sql immutable as 'select abs($1 - $2) < 5';
create operator public.~~~ (leftarg = integer, rightarg = integer, function = public.near);

--- name: domain, enum and composite
--- as: postgres
create domain public.slug as text check (value ~ '^[a-z-]+$');
create type public.mood as enum ('calm', 'loud');
create type public.pair as (a integer, b integer);

--- name: cast
create type public.level as enum ('low', 'high');
create function public.to_level(integer) returns public.level language sql immutable as
  $$ select case when $1 > 0 then 'high' else 'low' end::public.level $$;
create cast (integer as public.level) with function public.to_level(integer);

--- name: trigger's function that anybody may call by name
--- as: postgres
create function public.on_change() returns trigger language plpgsql security definer set search_path = '' as
  $$ begin return new; end $$;

--- name: policy for another topic
create policy chat on realtime.messages for select to authenticated
  using (realtime.topic() like 'chat:%' and extension in ('broadcast', 'presence'));

--- name: policy for all topics that are not ours
create policy everybody on realtime.messages for select to authenticated using (true);

--- name: policy for sending to another topic
create policy chat on realtime.messages for insert to authenticated
  with check (realtime.topic() like 'chat:%');

--- name: policy of messages for anon
create policy lobby on realtime.messages for select to anon using (topic = 'lobby');

--- name: trigger of an own table that broadcasts to an own topic
--- as: postgres
create table public.posts (id integer);
alter table public.posts enable row level security;
create function public.post_changed() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform realtime.broadcast_changes('posts', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
  return null;
end $$;
revoke execute on function public.post_changed() from public, anon, authenticated;
create trigger post_changed after insert on public.posts for each row execute function public.post_changed();
grant select, insert on public.posts to authenticated;

--- name: extensions in a schema of their own
create schema if not exists extensions;
grant usage on schema extensions to anon, authenticated;
create extension citext schema extensions;
create extension pg_trgm schema extensions;
create extension hstore schema extensions;
create extension unaccent schema extensions;
create extension vector schema extensions;
create extension tablefunc schema extensions;
create extension moddatetime schema extensions;

--- name: text search by similarity, in public
create extension pg_trgm schema public;

--- name: case-insensitive text, in public
create extension citext schema public;

--- name: vectors, in public
create extension vector schema public;

--- name: key and value pairs and trees, in public
create extension hstore schema public;
create extension ltree schema public;

--- name: ranges, sets and distances, in public
create extension btree_gist schema public;
create extension intarray schema public;
create extension cube schema public;
create extension earthdistance schema public;

--- name: a range of one's own, in public
set role postgres;
create type public.span as range (subtype = integer);
create table public.spans (id integer, at public.span);
alter table public.spans enable row level security;
reset role;

--- name: search by vector through a function
create schema if not exists extensions;
grant usage on schema extensions to anon, authenticated;
create extension vector schema extensions;
set role postgres;
create table public.pages (id integer, embedding extensions.vector(3));
alter table public.pages enable row level security;
create function public.match(wanted extensions.vector(3), most integer) returns setof public.pages
language sql stable as $$
  select * from public.pages order by embedding operator(extensions.<=>) wanted limit most
$$;
grant select on public.pages to anon;
reset role;

--- name: a time that an extension keeps
create schema if not exists extensions;
create extension moddatetime schema extensions;
create table public.posts (id integer, at timestamptz);
alter table public.posts owner to postgres;
alter table public.posts enable row level security;
create trigger at before update on public.posts for each row execute function extensions.moddatetime(at);
grant select, update on public.posts to authenticated;

--- name: PostGIS in public
create function public.st_asgeojson(geom text, precise integer) returns text language internal as 'quote_ident';
create function public.postgis_version(text) returns text language internal as 'quote_literal';
create table public.spatial_ref_sys (srid integer primary key, srtext text);
grant select on public.spatial_ref_sys to anon, authenticated;
set local allow_system_table_mods = on;
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
select 99999, 'postgis', r.oid, 'public'::regnamespace, false, '3.5.0' from pg_roles r where rolname = current_user;
insert into pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
select 'pg_proc'::regclass, oid, 0, 'pg_extension'::regclass, 99999, 0, 'e'
from pg_proc where proname in ('st_asgeojson', 'postgis_version') and oid >= 16384
union all
select 'pg_class'::regclass, 'public.spatial_ref_sys'::regclass, 0, 'pg_extension'::regclass, 99999, 0, 'e';

--- name: Storage exposed, as self-hosted has it
create role supabase_storage_admin;
create schema storage;
create table storage.objects (id uuid, name text, owner uuid);
alter table storage.objects owner to supabase_storage_admin;
alter table storage.objects enable row level security;
create function storage.search(prefix text) returns setof storage.objects language plpgsql as $$
begin return query execute 'select * from storage.objects order by ' || prefix; end $$;
alter function storage.search(text) owner to supabase_storage_admin;
grant usage on schema storage to anon, authenticated;
grant all on storage.objects to anon, authenticated;
alter role authenticator set pgrst.db_schemas = 'public, storage, graphql_public';

--- name: GraphQL exposed, as hosted has it
create schema graphql_public;
create function graphql_public.graphql("operationName" text default null, query text default null)
returns jsonb language plpgsql as $$ begin execute query; return null; end $$;
grant usage on schema graphql_public to anon, authenticated;

--- name: queues
create schema pgmq;
create table pgmq.q_jobs (message jsonb);
create schema pgmq_public;
grant usage on schema pgmq_public to authenticated;
create function pgmq_public.send(queue_name text, message jsonb) returns void language plpgsql as $$
begin execute format('insert into pgmq.%I values (%L)', 'q_' || queue_name, message); end $$;
alter role authenticator set pgrst.db_schemas = 'public, pgmq_public';

--- name: queue functions of one's own
--- as: postgres
create schema queue;
grant usage on schema queue to authenticated;
create table queue.jobs (message jsonb);
grant insert on queue.jobs to authenticated;
create function public.send(queue text, message jsonb) returns void language plpgsql as $$
begin execute format('insert into queue.%I values ($1)', queue) using message; end $$;

--- name: a role for business intelligence
create role metabase login;
grant usage on schema public to metabase;
grant select on all tables in schema public to metabase;
grant pg_read_all_data to metabase;

--- name: a role for business intelligence with a policy of its own
create role metabase login;
grant select on public.live_updates to metabase;
create policy metabase on public.live_updates for select to metabase using (true);

--- name: a role for backups
create role backup login replication bypassrls;
grant pg_read_all_data to backup;

--- name: a role of the application
create role cms login;
grant select, insert, delete on public.live_updates to cms;
create policy cms on public.live_updates for all to cms using (true) with check (true);

--- name: a role that can be named, and has its own table
create role partner;
grant partner to authenticator, postgres;
set role postgres;
create table public.offers (id integer);
alter table public.offers enable row level security;
create policy partner on public.offers for select to partner using (true);
revoke all on public.offers from anon, authenticated;
grant select on public.offers to partner;
reset role;

--- name: timeouts of roles
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role service_role set statement_timeout = '0';
alter role authenticator set lock_timeout = '8s';
alter role authenticator set idle_in_transaction_session_timeout = '60s';

--- name: settings of PostgREST
alter role authenticator set pgrst.db_schemas = 'public';
alter role authenticator set pgrst.db_max_rows = '1000';
alter role authenticator set pgrst.db_extra_search_path = 'public, extensions';
alter role authenticator set pgrst.db_aggregates_enabled = 'true';
alter role authenticator set pgrst.openapi_mode = 'disabled';

--- name: a function before every request that limits rates
set role postgres;
create schema private;
grant usage on schema private to anon, authenticated;
create table private.rates (ip text, at timestamptz default now());
create function private.check_request() returns void language plpgsql security definer set search_path = '' as $$
declare ip text := current_setting('request.headers', true)::json ->> 'x-forwarded-for';
begin
  insert into private.rates (ip) values (ip);
end $$;
reset role;
alter role authenticator set pgrst.db_pre_request = 'private.check_request';

--- name: settings of the database
alter database postgres set log_min_duration_statement = '1s';
alter database postgres set work_mem = '8MB';
alter database postgres set search_path = 'public, extensions';
alter database postgres set app.settings.jwt_exp = '3600';

--- name: the settings of self-hosted
alter database postgres set app.settings.jwt_secret = 'a secret of the server, at least 32 long';
alter database postgres set app.settings.jwt_exp = '3600';

--- name: default privileges of before 2026
--- as: postgres
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;

--- name: another publication
--- as: postgres
create table public.posts (id integer primary key);
alter table public.posts enable row level security;
create publication warehouse for table public.posts;

--- name: another table in the publication of Realtime
--- as: postgres
create table public.posts (id integer primary key);
alter table public.posts enable row level security;
alter publication supabase_realtime add table public.posts;

--- name: all tables of a schema in the publication of Realtime
create schema chat;
create table chat.lines (id integer primary key);
alter publication supabase_realtime add tables in schema chat;

--- name: an event trigger as hosted has them
create schema if not exists extensions;
create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as
  $$ begin notify pgrst, 'reload schema'; end $$;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();

--- name: secrets in the Vault
create schema vault;
create table vault.secrets (name text, secret text);
create view vault.decrypted_secrets as select * from vault.secrets;

--- name: users of Supabase
create role supabase_auth_admin;
create table auth.users (id uuid primary key, email text);
alter table auth.users owner to supabase_auth_admin;
grant references, select on auth.users to postgres;
grant usage on schema auth to supabase_auth_admin;
set role postgres;
create table public.profiles (id uuid primary key references auth.users on delete cascade, name text);
alter table public.profiles enable row level security;
create policy own on public.profiles for select to authenticated using (id = (select auth.uid()));
grant select on public.profiles to authenticated;
create function public.new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin insert into public.profiles (id) values (new.id); return new; end $$;
revoke execute on function public.new_user() from public, anon, authenticated;
reset role;
create trigger new_user after insert on auth.users for each row execute function public.new_user();

--- name: another index and statistics on the feed
--- as: postgres
create index by_collection on public.live_updates (collection);
create statistics by_both (dependencies) on site_id, collection from public.live_updates;

--- name: comments and labels
--- as: postgres
comment on table public.live_updates is 'select set_config(''role'', ''service_role'', true)';
comment on function public.spool_live_mirror(jsonb) is 'execute';
