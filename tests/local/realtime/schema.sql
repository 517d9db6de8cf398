-- The tables behind the recordings: sites, their updates, private topics `site:<id>`.

create table sites (id text primary key);

create table live_updates (
    id bigint generated always as identity primary key,
    site_id text,
    kind text,
    payload jsonb default '{}',
    created_at timestamptz default now()
);
alter table live_updates enable row level security;
grant select on live_updates to authenticated;

create function claimed_sites() returns jsonb
language sql stable as $$
    select coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'sites', '[]')
$$;
grant execute on function claimed_sites() to anon, authenticated;

create policy read_own_site on live_updates for select to authenticated
    using (claimed_sites() ? site_id);

create table not_published (id integer primary key, t text);
grant select on not_published to authenticated;

create table live_tmp (id integer primary key, t text);
grant select on live_tmp to authenticated;

-- what everybody sees
create table witnessed (id bigint generated always as identity primary key);
grant select on witnessed to authenticated;

alter publication supabase_realtime add table live_updates, live_tmp, witnessed;

create policy read_own_topic on realtime.messages for select to authenticated
    using (
        extension = 'broadcast'
        and realtime.topic() like 'site:%'
        and claimed_sites() ? substr(realtime.topic(), 6)
    );
