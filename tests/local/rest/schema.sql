-- What the tests of the REST half read and write. Rights are granted by name: the world is grant-none.

create table public.evt (
    id int primary key,
    site text default 'main',
    payload jsonb,
    amount numeric(10, 2),
    created_at timestamptz not null default now(),
    tags text[],
    constraint amount_positive check (amount > 0)
);
create table public.seat (
    place text,
    number int,
    holder text not null,
    primary key (place, number)
);
create table public.comment (
    id int primary key,
    evt_id int not null references public.evt
);
create table public.diary (
    id int primary key,
    owner uuid not null default auth.uid(),
    body text
);
create table public."Odd Name" (
    "per%cent" int primary key,
    "a.b" text,
    "say ""hi""" text,
    "comma,name" text
);
create table public.journal (line text);
create view public.evt_sites as select distinct site from public.evt;

alter table public.diary enable row level security;
create policy diary_mine on public.diary to authenticated
    using (owner = (select auth.uid())) with check (owner = (select auth.uid()));

grant all on all tables in schema public to service_role;
grant select, insert, update, delete on public.diary to authenticated;
grant insert on public.journal to authenticated;

create function public.add(a int, b int default 5) returns int
    language sql immutable as 'select a + b';
create function public.shout(words text[]) returns setof text
    language sql immutable as 'select upper(word) from unnest(words) word';
create function public.describe(subject json) returns jsonb
    language sql immutable as $$ select jsonb_build_object('type', json_typeof(subject)) $$;
create function public.mirror(jsonb) returns text
    language sql immutable as $$ select $1 ->> 'site' $$;
create function public.write_journal(line text) returns void
    language sql as 'insert into public.journal values (line)';
create function public.events_of(wanted text) returns setof public.evt
    language sql stable as 'select * from public.evt where site = wanted';
create function public.first_event() returns public.evt
    language sql stable as 'select * from public.evt order by id limit 1';
create function public.extent(out lowest int, out highest int)
    language sql stable as 'select min(id), max(id) from public.evt';
create function public.join_all(separator text, variadic words text[]) returns text
    language sql immutable as 'select array_to_string(words, separator)';
create function public.twice(value int) returns int language sql immutable as 'select value * 2';
create function public.twice(value text) returns text language sql immutable as 'select value || value';
create function public.whoami() returns json
    language sql stable as $$
        select json_build_object(
            'user', current_user,
            'claims', current_setting('request.jwt.claims')::json,
            'method', current_setting('request.method'),
            'path', current_setting('request.path'),
            'agent', current_setting('request.headers')::json ->> 'user-agent',
            'timeout', current_setting('statement_timeout'),
            'search_path', current_setting('search_path')
        )
    $$;
create function public.fail(code text, message text) returns void
    language plpgsql as $$ begin raise exception using errcode = code, message = fail.message; end $$;
create function public.wait(seconds float) returns void
    language sql as 'select pg_sleep(seconds)';
