-- What the policies on realtime.messages allow on a topic: a row is tried and taken back.

create or replace function pg_temp.enter_channel(
    topic text, claims_role text, claims jsonb, headers jsonb
)
returns void
language sql volatile as $$
    select
        set_config('role', claims_role, true),
        set_config('realtime.topic', topic, true),
        set_config('request.jwt.claims', claims::text, true),
        set_config('request.jwt.claim.sub', coalesce(claims ->> 'sub', ''), true),
        set_config('request.jwt.claim.role', claims_role, true),
        set_config('request.headers', headers::text, true)
$$;

-- Those of the extensions ('broadcast', 'presence') that may be read: rows are inserted by the
-- server and looked for under the subscriber's role.
create or replace function pg_temp.readable_extensions(
    channel text, extensions text[], claims_role text, claims jsonb, headers jsonb
)
returns text[]
language plpgsql volatile as $$
declare
    probes uuid[];
    readable text[];
begin
    perform pg_temp.check_role(claims_role);
    with probe as (
        insert into realtime.messages (topic, extension)
        select channel, unnest(extensions)
        returning id
    )
    select array_agg(id) into probes from probe;
    perform pg_temp.enter_channel(channel, claims_role, claims, headers);
    select array_agg(extension) into readable from realtime.messages where id = any(probes);
    raise exception using errcode = 'RT001', message = 'take the probes back';
exception when sqlstate 'RT001' then
    return coalesce(readable, '{}');
end $$;

-- Whether the subscriber may send with this extension.
create or replace function pg_temp.writable_extension(
    channel text, wanted text, claims_role text, claims jsonb, headers jsonb
)
returns boolean
language plpgsql volatile as $$
begin
    perform pg_temp.check_role(claims_role);
    perform pg_temp.enter_channel(channel, claims_role, claims, headers);
    insert into realtime.messages (topic, extension) values (channel, wanted);
    raise exception using errcode = 'RT001', message = 'take the probe back';
exception
    when sqlstate 'RT001' then
        return true;
    when insufficient_privilege then
        return false;
end $$;
