-- realtime.messages: where the database leaves broadcasts, and where policies say who may join.

create schema if not exists realtime;
grant usage on schema realtime to anon, authenticated, service_role, postgres;
grant all on schema realtime to supabase_realtime_admin;

create table if not exists realtime.messages (
    topic       text not null,
    extension   text not null,
    payload     jsonb,
    event       text,
    private     boolean default false,
    updated_at  timestamp not null default timezone('utc', now()),
    inserted_at timestamp not null default timezone('utc', now()),
    id          uuid not null default gen_random_uuid(),
    primary key (id, inserted_at)
) partition by range (inserted_at);

alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant select, insert on realtime.messages to anon, authenticated, service_role;
grant all on realtime.messages to postgres;

-- what a replay reads: the newest private broadcasts of a topic
create index if not exists messages_inserted_at_topic_index
    on realtime.messages (inserted_at desc, topic)
    where extension = 'broadcast' and private;

-- Day partitions from yesterday to three days ahead; those older than three days go.
-- Called at start and then hourly by the server. Returns how many partitions it added.
create or replace function realtime.maintain_message_partitions(today date default (now() at time zone 'utc')::date)
returns integer
language plpgsql set search_path = '' as $$
declare
    day date;
    partition name;
    added integer := 0;
begin
    for day in select generate_series(today - 1, today + 3, interval '1 day')::date loop
        partition := to_char(day, '"messages_"YYYY_MM_DD');
        if to_regclass(format('realtime.%I', partition)) is null then
            execute format(
                'create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
                partition, day, day + 1
            );
            execute format('alter table realtime.%I owner to supabase_realtime_admin', partition);
            added := added + 1;
        end if;
    end loop;

    for partition in
        select child.relname
        from pg_catalog.pg_inherits
        join pg_catalog.pg_class child on child.oid = inhrelid
        where inhparent = 'realtime.messages'::regclass
          and child.relname ~ '^messages_\d{4}_\d\d_\d\d$'
          and to_date(right(child.relname, 10), 'YYYY_MM_DD') < today - 3
    loop
        execute format('drop table realtime.%I', partition);
    end loop;

    return added;
end $$;
revoke all on function realtime.maintain_message_partitions(date) from public;

-- one relation for the decoder, whatever the day; a broadcast is an insert and nothing else
do $$
begin
    if not exists (
        select from pg_publication where pubname = 'supabase_realtime_messages_publication'
    ) then
        create publication supabase_realtime_messages_publication for table realtime.messages
            with (publish = 'insert', publish_via_partition_root = true);
    end if;
end $$;
