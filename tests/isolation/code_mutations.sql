-- Ways around the policies that hide in code: how it is written, what carries it, and what it leaves
-- behind for the next request. As reach_mutations.sql has them.

--- name: a setting's name in escapes
--- caught: RLS-E08
--- as: postgres
create function public.become() returns text language sql as
  $$ select set_config(E'rol\145', 'service_role', true) $$;

--- name: a setting's name in hexadecimal escapes
--- caught: RLS-E08
--- as: postgres
create function public.become() returns text language sql as
  $$ select set_config(e'\x72ole', 'service_role', true) $$;

--- name: a setting's name in an escape of four digits
--- caught: RLS-E08
--- as: postgres
create function public.become() returns text language sql as
  $$ select set_config(E'\u0072ole', 'service_role', true) $$;

--- name: a setting's name in two strings on two lines
--- caught: RLS-E08
--- as: postgres
create function public.become() returns text language sql as
  $$ select set_config('ro'
                       'le', 'service_role', true) $$;

--- name: a statement in escapes
--- caught: RLS-E08
--- as: postgres
create function public.become() returns void language plpgsql as
  $$ begin execute E'set local r\157le service_role'; end $$;

--- name: a template whose raw place is in escapes
--- caught: RLS-E08
--- as: postgres
create function public.sorted(by text) returns void language plpgsql as
  $$ begin execute format(E'select 1 order by \x25s', by); end $$;

--- name: an anonymous block in a statement
--- caught: RLS-E08
--- as: postgres
create function public.become() returns void language plpgsql as $$
begin
  execute 'do $x$ begin perform set_config(''role'', ''service_role'', true); end $x$';
end $$;

--- name: a temporary function made by a statement
--- caught: RLS-E08
--- as: postgres
create function public.become() returns void language plpgsql as $$
begin
  execute 'create or replace function pg_temp.become() returns void language plpgsql as
           $x$ begin set local role service_role; end $x$';
  perform pg_temp.become();
end $$;

--- name: a variable with the name of a keyword
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns void language plpgsql as $$
declare "on" text := query;
begin execute "on"; end $$;

--- name: a variable named like the end of a clause
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns void language plpgsql as $$
declare "function" text := query;
begin execute "function"; end $$;

--- name: a variable that is declared with an equals sign
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns void language plpgsql as $$
declare q text = query;
begin
  if q is null then q := 'select 1'; end if;
  execute q;
end $$;

--- name: a variable of a type with many words
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns void language plpgsql as $$
declare q character varying(1000) not null := query;
begin
  if q = '' then q := 'select 1'; end if;
  execute q;
end $$;

--- name: a variable that goes through an array
--- caught: RLS-E08
--- as: postgres
create function public.run(queries text[]) returns void language plpgsql as $$
declare q text := 'select 1';
begin
  foreach q in array queries loop execute q; end loop;
end $$;

--- name: a variable that a procedure changes
--- caught: RLS-E08
--- as: postgres
create procedure public.fill(inout q text) language plpgsql as $$ begin q := q || ''; end $$;
create function public.run(query text) returns void language plpgsql as $$
declare q text := 'select 1';
begin
  call public.fill(q);
  execute q;
end $$;

--- name: a variable that comes out of an error
--- caught: RLS-E08
--- as: postgres
create function public.run(query text) returns void language plpgsql as $$
declare q text := 'select 1';
begin
  begin
    raise exception '%', query;
  exception when others then
    get stacked diagnostics q = message_text;
  end;
  execute q;
end $$;

--- name: another name of an argument
--- caught: RLS-E08
--- as: postgres
create function public.run(text) returns void language plpgsql as $$
declare q alias for $1;
begin
  if q is null then q := 'select 1'; end if;
  execute q;
end $$;

--- name: an argument without a name
--- caught: RLS-E08
--- as: postgres
create function public.run(text) returns void language plpgsql as $$
begin
  if $1 is null then $1 := 'select 1'; end if;
  execute $1;
end $$;

--- name: strings that are read in another way
--- caught: RLS-E11
--- as: postgres
create function public.become() returns void language plpgsql
  set standard_conforming_strings = off set escape_string_warning = off as
$$ begin perform '\''; set local role service_role; perform '' || '\''; end $$;

--- name: a name that is longer than names are
--- caught: RLS-E05
--- as: postgres
create schema hidden;
create view hidden.latest_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa as
  select slug from public.live_updates;
grant usage on schema hidden to anon;
grant select on hidden.latest_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa to anon;
create function public.latest() returns setof text language plpgsql as $$
begin
  return query select l.slug from hidden.latest_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbb l;
end $$;

--- name: an aggregate of a function of PostgreSQL's
--- caught: RLS-E08
--- as: postgres
create schema hidden;
grant usage on schema hidden to anon;
create aggregate hidden.become(text, boolean) (sfunc = set_config, stype = text, initcond = 'role');
create function public.latest() returns setof text language sql as $$
  select hidden.become('service_role', true);
  select slug from public.live_updates;
$$;

--- name: an operator of a function of PostgreSQL's
--- caught: RLS-E08
--- as: postgres
create schema hidden;
grant usage on schema hidden to anon;
create operator hidden.~> (leftarg = tsquery, rightarg = text, function = ts_rewrite);
create function public.run(query text) returns tsquery language sql as
  $$ select 'a'::tsquery operator(hidden.~>) query $$;

--- name: an operator of a function of PostgreSQL's, in a view
--- caught: RLS-E08
--- as: postgres
create schema hidden;
create operator hidden.~> (leftarg = tsquery, rightarg = text, function = ts_rewrite);
create table hidden.queries (query text);
create view public.answers as
  select 'a'::tsquery operator(hidden.~>) query as answer from hidden.queries;
grant select on public.answers to anon;

--- name: a check of a domain becomes another
--- caught: RLS-E08
--- as: postgres
create domain public.word as text check (set_config('role', 'service_role', true) is not null);
create function public.echo(what public.word) returns bigint language sql as
  'select count(*) from public.live_updates';

--- name: the default of a domain becomes another
--- caught: RLS-E08
--- as: postgres
create domain public.word as text default set_config('role', 'service_role', true);
create table public.notes (id integer, word public.word);
alter table public.notes enable row level security;
grant insert on public.notes to anon;

--- name: the default of a domain reads the feed
--- caught: RLS-E05
--- as: postgres
create schema hidden;
create function hidden.latest() returns text language sql security definer as
  'select max(slug) from public.live_updates';
create domain public.word as text default hidden.latest();
create table public.notes (id integer, word public.word);
alter table public.notes enable row level security;
grant select, insert on public.notes to anon;

--- name: the key of a partitioned table reads the feed
--- caught: RLS-E12
--- as: postgres
create schema hidden;
create function hidden.place(text) returns integer language sql immutable security definer as
  'select count(*)::integer from public.live_updates where slug = $1';
create table public.guesses (slug text) partition by range (hidden.place(slug));
create table public.guesses_0 partition of public.guesses for values from (0) to (1);
alter table public.guesses enable row level security;
alter table public.guesses_0 enable row level security;
revoke all on public.guesses, public.guesses_0 from anon, authenticated;
grant insert on public.guesses to anon;

--- name: a member of a known extension hands out the feed
--- caught: RLS-E05
create extension vector schema public;
set role postgres;
create function public.latest() returns setof text language sql security definer as
  'select slug from public.live_updates';
reset role;
alter extension vector add function public.latest();

--- name: a member of a known extension becomes another
--- caught: RLS-E08
create extension vector schema public;
set role postgres;
create function public.become() returns void language plpgsql as
  $$ begin set local role service_role; end $$;
reset role;
alter extension vector add function public.become();

--- name: a definer in a known extension runs SQL
--- caught: RLS-E08
create extension vector schema public;
set role postgres;
create function public.run(query text) returns void language plpgsql security definer as
  $$ begin execute query; end $$;
reset role;
alter extension vector add function public.run(text);

--- name: a view of a known extension shows the feed
--- caught: RLS-E04
create extension vector schema public;
set role postgres;
create view public.latest as select slug from public.live_updates;
grant select on public.latest to anon;
reset role;
alter extension vector add view public.latest;

--- name: a function that is shown rows before policies are asked
--- caught: RLS-E05
create function public.seen(public.live_updates) returns boolean language plpgsql immutable leakproof as
  $$ begin raise exception '%', $1.slug; end $$;
alter function public.seen(public.live_updates) owner to postgres;

--- name: a temporary table that the next request finds
--- caught: RLS-E05
--- as: postgres
create function public.latest() returns setof text language plpgsql as $$
begin
  create temp table if not exists seen as select slug from public.live_updates;
  return query select slug from seen;
end $$;

--- name: a setting that the next request finds
--- caught: RLS-E05
--- as: postgres
create function public.remember() returns text language sql as
  $$ select set_config('app.last', (select max(slug) from public.live_updates), false) $$;
create function public.remembered() returns text language sql as
  $$ select current_setting('app.last', true) $$;

--- name: a cursor that the next request finds
--- caught: RLS-E05
--- as: postgres
create function public.remember() returns void language plpgsql as
  $$ begin execute 'declare seen cursor with hold for select slug from public.live_updates'; end $$;

--- name: a temporary table filled behind another function
--- caught: RLS-E05
--- as: postgres
create schema hidden;
grant usage on schema hidden to authenticated;
create function hidden.keep(what text) returns text language sql as
  $$ select set_config('app.last', what, false) $$;
create function public.remember() returns text language sql as
  $$ select hidden.keep(max(slug)) from public.live_updates $$;

--- name: a connection as somebody else
--- caught: RLS-E08
create schema hidden;
grant usage on schema hidden to anon;
create extension dblink schema hidden;
set role postgres;
create function public.latest() returns setof text language sql as $$
  select slug from hidden.dblink('host=127.0.0.1 user=postgres password=x',
                                 'select slug from public.live_updates') as found (slug text)
$$;
reset role;

--- name: a partition of Realtime's messages behind an invoker's view
--- caught: RLS-E04
do $$
declare part text;
begin
  select c.oid::regclass into part from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'realtime.messages'::regclass limit 1;
  execute format('alter table %s disable row level security', part);
  execute format('grant select on %s to anon', part);
  execute format('create view public.heard with (security_invoker = true) as select payload from %s', part);
end $$;
alter view public.heard owner to postgres;
grant select on public.heard to anon;

--- name: the claims of Realtime's subscribers in a view
--- caught: RLS-E04
create table if not exists realtime.subscription (id bigint, claims jsonb);
grant select on realtime.subscription to postgres;
set role postgres;
create view public.people as select claims from realtime.subscription;
grant select on public.people to anon;
reset role;

--- name: the secrets of the Vault by a function
--- caught: RLS-E05
create role supabase_vault_admin;
create schema vault;
create table vault.secrets (name text, secret text);
create view vault.decrypted_secrets as select * from vault.secrets;
alter table vault.secrets owner to supabase_vault_admin;
alter view vault.decrypted_secrets owner to supabase_vault_admin;
grant usage on schema vault to postgres;
grant select on vault.decrypted_secrets to postgres;
set role postgres;
create function public.secret(wanted text) returns text language sql security definer as
  'select secret from vault.decrypted_secrets where name = wanted';
reset role;

--- name: a function of a row in a schema that is searched too
--- caught: RLS-E05
create schema if not exists extensions;
grant usage, create on schema extensions to postgres;
grant usage on schema extensions to anon, authenticated;
set role postgres;
create function extensions.latest(public.live_updates) returns text language sql stable security definer as
  'select max(slug) from public.live_updates';
reset role;

--- name: two at once, escapes in an anonymous block
--- caught: RLS-E08
--- as: postgres
create function public.become() returns void language plpgsql as $$
begin
  execute E'do $x$ begin perform set_config(''\162ole'', ''service_role'', true); end $x$';
end $$;

--- name: two at once, an aggregate of PostgreSQL's function behind a view
--- caught: RLS-E08
--- as: postgres
create schema hidden;
create aggregate hidden.become(text, boolean) (sfunc = set_config, stype = text, initcond = 'role');
create view public.latest with (security_invoker = true) as
  select hidden.become('service_role', true) as who;
grant select on public.latest to anon;

--- name: two at once, a member of an extension behind an operator
--- caught: RLS-E05
create extension vector schema public;
create schema hidden;
grant usage on schema hidden to anon;
set role postgres;
create function public.known(text, text) returns boolean language sql security definer as
  'select exists (select from public.live_updates where slug = $1)';
create operator public.=== (leftarg = text, rightarg = text, function = public.known);
reset role;
alter extension vector add function public.known(text, text);
alter extension vector add operator public.=== (text, text);
