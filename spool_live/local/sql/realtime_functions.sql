-- The functions that application SQL calls to broadcast, and that policies call to learn the topic.

create or replace function realtime.topic() returns text
language sql stable as $$
    select nullif(current_setting('realtime.topic', true), '')
$$;

-- Leaves one broadcast for the subscribers of `topic`. Runs with the caller's rights and turns every
-- error into a warning: a broadcast never breaks the transaction it is sent from.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql as $$
declare
    message_id uuid := gen_random_uuid();
    message jsonb := payload;
begin
    if jsonb_typeof(message) = 'object' and not message ? 'id' then
        message := message || jsonb_build_object('id', message_id);
    end if;
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, topic, extension, event, private, payload)
    values (message_id, topic, 'broadcast', event, private, message);
exception when others then
    raise warning 'realtime.send lost a message for topic %: % (%)', topic, sqlerrm, sqlstate;
end $$;

-- For row triggers: broadcasts what happened to one row.
create or replace function realtime.broadcast_changes(
    topic_name text,
    event_name text,
    operation text,
    table_name text,
    table_schema text,
    new record,
    old record,
    level text default 'ROW'
)
returns void
language plpgsql as $$
declare
    change jsonb := jsonb_build_object(
        'operation', operation,
        'schema', table_schema,
        'table', table_name,
        'record', to_jsonb(new),
        'old_record', to_jsonb(old)
    );
begin
    if level <> 'ROW' then
        raise exception 'realtime.broadcast_changes needs a row trigger, not a % trigger', lower(level);
    end if;
    if operation not in ('INSERT', 'UPDATE', 'DELETE') then
        raise exception 'realtime.broadcast_changes does not know the operation %', operation;
    end if;
    perform realtime.send(change, event_name, topic_name);
end $$;

grant execute on all functions in schema auth to anon, authenticated, service_role, postgres;
grant execute on function realtime.topic() to anon, authenticated, service_role, postgres;
grant execute on function realtime.send(jsonb, text, text, boolean)
    to anon, authenticated, service_role, postgres;
grant execute on function
    realtime.broadcast_changes(text, text, text, text, text, record, record, text)
    to anon, authenticated, service_role, postgres;
