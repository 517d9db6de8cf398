-- Differences of our own objects, one part at a time: each has SQL that mends it, or says that nothing
-- automatic does. As mutations.sql has them.

--- name: the helper answers nothing to nothing
--- caught: RLS-F03
alter function spool_live.authorized_site_id() strict;

--- name: the helper is leakproof
--- caught: RLS-F03
alter function spool_live.authorized_site_id() leakproof;

--- name: the helper runs in parallel
--- caught: RLS-F03
alter function spool_live.authorized_topic() parallel safe;

--- name: the helper is said to cost nothing
--- caught: RLS-F03
alter function spool_live.authorized_site_id() cost 0.0001;

--- name: the helper has a time of its own
--- caught: RLS-F03
alter function spool_live.authorized_site_id() set statement_timeout = '1ms';

--- name: the mirror may be called without a site
--- caught: RLS-F03
do $$ begin execute replace(pg_get_functiondef('public.spool_live_mirror(jsonb)'::regprocedure),
                            '(site jsonb)', '(site jsonb default ''{}'')'); end $$;

--- name: the mirror's argument has another name
--- caught: RLS-F03
do $$
declare definition text := pg_get_functiondef('public.spool_live_mirror(jsonb)'::regprocedure);
begin
  drop function public.spool_live_mirror(jsonb);
  execute replace(definition, '(site jsonb)', '(given jsonb)');
  alter function public.spool_live_mirror(jsonb) owner to postgres;
end $$;

--- name: the cleanup answers something else
--- caught: RLS-F03
drop function public.spool_live_cleanup(timestamptz, integer);
create function public.spool_live_cleanup(before timestamptz, max_rows integer) returns text
language plpgsql security definer set search_path = '' as $$ begin return '{}'; end $$;
alter function public.spool_live_cleanup(timestamptz, integer) owner to postgres;

--- name: the cleanup is a procedure
--- caught: RLS-F03
drop function public.spool_live_cleanup(timestamptz, integer);
create procedure public.spool_live_cleanup(before timestamptz, max_rows integer)
language plpgsql security definer set search_path = '' as $$ begin null; end $$;
alter procedure public.spool_live_cleanup(timestamptz, integer) owner to postgres;

--- name: the helper belongs to somebody whom nobody of us can become
--- caught: RLS-F04
create role stranger bypassrls;
alter function spool_live.authorized_site_id() owner to stranger;

--- name: the service role may pass on the mirror
--- caught: RLS-F05
grant execute on function public.spool_live_mirror(jsonb) to service_role with grant option;

--- name: anon may pass on the helper
--- caught: RLS-F05
grant execute on function spool_live.authorized_site_id() to anon with grant option;

--- name: the feed belongs to somebody whom nobody of us can become
--- caught: RLS-T03
create role stranger;
alter table public.live_updates owner to stranger;

--- name: the keys belong to somebody whom nobody of us can become
--- caught: RLS-T03
create role stranger;
alter table spool_live.api_keys owner to stranger;

--- name: our schema belongs to somebody whom nobody of us can become
--- caught: RLS-H05
create role stranger;
alter schema spool_live owner to stranger;

--- name: our schema belongs to a role of the API
--- caught: RLS-H05 RLS-H01
alter schema spool_live owner to authenticated;

--- name: tokens may pass on reading
--- caught: RLS-G04
grant select on public.live_updates to authenticated with grant option;

--- name: the service role may pass on writing
--- caught: RLS-G04
grant insert on public.live_updates to service_role with grant option;

--- name: the service role may change updates
--- caught: RLS-G01
grant update, truncate on public.live_updates to service_role;

--- name: the service role may read keys
--- caught: RLS-G01
grant select on spool_live.api_keys to service_role;

--- name: the service role may write single columns of keys
--- caught: RLS-G02
grant update (revoked_at) on spool_live.api_keys to service_role;

--- name: a column has another collation
--- caught: RLS-C01
alter table public.live_updates alter column collection type text collate "C";

--- name: a column is shorter
--- caught: RLS-C01
alter table public.live_updates alter column collection type varchar(100);

--- name: a column has another name
--- caught: RLS-C01
--- healed: no
alter table public.live_updates rename column slug to handle;

--- name: the moment of revocation has a default
--- caught: RLS-C01
alter table spool_live.api_keys alter column revoked_at set default now() + interval '1 year';

--- name: a column is computed
--- caught: RLS-C01
alter table public.live_updates drop column slug;
alter table public.live_updates add column slug text generated always as ('x') stored;

--- name: a table of somebody else refers to updates
--- caught: RLS-C03
create table public.likes (update_id uuid references public.live_updates (id));
alter table public.likes enable row level security;

--- name: a table of somebody else refers to keys
--- caught: RLS-C03
create schema hidden;
create table hidden.uses (key uuid references spool_live.api_keys (id));

--- name: a table of somebody else refers to sites
--- caught: RLS-C03
create schema hidden;
create table hidden.guesses (site uuid references spool_live.sites (site_id) on delete cascade);

--- name: a check has another name
--- caught: RLS-C03
do $$ declare c text; begin
  select conname into c from pg_constraint where conrelid = 'public.live_updates'::regclass and contype = 'c' limit 1;
  execute format('alter table public.live_updates rename constraint %I to other', c);
end $$;

--- name: an index is not valid
--- caught: RLS-C05
set local allow_system_table_mods = on;
update pg_index set indisvalid = false
where indexrelid = (select i.indexrelid from pg_index i where i.indrelid = 'public.live_updates'::regclass
                    and not exists (select from pg_constraint c where c.conindid = i.indexrelid) limit 1);

--- name: a type of somebody else is in our schema
--- caught: RLS-C06
create type spool_live.pair as (a integer, b integer);

--- name: a domain of somebody else is in our schema
--- caught: RLS-C06
create domain spool_live.word as text;

--- name: a range of somebody else is in our schema
--- caught: RLS-C06
create type spool_live.span as range (subtype = integer);

--- name: an operator of somebody else is in our schema
--- caught: RLS-C06
create operator spool_live.=== (leftarg = uuid, rightarg = uuid, function = uuid_eq);

--- name: new tables of our schema are open
--- caught: RLS-H04
alter default privileges for role postgres in schema spool_live grant select on tables to authenticated;

--- name: new functions of our schema are open
--- caught: RLS-H04
alter default privileges for role postgres in schema spool_live grant execute on functions to anon;

--- name: new sequences of our schema are open to everybody
--- caught: RLS-H04
alter default privileges for role postgres in schema spool_live grant usage on sequences to public;

--- name: new tables that another makes in our schema are open
--- caught: RLS-H04
alter default privileges for role supabase_realtime_admin in schema spool_live grant all on tables to anon;

--- name: new tables of every schema are open
--- caught: RLS-H04
alter default privileges for role postgres grant select on tables to anon;

--- name: new schemas are open
--- caught: RLS-H04
alter default privileges for role postgres grant usage on schemas to authenticated;

--- name: the publication publishes no inserts
--- caught: RLS-U01
alter publication supabase_realtime set (publish = 'update');

--- name: the policy is for everybody
--- caught: RLS-P02
alter policy live_updates_read_own_site on public.live_updates to public;

--- name: the policy has another name
--- caught: RLS-P01 RLS-P03
alter policy live_updates_read_own_site on public.live_updates rename to other;

--- name: the fence of keys is for one role only
--- caught: RLS-P02
alter policy spool_live_closed on spool_live.api_keys to anon;

--- name: the trigger has an argument
--- caught: RLS-N01
do $$ declare d text; begin
  select pg_get_triggerdef(oid) into d from pg_trigger where tgname = 'live_updates_broadcast';
  drop trigger live_updates_broadcast on public.live_updates;
  execute replace(d, 'broadcast_new_updates()', 'broadcast_new_updates(''x'')');
end $$;

--- name: another trigger runs our function a second time
--- caught: RLS-N03
create trigger again after insert on public.live_updates referencing new table as new_updates
  for each statement execute function spool_live.broadcast_new_updates();

--- name: tokens inherit the rights of an owner, and cannot become it
--- caught: RLS-A02
grant supabase_realtime_admin to authenticated with inherit true, set false;

--- name: tokens inherit the right to read all, and cannot become that role
--- caught: RLS-A02
grant pg_read_all_data to authenticated with inherit true, set false;

--- name: anon inherits an owner through another
--- caught: RLS-A02
create role helpers;
grant supabase_realtime_admin to helpers with inherit true, set false;
grant helpers to anon with inherit true, set false;

--- name: tokens may set how triggers fire
--- caught: RLS-A06
grant set on parameter session_replication_role to authenticated;

--- name: everybody may set a parameter of superusers
--- caught: RLS-A06
grant set on parameter log_min_messages to public;

--- name: anon may create schemas
--- caught: RLS-A06
do $$ begin execute format('grant create on database %I to anon', current_database()); end $$;

--- name: passwords are open to anon
--- caught: RLS-A10
grant select on pg_catalog.pg_authid to anon;

--- name: statistics are open to everybody
--- caught: RLS-A10
grant select on pg_catalog.pg_statistic to public;

--- name: a column of passwords is open to tokens
--- caught: RLS-A10
grant select (rolpassword) on pg_catalog.pg_authid to authenticated;

--- name: files are open to tokens
--- caught: RLS-A10
grant execute on function pg_catalog.pg_read_file(text) to authenticated;

--- name: a function of PostgreSQL's runs with the rights of its owner
--- caught: RLS-A10
alter function pg_catalog.query_to_xml(text, boolean, boolean, text) security definer;

--- name: a function of PostgreSQL's has a setting
--- caught: RLS-A10
alter function pg_catalog.lower(text) set role = 'service_role';

--- name: a function of PostgreSQL's belongs to another
--- caught: RLS-A10
alter function pg_catalog.lower(text) owner to authenticated;

--- name: a function of PostgreSQL's is another
--- caught: RLS-A10
--- healed: no
create or replace function pg_catalog.obj_description(oid) returns text language sql stable security definer as
  'select max(slug) from public.live_updates';

--- name: every role only reads
--- caught: RLS-A07
alter role all set default_transaction_read_only = on;

--- name: tokens become another in this database
--- caught: RLS-A04
do $$ begin execute format('alter role authenticated in database %I set role = service_role', current_database()); end $$;

--- name: all roles have claims in this database
--- caught: RLS-A04
alter role all set request.jwt.claims = '{}';
