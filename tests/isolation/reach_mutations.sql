-- Ways around the policies, as mutations.sql has them. "as: postgres" runs the block as the migrating
-- role, so that no superuser owns what it makes.

--- name: a function that becomes another by an attribute
--- caught: RLS-E08
--- as: postgres
create function public.latest() returns setof public.live_updates language sql stable
  set role = 'service_role' as 'select * from public.live_updates';

--- name: a function that has claims by an attribute
--- caught: RLS-E08
create function public.latest() returns setof public.live_updates language sql stable
  set request.jwt.claims = '{}' as 'select * from public.live_updates';

--- name: a function that makes the name of the setting up
--- caught: RLS-E08
--- as: postgres
create function public.latest() returns bigint language plpgsql as $$
begin
  perform set_config('ro' || 'le', 'service_role', true);
  return (select count(*) from public.live_updates);
end $$;

--- name: a function that sets claims
--- caught: RLS-E08
--- as: postgres
create function public.ask_as(claims text) returns setof public.live_updates language plpgsql as $$
begin
  perform set_config('request.jwt.claims', claims, true);
  return query select * from public.live_updates;
end $$;

--- name: a procedure that becomes another
--- caught: RLS-E08
--- as: postgres
create procedure public.latest() language plpgsql as $$ begin set local role service_role; end $$;

--- name: a function that updates pg_settings
--- caught: RLS-E08
--- as: postgres
create function public.become() returns void language sql as
  $$ update pg_catalog.pg_settings set setting = 'service_role' where name = 'role' $$;

--- name: a view that becomes another as it is read
--- caught: RLS-E08
--- as: postgres
create view public.me as select set_config('role', 'service_role', true) as role;
grant select on public.me to anon;

--- name: a default that becomes another as a row is written
--- caught: RLS-E08
--- as: postgres
create table public.notes (id integer, who text default set_config('role', 'service_role', true));
alter table public.notes enable row level security;
grant insert on public.notes to anon;

--- name: a policy of another table that becomes another
--- caught: RLS-E08
--- as: postgres
create table public.notes (id integer);
alter table public.notes enable row level security;
create policy notes on public.notes for select to anon
  using (set_config('role', 'service_role', true) is not null);
grant select on public.notes to anon;

--- name: a check that becomes another
--- caught: RLS-E08
--- as: postgres
create table public.notes (id integer check (set_config('role', 'service_role', true) <> ''));
alter table public.notes enable row level security;
grant insert on public.notes to anon;

--- name: SQL from an argument, in a cursor
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns integer language plpgsql as $$
declare c refcursor; begin open c for execute query; return 1; end $$;

--- name: SQL from an argument, through XML
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns xml language sql as
  $$ select query_to_xml(query, true, false, '') $$;

--- name: SQL from an argument, through text search
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns bigint language sql as
  $$ select count(*) from ts_stat(query) $$;

--- name: SQL put together from an argument
--- caught: RLS-E08
--- as: postgres
create function public.sorted(by text) returns bigint language plpgsql as $$
declare n bigint; begin execute 'select count(*) from pg_class order by ' || by into n; return n; end $$;

--- name: SQL from a template with a raw place
--- caught: RLS-E08
--- as: postgres
create function public.sorted(by text) returns void language plpgsql as $$
begin execute format('select 1 order by %s', by); end $$;

--- name: SQL from a table
--- caught: RLS-E08
--- as: postgres
create table public.queries (query text);
alter table public.queries enable row level security;
revoke all on public.queries from anon, authenticated;
create function public.run() returns void language plpgsql as $$
declare q text; begin select query into q from public.queries; execute q; end $$;

--- name: a function of a hidden schema runs SQL
--- caught: RLS-E08
--- as: postgres
create schema hidden;
grant usage on schema hidden to anon;
create function hidden.run(query text) returns void language plpgsql as $$ begin execute query; end $$;
create function public.run(query text) returns void language sql as $$ select hidden.run(query) $$;

--- name: a definer in a hidden schema, behind an invoker
--- caught: RLS-E05
--- as: postgres
create schema hidden;
grant usage on schema hidden to anon;
create function hidden.latest() returns bigint language sql security definer as
  'select count(*) from public.live_updates';
create function public.latest() returns bigint language sql as 'select hidden.latest()';

--- name: a definer behind an invoker, kept as a tree
--- caught: RLS-E05
--- as: postgres
create schema hidden;
create function hidden.latest() returns bigint language sql security definer
  begin atomic select count(*) from public.live_updates; end;
create function public.latest() returns bigint language sql begin atomic select hidden.latest(); end;

--- name: a definer as the default of an argument
--- caught: RLS-E05
--- as: postgres
create schema hidden;
create function hidden.latest() returns text language sql security definer as
  'select max(slug) from public.live_updates';
create function public.echo(what text default hidden.latest()) returns text language sql as 'select what';

--- name: a definer that reads a table of keys
--- caught: RLS-E05
--- as: postgres
create function public.keys() returns bigint language sql security definer as
  'select count(*) from spool_live.api_keys';

--- name: a definer that reads by a name that it is given
--- caught: RLS-E05
--- as: postgres
create function public.count_of(relation text) returns bigint language plpgsql security definer as $$
declare n bigint; begin execute format('select count(*) from %I', relation) into n; return n; end $$;

--- name: a definer that reads all of a schema
--- caught: RLS-E05
--- as: postgres
create function public.everything() returns xml language sql security definer as
  $$ select schema_to_xml('public', true, false, '') $$;

--- name: a definer that reads a table by its number
--- caught: RLS-E08
--- as: postgres
create function public.of(relation regclass) returns xml language sql security definer as
  $$ select table_to_xml(relation, true, false, '') $$;

--- name: a definer that reads statistics
--- caught: RLS-E05
--- as: postgres
create function public.values_of() returns bigint language sql security definer as
  $$ select count(*) from pg_catalog.pg_stats where tablename = 'live_updates' $$;

--- name: a definer that grants
--- caught: RLS-E08
--- as: postgres
create function public.open() returns void language plpgsql security definer as $$
begin grant select on public.live_updates to anon; end $$;

--- name: a definer that writes updates
--- caught: RLS-E05
--- as: postgres
create function public.post(site uuid) returns void language sql security definer as
  $$ insert into public.live_updates (site_id, event_type, collection, item_id)
     values (site, 'content.updated', 'x', gen_random_uuid()) $$;

--- name: a definer that revokes nothing any more
--- caught: RLS-E05
--- as: postgres
create function public.restore(key uuid) returns void language sql security definer as
  $$ update spool_live.api_keys set revoked_at = null where id = key $$;

--- name: a function in another language
--- caught: RLS-E11
create function public.opaque(text) returns text language internal as 'quote_ident';
alter function public.opaque(text) owner to postgres;

--- name: the functions of tablefunc are exposed
--- caught: RLS-E08
--- healed: no
create extension tablefunc schema public;

--- name: the functions of dblink are exposed
--- caught: RLS-E08
--- healed: no
create extension dblink schema public;
grant execute on all functions in schema public to anon;

--- name: tablefunc behind an invoker
--- caught: RLS-E08
create schema hidden;
grant usage on schema hidden to anon;
create extension tablefunc schema hidden;
set role postgres;
create function public.pivot(query text) returns setof record language sql as
  $$ select hidden.crosstab(query) $$;
reset role;

--- name: a view over a function that reads the feed
--- caught: RLS-E04
--- as: postgres
create schema hidden;
create function hidden.latest() returns setof public.live_updates language sql security definer as
  'select * from public.live_updates';
grant execute on function hidden.latest() to anon;
create view public.latest as select id from hidden.latest();
grant select on public.latest to anon;

--- name: an invoker's view over a hidden view
--- caught: RLS-E04
--- as: postgres
create schema hidden;
grant usage on schema hidden to authenticated;
create view hidden.latest as select * from public.live_updates;
grant select on hidden.latest to authenticated;
create view public.latest with (security_invoker = true) as select * from hidden.latest;
grant select on public.latest to authenticated;

--- name: a view over a materialized view of another schema
--- caught: RLS-E04
--- as: postgres
create schema hidden;
create materialized view hidden.kept as select id, site_id from public.live_updates;
create view public.latest as select * from hidden.kept;
grant select on public.latest to anon;

--- name: a view over Realtime's messages
--- caught: RLS-E04
--- as: postgres
create view public.messages as select topic, payload from realtime.messages;
grant select on public.messages to anon;

--- name: a view over the keys, through two others
--- caught: RLS-E04
--- as: postgres
create schema hidden;
create view hidden.one as select id from spool_live.api_keys;
create view hidden.two as select * from hidden.one;
create view public.three as select * from hidden.two;
grant select on public.three to anon;

--- name: a view that reads the feed through XML
--- caught: RLS-E04
--- as: postgres
create schema hidden;
grant usage on schema hidden to anon;
create view hidden.latest as select * from public.live_updates;
grant select on hidden.latest to anon;
create view public.latest as select query_to_xml('select * from hidden.latest', true, false, '') as x;
grant select on public.latest to anon;

--- name: a rule on a view writes updates
--- caught: RLS-E04
--- as: postgres
create view public.box as select 1 as id;
create rule post as on insert to public.box do instead
  insert into public.live_updates (site_id, event_type, collection, item_id)
  values (gen_random_uuid(), 'content.updated', 'x', gen_random_uuid());
grant insert on public.box to anon;

--- name: a trigger of a view reads the feed
--- caught: RLS-E04
--- as: postgres
create view public.box as select 'x'::text as id;
create schema hidden;
create function hidden.fill() returns trigger language plpgsql security definer as $$
begin new.id := (select max(slug) from public.live_updates); return new; end $$;
create trigger fill instead of insert on public.box for each row execute function hidden.fill();
grant select, insert on public.box to anon;

--- name: the default of a table reads the feed
--- caught: RLS-E12
--- as: postgres
create schema hidden;
create function hidden.latest() returns text language sql security definer as
  'select max(slug) from public.live_updates';
grant execute on function hidden.latest() to anon;
create table public.notes (id integer, latest text default hidden.latest());
alter table public.notes enable row level security;
grant insert on public.notes to anon;

--- name: a policy of a table reads the feed
--- caught: RLS-E12
--- as: postgres
create schema hidden;
create function hidden.latest(text) returns boolean language sql security definer as
  'select exists (select from public.live_updates where slug = $1)';
create table public.guesses (slug text);
alter table public.guesses enable row level security;
create policy guesses on public.guesses for select to anon using (hidden.latest(slug));
grant select on public.guesses to anon;

--- name: a check of a table reads the feed
--- caught: RLS-E12
--- as: postgres
create schema hidden;
create function hidden.known(text) returns boolean language sql security definer as
  'select exists (select from public.live_updates where slug = $1)';
create table public.guesses (slug text check (hidden.known(slug)));
alter table public.guesses enable row level security;
grant insert on public.guesses to anon;

--- name: a foreign key acts on a table whose trigger reads the feed as its owner
--- caught: RLS-E12
--- as: postgres
create schema hidden;
create table public.lists (id integer primary key, name text);
alter table public.lists enable row level security;
revoke all on public.lists from anon, authenticated;
grant select, delete on public.lists to anon;
create table hidden.entries (list integer references public.lists on delete cascade);
create table hidden.copied (slug text);
create function hidden.copy() returns trigger language plpgsql as $$
begin insert into hidden.copied select slug from public.live_updates; return old; end $$;
create trigger copy after delete on hidden.entries for each row execute function hidden.copy();

--- name: a table that the feed is copied into by a function
--- caught: RLS-E12
--- as: postgres
create table public.digest (slug text);
alter table public.digest enable row level security;
create policy digest on public.digest for select to anon using (true);
revoke all on public.digest from anon, authenticated;
grant select on public.digest to anon;
create schema hidden;
create function hidden.nightly() returns void language sql as
  'insert into public.digest select slug from public.live_updates';

--- name: a table that a scheduled job copies the feed into
--- caught: RLS-E12
--- as: postgres
create table public.digest (slug text);
alter table public.digest enable row level security;
create policy digest on public.digest for select to anon using (true);
revoke all on public.digest from anon, authenticated;
grant select on public.digest to anon;
create schema cron;
create table cron.job (
  jobid bigint, schedule text, command text, nodename text, nodeport integer, database text,
  username text, active boolean, jobname text);
insert into cron.job values (1, '* * * * *',
  'insert into public.digest select slug from public.live_updates', 'localhost', 5432,
  current_database(), 'postgres', true, 'digest');

--- name: a table that a block of a scheduled job copies the feed into
--- caught: RLS-E12
--- as: postgres
create table public.digest (slug text);
alter table public.digest enable row level security;
create policy digest on public.digest for select to anon using (true);
revoke all on public.digest from anon, authenticated;
grant select on public.digest to anon;
create schema cron;
create table cron.job (
  jobid bigint, schedule text, command text, nodename text, nodeport integer, database text,
  username text, active boolean, jobname text);
insert into cron.job values (1, '* * * * *',
  'do $$ begin insert into public.digest select slug from public.live_updates; end $$', 'localhost',
  5432, current_database(), 'postgres', true, 'digest');

--- name: a table that a trigger on the feed copies into
--- caught: RLS-N03 RLS-E12
--- as: postgres
create table public.digest (slug text);
alter table public.digest enable row level security;
revoke all on public.digest from anon, authenticated;
create policy digest on public.digest for select to anon using (true);
grant select on public.digest to anon;
create schema hidden;
create function hidden.copy() returns trigger language plpgsql security definer as $$
begin insert into public.digest values (new.slug); return null; end $$;
create trigger copy after insert on public.live_updates for each row execute function hidden.copy();

--- name: a table that a trigger copies into by a template
--- caught: RLS-N03 RLS-E12
--- as: postgres
create table public.digest (slug text);
alter table public.digest enable row level security;
revoke all on public.digest from anon, authenticated;
create policy digest on public.digest for select to anon using (true);
grant select on public.digest to anon;
create schema hidden;
create function hidden.copy() returns trigger language plpgsql security definer as $$
begin execute format('insert into public.digest values (%L)', new.slug); return null; end $$;
create trigger copy after insert on public.live_updates for each row execute function hidden.copy();

--- name: a parent of a copy is read
--- caught: RLS-E12
--- as: postgres
create schema hidden;
create table public.everything (slug text);
alter table public.everything enable row level security;
revoke all on public.everything from anon, authenticated;
create policy everything on public.everything for select to anon using (true);
grant select on public.everything to anon;
create table hidden.copy () inherits (public.everything);
create function hidden.nightly() returns void language sql as
  'insert into hidden.copy select slug from public.live_updates';

--- name: an operator reads the feed
--- caught: RLS-E05
--- as: postgres
create schema hidden;
create function hidden.known(text, text) returns boolean language sql security definer as
  'select exists (select from public.live_updates where slug = $1)';
create operator hidden.=== (leftarg = text, rightarg = text, function = hidden.known);

--- name: a cast becomes another
--- caught: RLS-E08
create schema hidden;
create type public.key as (text text);
create function hidden.to_key(text) returns public.key language plpgsql as $$
begin set local role service_role; return row($1)::public.key; end $$;
alter function hidden.to_key(text) owner to postgres;
create cast (text as public.key) with function hidden.to_key(text);

--- name: a domain reads the feed
--- caught: RLS-E05
--- as: postgres
create schema hidden;
create function hidden.known(text) returns boolean language sql security definer as
  'select exists (select from public.live_updates where slug = $1)';
create domain public.slug as text check (hidden.known(value));

--- name: an aggregate reads the feed
--- caught: RLS-E05
--- as: postgres
create schema hidden;
create function hidden.step(text, text) returns text language sql security definer as
  'select max(slug) from public.live_updates';
create aggregate public.latest(text) (sfunc = hidden.step, stype = text);

--- name: a computed column reads the feed
--- caught: RLS-E05
--- as: postgres
create table public.notes (id integer);
alter table public.notes enable row level security;
create function public.latest(public.notes) returns text language sql stable security definer as
  'select max(slug) from public.live_updates';

--- name: usernames and passwords by a function with a quoted name
--- caught: RLS-E10
create function public."People"() returns bigint language sql security definer as
  'select count(*) from pg_catalog.pg_authid';

--- name: the function of an event trigger reads the feed
--- caught: RLS-E05
create schema hidden;
create function hidden.log() returns event_trigger language plpgsql security definer as $$
begin perform count(*) from public.live_updates; end $$;
alter function hidden.log() owner to postgres;
create event trigger log on ddl_command_start when tag in ('CREATE SERVER') execute function hidden.log();

--- name: a foreign table behind a view
--- caught: RLS-E09
create foreign data wrapper elsewhere;
create server elsewhere foreign data wrapper elsewhere;
create schema hidden;
create foreign table hidden.remote (id integer) server elsewhere;
alter foreign table hidden.remote owner to postgres;
set role postgres;
create view public.remote as select * from hidden.remote;
grant select on public.remote to anon;
reset role;

--- name: a role that can be named has a definer of its own
--- caught: RLS-E05
create role reader;
grant reader to authenticator, postgres;
set role postgres;
create function public.latest() returns bigint language sql security definer as
  'select count(*) from public.live_updates';
revoke execute on function public.latest() from public, anon, authenticated;
grant execute on function public.latest() to reader;
reset role;

--- name: a definer of an inherited role only
--- caught: RLS-E05
create role readers;
grant readers to authenticated;
alter role authenticated inherit;
grant readers to authenticated;
set role postgres;
create function public.latest() returns bigint language sql security definer as
  'select count(*) from public.live_updates';
revoke execute on function public.latest() from public, anon, authenticated;
grant execute on function public.latest() to authenticated;
reset role;

--- name: two at once, a definer and the fence that is gone
--- caught: RLS-E05 RLS-P01
drop policy live_updates_fence on public.live_updates;
set role postgres;
create function public.latest() returns bigint language sql security definer as
  'select count(*) from public.live_updates';
reset role;

--- name: two at once, a policy that is wider and a fence that is for select only
--- caught: RLS-P02 RLS-R02
alter policy live_updates_read_own_site on public.live_updates using (true);
alter policy live_updates_fence on public.live_updates using (site_id is not null);

--- name: two at once, a hidden copy by a rule, and a function that shows it
--- caught: RLS-T06 RLS-E05
create schema hidden;
grant usage on schema hidden to anon;
create table hidden.copy (id uuid, slug text);
grant select on hidden.copy to anon;
create rule copy as on insert to public.live_updates do also
  insert into hidden.copy values (new.id, new.slug);
create function public.latest() returns setof hidden.copy language sql as 'select * from hidden.copy';

--- name: two at once, usage of our schema and a table without policies
--- caught: RLS-H01 RLS-G01 RLS-T02 RLS-S01
grant usage on schema spool_live to authenticated;
grant select on spool_live.sites to authenticated;
alter table spool_live.sites disable row level security;

--- name: two at once, a key that is not unique and a trigger that is off
--- caught: RLS-C02 RLS-C04
alter table public.live_updates drop constraint live_updates_site_seq;
alter table spool_live.api_keys disable trigger all;

--- name: two at once, a role by an attribute in a function behind a view
--- caught: RLS-E08
--- as: postgres
create schema hidden;
create function hidden.latest() returns bigint language sql set role = 'service_role' as
  'select count(*) from public.live_updates';
create view public.latest as select hidden.latest() as n;
grant select on public.latest to anon;

--- name: two at once, a trigger in another language behind a foreign key
--- caught: RLS-E11
create schema hidden;
create table public.lists (id integer primary key);
alter table public.lists enable row level security;
revoke all on public.lists from anon, authenticated;
grant select, delete on public.lists to anon;
create table hidden.entries (list integer references public.lists on delete cascade);
create function hidden.opaque() returns trigger language internal as 'suppress_redundant_updates_trigger';
create trigger opaque after delete on hidden.entries for each row execute function hidden.opaque();
